"""Optimizers of ensembles: one state and one step for all members at once."""

from kanbench.files.registry import registered
from kanbench.training.optimizers.adam import Adam, Schedule
from kanbench.training.optimizers.base import Optimizer
from kanbench.training.optimizers.lbfgs import LBFGS
from kanbench.training.optimizers.levenberg_marquardt import LevenbergMarquardt
from kanbench.training.optimizers.sgd import SGD

OPTIMIZERS = registered("kanbench.training.optimizers", Optimizer)  # type: ignore[type-abstract]

__all__ = ["LBFGS", "OPTIMIZERS", "SGD", "Adam", "LevenbergMarquardt", "Optimizer", "Schedule"]
