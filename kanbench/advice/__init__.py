"""Advice on a table: the searched comparison within a time, an answer, and a fitted model."""

from kanbench.advice.advising import Advice, Request, advise_on
from kanbench.advice.from_python import advise, folder_of

__all__ = ["Advice", "Request", "advise", "advise_on", "folder_of"]
