"""Models as plain torch modules: (batch, n_in) -> (batch, n_out)."""

from kanbench.models.kan import KAN
from kanbench.models.layer import KANLayer
from kanbench.models.mlp import MLP, Activation
from kanbench.models.refine import extend, extend_all, update_grid, update_grids
from kanbench.models.switches import Aggregation, BaseBranch, EdgeScale, Initialization, Squash

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
