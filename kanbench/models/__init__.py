"""Models as plain modules (batch, n_in) -> (batch, n_out)."""

from kanbench.models.budget import BudgetTooSmall, Sizing, solve_width
from kanbench.models.kan import KAN, Aggregation, BaseBranch, EdgeScale, Initialisation, KANLayer, Squash
from kanbench.models.method import KANMethod, Method, MLPMethod
from kanbench.models.mlp import MLP, Activation
from kanbench.models.reference import CLASS_REFERENCES, REFERENCES, Reference, TooManyTerms
from kanbench.models.refine import extend, extend_all, update_grid, update_grids

__all__ = [
    "CLASS_REFERENCES",
    "KAN",
    "MLP",
    "REFERENCES",
    "Activation",
    "Aggregation",
    "BaseBranch",
    "BudgetTooSmall",
    "EdgeScale",
    "Initialisation",
    "KANLayer",
    "KANMethod",
    "MLPMethod",
    "Method",
    "Reference",
    "Sizing",
    "Squash",
    "TooManyTerms",
    "extend",
    "extend_all",
    "solve_width",
    "update_grid",
    "update_grids",
]
