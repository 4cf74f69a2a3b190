"""Training: ensembles of models trained at once, and single models."""

from kanbench.training.compiled import CompiledEnsemble
from kanbench.training.ensemble import Ensemble
from kanbench.training.losses import LOSSES, Loss
from kanbench.training.module import EnsembleModule
from kanbench.training.optimizers import LBFGS, OPTIMIZERS, SGD, Adam, LevenbergMarquardt, Optimizer, Schedule
from kanbench.training.single import Sparsity, train, train_all
from kanbench.training.trainer import fit

__all__ = [
    "LBFGS",
    "LOSSES",
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "CompiledEnsemble",
    "Ensemble",
    "EnsembleModule",
    "LevenbergMarquardt",
    "Loss",
    "Optimizer",
    "Schedule",
    "Sparsity",
    "fit",
    "train",
    "train_all",
]
