"""Ensembles of models trained at once, and a cell's way from config to record."""

from kanbench.training.adam import Adam, Schedule
from kanbench.training.cell import Cell, Precision, Vary
from kanbench.training.compiled import CompiledEnsemble
from kanbench.training.ensemble import Ensemble, Loss
from kanbench.training.lbfgs import LBFGS
from kanbench.training.levenberg_marquardt import LevenbergMarquardt
from kanbench.training.module import EnsembleModule, fit
from kanbench.training.optimizer import Optimizer
from kanbench.training.restore import CannotRestore, restore_cell, retrain
from kanbench.training.resume import ResumeFile
from kanbench.training.rows import unfinished
from kanbench.training.sgd import SGD
from kanbench.training.single import Sparsity, train, train_all
from kanbench.training.work import run_cell

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "adam": Adam,
    "lbfgs": LBFGS,
    "lm": LevenbergMarquardt,
    "sgd": SGD,
}

__all__ = [
    "LBFGS",
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "CannotRestore",
    "Cell",
    "CompiledEnsemble",
    "Ensemble",
    "EnsembleModule",
    "LevenbergMarquardt",
    "Loss",
    "Optimizer",
    "Precision",
    "ResumeFile",
    "Schedule",
    "Sparsity",
    "Vary",
    "fit",
    "restore_cell",
    "retrain",
    "run_cell",
    "train",
    "train_all",
    "unfinished",
]
