"""Equations as training takes them: their residuals evaluated by PyTorch."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.data import EquationTask
from kanbench.data.equations.expression import Expression
from kanbench.training.ensemble import Ensemble
from kanbench.training.residual import Condition, Hard, Problem
from kanbench.training.residual_ensemble import ResidualEnsemble

TORCH: dict[str, Callable[[Tensor], Tensor]] = {
    **{name: getattr(torch, name) for name in ("sqrt", "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan")},
    **{name: getattr(torch, name) for name in ("sinh", "cosh", "tanh", "abs", "sinc")},
    "step": lambda x: torch.heaviside(x, torch.ones_like(x)),
}


@dataclass(frozen=True)
class TorchResidual:
    """A residual as text, evaluated on tensors."""

    expression: Expression

    @property
    def orders(self) -> tuple[str, ...]:
        return self.expression.orders

    def __call__(self, x: Tensor, jet: dict[str, Tensor], coefficients: Tensor | None) -> Tensor:
        """Evaluate at rows (..., rows, variables), see `kanbench.training.residual.Residual`."""
        variables = dict(zip(self.expression.variables, x.unbind(-1), strict=True))
        unknown = {} if coefficients is None else dict(zip(self.expression.coefficients, coefficients, strict=True))
        value: Tensor = self.expression(variables | jet | unknown, TORCH)
        return value


def problem_of(task: EquationTask) -> Problem:
    """Return the equation of a task, with its conditions, as an ensemble is trained on it."""
    equation = task.trained
    conditions = zip(equation.conditions, equation.of_conditions, strict=True)
    return Problem(
        equation.box.names,
        tuple((float(each.low), float(each.high)) for each in task.variables),
        TorchResidual(equation.interior),
        tuple(Condition(TorchResidual(of), each.weight, each.is_periodic) for each, of in conditions),
        tuple(float(each.start) for each in task.coefficients),
        hard=None if task.hard is None else Hard(*map(_function, task.hard.expressions(equation.box))),
    )


def _function(expression: Expression) -> Callable[[Tensor], Tensor]:
    """Return a formula of the variables as a function of rows (..., variables) -> (...)."""

    def function(x: Tensor) -> Tensor:
        value = expression(dict(zip(expression.variables, x.unbind(-1), strict=True)), TORCH)
        return value + torch.zeros_like(x[..., 0]) * x.square().sum(dim=-1)  # so that constants have derivatives

    return function


def outputs_of(ensemble: Ensemble, theta: Tensor, x: Tensor) -> Tensor:
    """Return what members put out: predictions; of an equation residuals at packed rows, and u at points of the cube.

    Args:
        ensemble: The members.
        theta: Their parameters (members, params).
        x: Inputs (members, n, n_in); packed rows of an equation have more columns than its points.
    """
    if not isinstance(ensemble, ResidualEnsemble) or x.shape[-1] > len(ensemble.problem.variables):
        return ensemble.predict(theta, x)
    low, high = x.new_tensor(ensemble.problem.domain).unbind(dim=1)
    return ensemble.solution(theta, low + (high - low) * (x + 1.0) / 2.0)
