"""From records to answers. Imports no torch."""

from kanbench.analysis.answer import Answer, answers, say
from kanbench.analysis.load import choose_rates, load_records
from kanbench.analysis.summary import summarise

__all__ = ["Answer", "answers", "choose_rates", "load_records", "say", "summarise"]
