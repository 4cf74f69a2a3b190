"""Levenberg-Marquardt for ensembles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from kanbench.errors import require
from kanbench.training.ensemble import Ensemble, stacked
from kanbench.training.linear_model import LinearModel, linear_model
from kanbench.training.losses import Loss
from kanbench.training.optimizers.base import Converging, State
from kanbench.training.optimizers.metric import Metric, function_metric

SMALLEST_DAMPING, LARGEST_DAMPING = 1e-15, 1e10
PROBE = 0.1  # of a step: how far ahead the residual is evaluated for its second derivative


@dataclass
class LMState(State):
    """The state of each member; a training that goes on from it makes the linear model at theta again."""

    damping: Tensor  # (members,)
    growth: Tensor  # (members,) what the damping is multiplied by at the next rejection
    moved: Tensor  # (members,) bool: theta is not where the linear model was made
    loss: Tensor  # (members,) mean squared residual at theta
    metric: Tensor  # (members, params, params): D of the metric "functions"; (members, 0, 0) if D is the identity

    def __post_init__(self) -> None:
        self.problem: Problem | None = None

    def unpack(self, packed: dict[str, Any]) -> None:
        super().unpack(packed)
        self.problem = None


@dataclass
class Problem:
    """The least-squares problem of the members that are not done, with its linear model at their theta."""

    data: tuple[Tensor, Tensor]  # of all members
    live: Tensor  # (live,) their indices
    y: Tensor  # (live, n) targets; those of several outputs below each other
    model: LinearModel
    residual: Tensor  # (live, n)
    metric: Tensor  # (live, params, params) or (live, 0, 0)

    def goes_on(self, x: Tensor, y: Tensor, live: Tensor) -> bool:
        """Return whether these are its data, and no member has come back."""
        same = torch.equal(self.data[0], x) and torch.equal(self.data[1], y)
        return same and bool(torch.isin(live, self.live).all())

    def only(self, live: Tensor) -> "Problem":
        """Return the problem of members that are still live."""
        if len(live) == len(self.live):
            return self
        at = torch.nonzero(torch.isin(self.live, live)).squeeze(1)
        return Problem(self.data, live, self.y[at], self.model.only(at), self.residual[at], self.metric[at])


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
        return LMState(
            theta=theta.clone(),
            evaluations=zeros.double(),
            steps=zeros.clone(),
            done=zeros.bool(),
            damping=theta.new_full((members,), self.damping),
            growth=theta.new_full((members,), 2.0),
            moved=~zeros.bool(),
            loss=theta.new_full((members,), torch.inf),
            metric=function_metric(ensemble) if self.metric is Metric.functions else theta.new_empty(members, 0, 0),
        )

    @torch.no_grad()
    def advance(self, ensemble: Ensemble, state: State, x: Tensor, y: Tensor, steps: int) -> None:
        assert isinstance(state, LMState)
        if state.problem is not None and not state.problem.goes_on(x, y, torch.nonzero(~state.done).squeeze(1)):
            state.problem = None
        for _ in range(steps):
            live = torch.nonzero(~state.done).squeeze(1)
            if len(live) == 0:
                return
            moved = state.moved[live]
            state.evaluations[live] += moved
            if state.problem is None:
                state.problem, moved = _problem(ensemble, state, x, y, live), torch.ones_like(moved)
            state.problem = state.problem.only(live)
            if moved.any():
                state.problem.model.linearize(state.theta[live], moved)
            self._step(state, state.problem)

    def _step(self, state: LMState, problem: Problem) -> None:
        """Try one step of every live member; keep those that lower the loss."""
        live, model, residual = problem.live, problem.model, problem.residual
        theta, damping, before = state.theta[live], state.damping[live], state.loss[live]
        solver = _Solver(model, damping, problem.metric)
        step, slope = solver.solve(residual)
        trial = theta + (step + self._acceleration(problem, theta, step, solver) if self.bend else step)
        after = model.predict(trial) - problem.y
        loss = after.square().mean(dim=1)
        state.evaluations[live] += 1 + (self.bend > 0)
        state.steps[live] += 1

        # The quadratic model promises -step.slope + damping step.D step, because (A + damping D) step = -slope.
        promised = damping * solver.length(step) ** 2 - (step * slope).sum(dim=1)
        better = (loss < before) & (promised > 0)  # False for NaN, and where there was no step to take
        model.keep(better)
        state.theta[live] = torch.where(better.unsqueeze(1), trial, theta)
        problem.residual = torch.where(better.unsqueeze(1), after, residual)
        state.loss[live] = torch.where(better, loss, before)
        state.moved[live] = better

        ratio = ((before - loss) / promised).nan_to_num(0.0)
        shrink = (1.0 - (2.0 * ratio - 1.0) ** 3).clamp(1.0 / 3.0, 1.0)
        damping = damping * torch.where(better, shrink, state.growth[live])
        state.damping[live] = damping.clamp(SMALLEST_DAMPING, LARGEST_DAMPING)
        state.growth[live] = torch.where(better, 2.0, 2.0 * state.growth[live])
        state.done[live] = damping >= LARGEST_DAMPING

    def _acceleration(self, problem: Problem, theta: Tensor, step: Tensor, solver: "_Solver") -> Tensor:
        """Return what bends the step (live, params); zero where it would exceed `bend` lengths of the step."""
        ahead = problem.model.predict(theta + PROBE * step) - problem.y
        curvature = 2.0 / PROBE * ((ahead - problem.residual) / PROBE - problem.model.along(step))
        bend = 0.5 * solver.solve(curvature)[0]
        gentle = 2.0 * solver.length(bend) <= self.bend * solver.length(step)  # False for NaN
        return torch.where(gentle.unsqueeze(1), bend, 0.0)


def _problem(ensemble: Ensemble, state: LMState, x: Tensor, y: Tensor, live: Tensor) -> Problem:
    """Return the problem of the live members, with the linear model at their theta."""
    metric = state.metric[live]
    embedded = ensemble.embed(x)[live]
    model = linear_model(ensemble.only(live), embedded, one_output=y.ndim == 2, can_be_dual=metric.numel() == 0)
    targets = stacked(y[live])
    residual = model.predict(state.theta[live]) - targets
    model.keep(torch.ones_like(live, dtype=torch.bool))
    state.loss[live] = residual.square().mean(dim=1)
    return Problem((x, y), live, targets, model, residual, metric)


class _Solver:
    """The system of a linear model with damping D added to it, factored; D is the identity where `metric` is empty."""

    def __init__(self, model: LinearModel, damping: Tensor, metric: Tensor) -> None:
        self._model, self._metric = model, metric
        factor = model.system.clone()
        if metric.numel() == 0:
            factor.diagonal(dim1=1, dim2=2).add_(damping.unsqueeze(1))
        else:
            factor += damping.view(-1, 1, 1) * metric
        failed = torch.empty(len(factor), dtype=torch.int32, device=factor.device)
        torch.linalg.cholesky_ex(factor, out=(factor, failed))
        self._factor, self._solvable = factor, (failed == 0).unsqueeze(1)

    def solve(self, residual: Tensor) -> tuple[Tensor, Tensor]:
        """From residuals r (live, n) to -(J^T J / n + damping D)^-1 J^T r / n and J^T r / n, both (live, params).

        The former is zero where the system is not positive definite, so that the step is rejected.
        """
        right = residual / self._model.n
        slope = self._model.slope(right)
        solution = self._model.slope(self._solve(right)) if self._model.is_dual else self._solve(slope)
        return torch.where(self._solvable, -solution, 0.0), slope

    def length(self, step: Tensor) -> Tensor:
        """Return the lengths of steps in the metric: (live, params) -> (live,)."""
        if self._metric.numel() == 0:
            return step.norm(dim=1)
        measured = (step.unsqueeze(1) @ self._metric).squeeze(1)
        return (measured * step).sum(dim=1).sqrt()

    def _solve(self, right: Tensor) -> Tensor:
        half = torch.linalg.solve_triangular(self._factor, right.unsqueeze(2), upper=False)
        return torch.linalg.solve_triangular(self._factor.mT, half, upper=True).squeeze(2)
