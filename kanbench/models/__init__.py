"""Models as plain torch modules: (batch, n_in) -> (batch, n_out)."""

from kanbench.models.kan import KAN, Aggregation, BaseBranch, EdgeScale, Initialization, KANLayer, Squash
from kanbench.models.mlp import MLP, Activation
from kanbench.models.refine import extend, extend_all, update_grid, update_grids

__all__ = [
    "KAN",
    "MLP",
    "Activation",
    "Aggregation",
    "BaseBranch",
    "EdgeScale",
    "Initialization",
    "KANLayer",
    "Squash",
    "extend",
    "extend_all",
    "update_grid",
    "update_grids",
]
