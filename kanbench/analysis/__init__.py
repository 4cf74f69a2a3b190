"""From records to answers. Imports no torch."""

from kanbench.analysis.load import choose_rates, load_records
from kanbench.analysis.summary import summarise

__all__ = ["choose_rates", "load_records", "summarise"]
