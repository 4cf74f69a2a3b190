"""Levenberg-Marquardt for ensembles."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import torch
from torch import Tensor

from kanbench.errors import require
from kanbench.training.ensemble import Embedded, Ensemble, stacked
from kanbench.training.losses import Loss
from kanbench.training.optimizers.base import Converging, State
from kanbench.training.optimizers.gram import lower_gram
from kanbench.training.optimizers.metric import Metric, function_metric

SMALLEST_DAMPING, LARGEST_DAMPING = 1e-15, 1e10
PROBE = 0.1  # of a step: how far ahead the residual is evaluated for its second derivative


@dataclass
class LMState(State):
    """Beside the damping of each member, its linear model of the residual at theta, rebuilt once theta has moved.

    Of several outputs there is a residual for each: n is their number times that of the rows, see `stacked`. With
    k = min(params, n): `system` is J^T J / n, or J J^T / n in the dual form.
    """

    damping: Tensor  # (members,)
    growth: Tensor  # (members,) what the damping is multiplied by at the next rejection
    moved: Tensor  # (members,) bool
    loss: Tensor  # (members,) mean squared residual at theta
    residual: Tensor  # (members, n)
    jacobian: Tensor  # (members, n, params)
    system: Tensor  # (members, k, k), of which the lower triangle is used
    metric: Tensor  # (members, params, params): D of the metric "functions"; (members, 0, 0) if D is the identity


@dataclass(frozen=True)
class LevenbergMarquardt(Converging):
    """Damped Gauss-Newton on the mean squared residual, with one damping per member and geodesic acceleration.

    A step solves (J^T J / n + damping D) step = -J^T r / n by Cholesky. D, the `metric`, is the identity in the units
    of theta, or the Gram matrix of the functions of every layer; the former has a dual n x n system where parameters
    outnumber residuals, of which every row has one for each output. The acceleration bends it by half the solution
    for the second derivative of the residual along the step, which one more evaluation gives by a finite difference;
    where twice its length exceeds `bend` lengths of the step, the step stays straight (0: always). A step is kept if
    the loss falls; the damping follows the ratio of actual to predicted gain. A member is done when no damping
    helps any more; done members leave the batch.

    Source: Nielsen, "Damping parameter in Marquardt's method" (1999), eq. 2.5; Transtrum & Sethna 2012
    (arXiv:1201.5885), section 3.
    """

    word: ClassVar[str] = "lm"  # in configs

    steps: int = 1_000
    check_every: int = 10
    damping: float = 1e-2
    metric: Metric = Metric.coefficients
    bend: float = 0.75

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.damping > 0, "damping", "must be positive", self.damping)
        require(self.bend >= 0, "bend", "must not be negative (0: no acceleration)", self.bend)

    def can_minimize(self, loss: Loss) -> bool:
        return loss.is_squares  # whose residuals it linearizes

    def start(self, ensemble: Ensemble, theta: Tensor, rates: Tensor, orders: Sequence[torch.Generator]) -> LMState:
        require(self.can_minimize(ensemble.loss), "loss", "must be the mean squared error", ensemble.loss.name)
        members = len(theta)
        zeros = torch.zeros(members, dtype=torch.long, device=theta.device)
        empty = theta.new_empty(members, 0)
        return LMState(
            theta=theta.clone(),
            evaluations=zeros.double(),
            steps=zeros.clone(),
            done=zeros.bool(),
            damping=theta.new_full((members,), self.damping),
            growth=theta.new_full((members,), 2.0),
            moved=~zeros.bool(),
            loss=theta.new_full((members,), torch.inf),
            residual=empty,
            jacobian=empty,
            system=empty,
            metric=function_metric(ensemble) if self.metric is Metric.functions else theta.new_empty(members, 0, 0),
        )

    def advance(self, ensemble: Ensemble, state: State, x: Tensor, y: Tensor, steps: int) -> None:
        assert isinstance(state, LMState)
        inputs = ensemble.embed(x)
        if state.residual.shape != (len(y), y[0].numel()):
            state.residual = stacked(ensemble.predict(state.theta, inputs) - y)
            state.loss = state.residual.square().mean(dim=1)
        for _ in range(steps):
            live = _where(~state.done)
            if len(live) == 0:
                return
            _linearize(ensemble, state, inputs, _where(state.moved & ~state.done))
            self._step(ensemble.only(live), state, inputs, y, live)

    def _step(self, ensemble: Ensemble, state: LMState, x: Embedded, y: Tensor, live: Tensor) -> None:
        """Try one step of every live member; keep those that lower the loss."""
        theta, damping, before = state.theta[live], state.damping[live], state.loss[live].clone()
        x, y = _rows(x, live), _rows(y, live)
        solve = _damped_solver(state, live)
        residual = _rows(state.residual, live)
        step, slope = solve(residual)
        trial = theta + (step + self._acceleration(ensemble, state, x, y, live, step, solve) if self.bend else step)
        after = stacked(ensemble.predict(trial, x) - y)
        loss = after.square().mean(dim=1)
        state.evaluations[live] += 1 + (self.bend > 0)
        state.steps[live] += 1

        # The quadratic model promises -step.slope + damping step.D step, because (A + damping D) step = -slope.
        promised = damping * _length(state, live, step).square() - (step * slope).sum(dim=1)
        better = (loss < before) & (promised > 0)  # False for NaN, and where there was no step to take
        state.theta[live] = torch.where(better.unsqueeze(1), trial, theta)
        state.residual = _replaced(state.residual, live, torch.where(better.unsqueeze(1), after, residual))
        state.loss[live] = torch.where(better, loss, before)
        state.moved[live] = better

        ratio = ((before - loss) / promised).nan_to_num(0.0)
        shrink = (1.0 - (2.0 * ratio - 1.0) ** 3).clamp(1.0 / 3.0, 1.0)
        damping = damping * torch.where(better, shrink, state.growth[live])
        state.damping[live] = damping.clamp(SMALLEST_DAMPING, LARGEST_DAMPING)
        state.growth[live] = torch.where(better, 2.0, 2.0 * state.growth[live])
        state.done[live] = damping >= LARGEST_DAMPING

    def _acceleration(
        self, ensemble: Ensemble, state: LMState, x: Embedded, y: Tensor, live: Tensor, step: Tensor, solve: "Solver"
    ) -> Tensor:
        """Return what bends the step (live, params); zero where it would exceed `bend` lengths of the step."""
        residual = _rows(state.residual, live)
        along = (step.unsqueeze(1) @ _rows(state.jacobian, live).mT).squeeze(1)
        ahead = stacked(ensemble.predict(state.theta[live] + PROBE * step, x) - y)
        curvature = 2.0 / PROBE * ((ahead - residual) / PROBE - along)
        bend = 0.5 * solve(curvature)[0]
        gentle = 2.0 * _length(state, live, bend) <= self.bend * _length(state, live, step)  # False for NaN
        return torch.where(gentle.unsqueeze(1), bend, 0.0)


def _linearize(ensemble: Ensemble, state: LMState, x: Embedded, which: Tensor) -> None:
    """Rebuild the linear model of the members in `which` at their theta."""
    if len(which) == 0:
        return
    jacobian = ensemble.only(which).jacobians(_rows(state.theta, which), _rows(x, which))  # (which, n, params)
    n, params = jacobian.shape[1:]
    is_dual = params > n and state.metric.numel() == 0
    system = lower_gram(jacobian if is_dual else jacobian.mT).div_(n)
    state.jacobian = _replaced(state.jacobian, which, jacobian)
    state.system = _replaced(state.system, which, system)
    state.evaluations[which] += 1
    state.moved[which] = False


def _length(state: LMState, live: Tensor, step: Tensor) -> Tensor:
    """The length of steps (live, params) in the metric: (live,)."""
    if state.metric.numel() == 0:
        return step.norm(dim=1)
    measured = (step.unsqueeze(1) @ _rows(state.metric, live)).squeeze(1)
    return (measured * step).sum(dim=1).sqrt()


Solver = Callable[[Tensor], tuple[Tensor, Tensor]]


def _damped_solver(state: LMState, live: Tensor) -> Solver:
    """From residuals r (live, n) to -(J^T J / n + damping D)^-1 J^T r / n and J^T r / n, both (live, params).

    The former is zero where the system is not positive definite, so that the step is rejected.
    """
    jacobian = _rows(state.jacobian, live)
    n, params = jacobian.shape[1:]
    system = _rows(state.system, live).clone()
    if state.metric.numel() == 0:
        system.diagonal(dim1=1, dim2=2).add_(state.damping[live].unsqueeze(1))
    else:
        system += state.damping[live].view(-1, 1, 1) * _rows(state.metric, live)
    factor, failed = torch.linalg.cholesky_ex(system)
    solvable = (failed == 0).unsqueeze(1)

    def solve(residual: Tensor) -> tuple[Tensor, Tensor]:
        # Products with vectors as rows: batched BLAS is three times faster at them than with columns.
        right = residual.unsqueeze(1) / n
        slope = right @ jacobian
        if system.shape[1] < params:  # dual
            solution = torch.cholesky_solve(right.mT, factor).mT @ jacobian
        else:
            solution = torch.cholesky_solve(slope.mT, factor).mT
        return torch.where(solvable, -solution.squeeze(1), 0.0), slope.squeeze(1)

    return solve


Batched = TypeVar("Batched", Tensor, Embedded)


def _where(mask: Tensor) -> Tensor:
    return torch.nonzero(mask).squeeze(1)


def _rows(tensor: Batched, which: Tensor) -> Batched:
    """tensor[which] for ascending `which`, without a copy where it is everything."""
    return tensor if len(which) == len(tensor) else tensor[which]


def _replaced(tensor: Tensor, which: Tensor, rows: Tensor) -> Tensor:
    """`tensor` with `rows` at `which`, in place unless they are everything."""
    if len(which) == len(tensor):
        return rows
    tensor[which] = rows
    return tensor
