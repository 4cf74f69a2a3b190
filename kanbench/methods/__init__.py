"""Methods: the networks that are compared, and the references beside them."""

from kanbench.files.registry import registered
from kanbench.methods.base import Method, NetworkMethod
from kanbench.methods.budget import BudgetTooSmall, Sizing, solve_nodes
from kanbench.methods.kan import KANMethod
from kanbench.methods.mlp import MLPMethod
from kanbench.methods.own import OwnMethod
from kanbench.methods.reference import REFERENCES, Reference, TooManyTerms, references_of
from kanbench.methods.solver import Solver

METHODS = registered("kanbench.methods", NetworkMethod)  # type: ignore[type-abstract]

__all__ = [
    "METHODS",
    "REFERENCES",
    "BudgetTooSmall",
    "KANMethod",
    "MLPMethod",
    "Method",
    "NetworkMethod",
    "OwnMethod",
    "Reference",
    "Sizing",
    "Solver",
    "TooManyTerms",
    "references_of",
    "solve_nodes",
]
