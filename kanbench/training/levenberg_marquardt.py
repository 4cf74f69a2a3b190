"""Levenberg-Marquardt for ensembles."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.base import require
from kanbench.training.ensemble import Ensemble
from kanbench.training.optimizer import Optimizer, State

SMALLEST_DAMPING, LARGEST_DAMPING = 1e-15, 1e10


@dataclass
class LMState(State):
    """Beside the damping of each member, its quadratic model of the loss at theta, rebuilt once theta has moved.

    With k = min(params, n): `system` is J^T J / n, or J J^T / n in the dual form, which alone keeps `jacobian`.
    """

    damping: Tensor  # (members,)
    growth: Tensor  # (members,) what the damping is multiplied by at the next rejection
    stalled: Tensor  # (members,) accepted steps in a row whose gain was under the tolerance
    moved: Tensor  # (members,) bool
    loss: Tensor  # (members,) mean squared residual at theta
    residual: Tensor  # (members, n)
    slope: Tensor  # (members, params) J^T r / n
    system: Tensor  # (members, k, k)
    jacobian: Tensor | None  # (members, n, params)


@dataclass(frozen=True)
class LevenbergMarquardt(Optimizer):
    """Damped Gauss-Newton on the mean squared residual, with one damping per member.

    A step solves (J^T J / n + damping I) step = -J^T r / n by Cholesky, or the dual n x n system where parameters
    outnumber samples. It is kept if the loss falls; the damping follows the ratio of actual to predicted gain. A
    member is done when `patience` accepted steps in a row each gained under `tolerance` of its loss, or when no
    damping helps any more; done members leave the batch.

    Source: Nielsen, "Damping parameter in Marquardt's method" (1999), eq. 2.5; Madsen, Nielsen & Tingleff (2004).
    """

    steps: int = 100
    check_every: int = 10
    damping: float = 1e-2
    tolerance: float = 1e-3
    patience: int = 10

    def __post_init__(self) -> None:
        require(self.steps >= 1, "steps", "must be at least 1", self.steps)
        require(self.check_every >= 1, "check_every", "must be at least 1", self.check_every)
        require(self.damping > 0, "damping", "must be positive", self.damping)
        require(self.tolerance >= 0, "tolerance", "must not be negative", self.tolerance)
        require(self.patience >= 1, "patience", "must be at least 1", self.patience)

    @property
    def trials(self) -> tuple[None]:
        return (None,)

    @property
    def total_steps(self) -> int:
        return self.steps

    @property
    def steps_per_check(self) -> int:
        return self.check_every

    def start(self, ensemble: Ensemble, theta: Tensor, rates: Tensor, orders: Sequence[torch.Generator]) -> LMState:
        members = len(theta)
        zeros = torch.zeros(members, dtype=torch.long, device=theta.device)
        empty = theta.new_empty(members, 0)
        return LMState(
            theta=theta.clone(),
            evaluations=zeros,
            done=zeros.bool(),
            damping=theta.new_full((members,), self.damping),
            growth=theta.new_full((members,), 2.0),
            stalled=zeros.clone(),
            moved=~zeros.bool(),
            loss=theta.new_full((members,), torch.inf),
            residual=empty,
            slope=torch.empty_like(theta),
            system=empty,
            jacobian=None,
        )

    def advance(self, ensemble: Ensemble, state: State, x: Tensor, y: Tensor, steps: int) -> None:
        assert isinstance(state, LMState)
        if state.residual.shape != y.shape:
            _make_room(state, n=y.shape[1])
        for _ in range(steps):
            live = _where(~state.done)
            if len(live) == 0:
                return
            _linearise(ensemble, state, x, y, _where(state.moved & ~state.done))
            self._step(ensemble, state, x, y, live)

    def _step(self, ensemble: Ensemble, state: LMState, x: Tensor, y: Tensor, live: Tensor) -> None:
        """Try one step of every live member; keep those that lower the loss."""
        damping, slope, before = state.damping[live], state.slope[live], state.loss[live]
        step = _solve(state, live, damping)
        theta = state.theta[live] + step
        residual = ensemble.predict(theta, x[live]) - y[live]
        loss = residual.square().mean(dim=1)
        state.evaluations[live] += 1

        # The quadratic model promises -step.slope + damping |step|^2, because (A + damping I) step = -slope.
        promised = (step * (damping.unsqueeze(1) * step - slope)).sum(dim=1)
        better = loss < before  # False for NaN
        state.theta[live] = torch.where(better.unsqueeze(1), theta, state.theta[live])
        state.loss[live] = torch.where(better, loss, before)
        state.moved[live] = better

        ratio = ((before - loss) / promised).nan_to_num(0.0)
        shrink = (1.0 - (2.0 * ratio - 1.0) ** 3).clamp(1.0 / 3.0, 1.0)
        damping = damping * torch.where(better, shrink, state.growth[live])
        state.damping[live] = damping.clamp(SMALLEST_DAMPING, LARGEST_DAMPING)
        state.growth[live] = torch.where(better, 2.0, 2.0 * state.growth[live])

        small = better & (before - loss <= self.tolerance * before)
        state.stalled[live] = torch.where(small, state.stalled[live] + 1, torch.where(better, 0, state.stalled[live]))
        state.done[live] = (state.stalled[live] >= self.patience) | (damping >= LARGEST_DAMPING)


def _make_room(state: LMState, n: int) -> None:
    members, params = state.theta.shape
    k = min(params, n)
    state.residual = state.theta.new_zeros(members, n)
    state.system = state.theta.new_zeros(members, k, k)
    state.jacobian = state.theta.new_zeros(members, n, params) if params > n else None
    state.moved.fill_(True)


def _linearise(ensemble: Ensemble, state: LMState, x: Tensor, y: Tensor, which: Tensor) -> None:
    """Rebuild the quadratic model of the members in `which` at their theta."""
    if len(which) == 0:
        return
    n = y.shape[1]
    jacobian = ensemble.jacobians(state.theta[which], x[which])  # (which, n, params)
    residual = ensemble.predict(state.theta[which], x[which]) - y[which]
    state.residual[which] = residual
    state.loss[which] = residual.square().mean(dim=1)
    state.slope[which] = (jacobian.mT @ residual.unsqueeze(2)).squeeze(2) / n
    state.system[which] = (jacobian.mT @ jacobian if state.jacobian is None else jacobian @ jacobian.mT) / n
    if state.jacobian is not None:
        state.jacobian[which] = jacobian
    state.evaluations[which] += 1
    state.moved[which] = False


def _solve(state: LMState, live: Tensor, damping: Tensor) -> Tensor:
    """The damped step (live, params); zero where the system is not positive definite, so that it is rejected."""
    system = state.system[live]
    system.diagonal(dim1=1, dim2=2).add_(damping.unsqueeze(1))
    factor, failed = torch.linalg.cholesky_ex(system)
    if state.jacobian is None:
        step = -torch.cholesky_solve(state.slope[live].unsqueeze(2), factor).squeeze(2)
    else:
        n = state.residual.shape[1]
        weights = torch.cholesky_solve(state.residual[live].unsqueeze(2), factor)
        step = -(state.jacobian[live].mT @ weights).squeeze(2) / n
    return torch.where((failed == 0).unsqueeze(1), step, 0.0)


def _where(mask: Tensor) -> Tensor:
    return torch.nonzero(mask).squeeze(1)
