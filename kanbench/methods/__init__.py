"""Methods: what is compared, and the references beside them."""

from kanbench.methods.base import Method
from kanbench.methods.budget import BudgetTooSmall, Sizing, solve_width
from kanbench.methods.kan import KANMethod
from kanbench.methods.mlp import MLPMethod
from kanbench.methods.reference import CLASS_REFERENCES, REFERENCES, Reference, TooManyTerms

__all__ = [
    "CLASS_REFERENCES",
    "REFERENCES",
    "BudgetTooSmall",
    "KANMethod",
    "MLPMethod",
    "Method",
    "Reference",
    "Sizing",
    "TooManyTerms",
    "solve_width",
]
