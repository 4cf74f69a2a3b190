"""Checks of runs on differential equations: rows are taken at once, by networks that are smooth enough."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from omegaconf import DictConfig, OmegaConf

from kanbench.config.config import Config
from kanbench.data import EquationTask, Task
from kanbench.data.equations.renewal import NOTHING
from kanbench.errors import ConfigError
from kanbench.methods import NetworkMethod, OwnMethod
from kanbench.models.activations import roughest

SPLINES = ("bspline", "free_knots")  # whose degree may be "auto"


def check_equations(config: Config, tasks: Sequence[EquationTask]) -> None:
    """Raise `ConfigError` for what cannot be trained on equations."""
    if config.optimizer.shuffles:
        raise ConfigError(
            "optimizer.batch: must be 0 for differential equations, because every step takes all rows of all conditions"
        )
    _check_rounds(config, tasks)
    if config.trainer.compile:
        raise ConfigError("trainer.compile: must be false for differential equations")
    for method in config.methods:
        if isinstance(method, OwnMethod):
            continue  # whose code is differentiated as it is
        smoothness, name = _roughest(method)
        for task in tasks:
            if smoothness < task.equation.order:
                raise ConfigError(
                    f"model: {method.label} has {smoothness:g} continuous derivatives, because of {name}, and "
                    f"{task.name} is of order {task.equation.order}"
                )


def _check_rounds(config: Config, tasks: Sequence[EquationTask]) -> None:
    """Raise `ConfigError` for more rounds than steps, and for rounds of a basis that grows in stages."""
    renewal, steps = tasks[0].renewal, config.optimizer.steps
    if renewal.rounds > steps:
        raise ConfigError(f"data.rounds: must be at most the number of steps, {steps}, got {renewal.rounds}")
    staged = next((method for method in config.methods if method.stages), None)
    if staged is not None and renewal != NOTHING:
        raise ConfigError(
            f"data: rounds, balance and causal must be left as they are for {staged.label}, because its basis grows in "
            "stages, which keep their rows and weights"
        )


def with_degrees(node: DictConfig, tasks: Sequence[Task]) -> DictConfig:
    """Return a config in which a degree of splines that is "auto" is the one that suits the tasks.

    Cubic splines suit functions and equations of the first order. Those of the second order need quintic ones: the
    second derivative of a cubic spline is piecewise linear.
    """
    node = deepcopy(node)
    order = max((task.equation.order for task in tasks if isinstance(task, EquationTask)), default=0)
    for path in ("basis", "model.basis", "baseline.basis"):
        basis = OmegaConf.select(node, path)
        if OmegaConf.is_dict(basis) and basis.get("name") in SPLINES and basis.get("degree") == "auto":
            basis.degree = 5 if order == 2 else 3
    return node


def _roughest(method: NetworkMethod) -> tuple[float, str]:
    """Return the number of continuous derivatives of the networks of a method, and the name of what limits it."""
    model = method.first.build(1, method.depth, torch.Generator().manual_seed(0), torch.float64)
    return roughest(model)
