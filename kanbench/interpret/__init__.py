"""What a trained network has learned: its edges by name, and the whole of it as a formula."""

from kanbench.interpret.expression import evaluate, formula
from kanbench.interpret.fit import Fit, fit_edge, suggest
from kanbench.interpret.library import LIBRARY, Absorbs, Domain, Function, select
from kanbench.interpret.same import Sameness, same_function
from kanbench.interpret.symbolic import SymbolicLayer, snap
from kanbench.interpret.tidy import tidy

__all__ = [
    "LIBRARY",
    "Absorbs",
    "Domain",
    "Fit",
    "Function",
    "Sameness",
    "SymbolicLayer",
    "evaluate",
    "fit_edge",
    "formula",
    "same_function",
    "select",
    "snap",
    "suggest",
    "tidy",
]
