"""L-BFGS for ensembles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from kanbench.errors import require
from kanbench.training.ensemble import Ensemble, Inputs
from kanbench.training.optimizers.base import Converging, State

C1, C2 = 1e-4, 0.9  # of the Wolfe conditions: sufficient decrease, and how much flatter the slope must become


@dataclass
class LBFGSState(State):
    """Beside theta, what is known of the loss there, and the last moves of theta, the newest last.

    A pair of zeros is a free place in the memory.
    """

    loss: Tensor  # (members,)
    gradient: Tensor  # (members, params)
    moves: Tensor  # (members, memory, params): s, differences of theta
    changes: Tensor  # (members, memory, params): y, differences of the gradient


class Line(NamedTuple):
    """A line search of every member, each at a stage of its own. Points (members, 3) are step length, loss, slope."""

    direction: Tensor  # (members, params)
    start: Tensor  # the point at length 0
    low: Tensor  # the best point of sufficient decrease, at first `start`
    high: Tensor  # with `low` it brackets a minimum; its length is infinite until a trial has gone too far
    gradient: Tensor  # (members, params) at `low`
    length: Tensor  # (members,) to be tried next
    crowded: Tensor  # (members,) bool: that trial is close to an end of its bracket
    trials: Tensor  # (members,) evaluations so far


@dataclass(frozen=True)
class LBFGS(Converging):
    """L-BFGS on any loss, full batch, with a memory and a line search per member.

    A step is a direction and a line search along it for the strong Wolfe conditions, of `max_evaluations` at most. A
    trial that is not finite has gone too far. Members do not wait for each other: in one batched evaluation one may
    search on while another begins its next step.

    No step helps a member any more when no entry of its gradient exceeds `tolerance_gradient`; when a step lowered its
    loss by no more than `tolerance_change`, or changed no parameter by more; or when its direction descends less
    steeply than that. A step is remembered if its product with the change of the gradient exceeds
    `tolerance_curvature`.

    Source: Nocedal & Wright, "Numerical Optimization" (2006), algorithms 7.4 and 7.5 (direction), 3.5 and 3.6 (line
    search), eq. 3.59 (cubic interpolation). Where they leave freedom it is equal to torch.optim.LBFGS with lr=1 and
    line_search_fn="strong_wolfe", but for the tolerances: torch's (1e-7, 1e-9, 1e-10) end a training at errors that
    a small smooth target still lets fall.
    """

    steps: int = 1_000
    check_every: int = 10
    memory: int = 10
    max_evaluations: int = 25
    tolerance_gradient: float = 1e-9
    tolerance_change: float = 1e-14
    tolerance_curvature: float = 1e-16

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.memory >= 1, "memory", "must be at least 1", self.memory)
        require(self.max_evaluations >= 1, "max_evaluations", "must be at least 1", self.max_evaluations)
        for name in ("tolerance_gradient", "tolerance_change", "tolerance_curvature"):
            require(getattr(self, name) >= 0, name, "must not be negative", getattr(self, name))

    def start(self, ensemble: Ensemble, theta: Tensor, rates: Tensor, orders: Sequence[torch.Generator]) -> LBFGSState:
        members, params = theta.shape
        return LBFGSState(
            theta=theta.clone(),
            evaluations=torch.zeros(members, dtype=torch.float64, device=theta.device),
            steps=torch.zeros(members, dtype=torch.long, device=theta.device),
            done=torch.zeros(members, dtype=torch.bool, device=theta.device),
            loss=theta.new_full((members,), torch.inf),
            gradient=torch.zeros_like(theta),
            moves=theta.new_zeros(members, self.memory, params),
            changes=theta.new_zeros(members, self.memory, params),
        )

    def advance(self, ensemble: Ensemble, state: State, x: Tensor, y: Tensor, steps: int) -> None:
        assert isinstance(state, LBFGSState)
        inputs = ensemble.embed(x)
        if not state.evaluations.any():
            state.loss, state.gradient = ensemble.losses_and_gradients(state.theta, inputs, y)
            state.evaluations += 1
            state.done = ~state.loss.isfinite() | self._is_flat(state.gradient)
        line = self._aim(state)
        taken = torch.zeros_like(state.evaluations)
        while (live := ~state.done & (taken < steps)).any():
            loss, gradient = _evaluate(ensemble, state, line, inputs, y, live)
            line, settled = self._narrow(line, loss, gradient)
            settled &= live
            if settled.any():
                self._move(state, line, settled)
                line = Line(*map(_choose, [settled] * len(line), self._aim(state), line))
                taken += settled
                state.steps += settled

    def _aim(self, state: LBFGSState) -> Line:
        """A new search from theta; members without a direction that descends are done."""
        direction = _directions(state.gradient, state.moves, state.changes)
        slope = _dot(state.gradient, direction)
        state.done |= ~(slope < -self.tolerance_change)  # True for NaN
        start = torch.stack([torch.zeros_like(slope), state.loss, slope], dim=1)
        blank = ~state.changes[:, -1].any(dim=1)  # the gradient itself is a direction without a scale
        return Line(
            direction=direction,
            start=start,
            low=start,
            high=start.new_tensor([torch.inf, torch.nan, torch.nan]).expand_as(start),
            gradient=state.gradient,
            length=torch.where(blank, 1.0 / state.gradient.abs().sum(dim=1), 1.0).clamp(max=1.0),
            crowded=torch.zeros_like(state.done),
            trials=torch.zeros_like(state.evaluations),
        )

    def _narrow(self, line: Line, loss: Tensor, gradient: Tensor) -> tuple[Line, Tensor]:
        """The search after its trial, and whether it is over (members,); `low` is its result.

        Algorithm 3.5 is algorithm 3.6 with one end of the bracket at infinity.
        """
        slope = _dot(gradient, line.direction)
        trial = torch.stack([line.length, loss, slope], dim=1)
        enough = loss <= line.start[:, 1] + C1 * line.length * line.start[:, 2]  # False for NaN
        lowest = (loss < line.low[:, 1]) | (line.low[:, 0] == 0)
        better = enough & lowest & slope.isfinite()
        passed = slope * (line.high[:, 0] - line.low[:, 0]) >= 0  # the minimum lies between `low` and the trial
        low = _choose(better, trial, line.low)
        high = _choose(better, _choose(passed, line.low, line.high), trial)
        length, crowded = _next_length(low, high, line.low, line.crowded)
        trials = line.trials + 1

        wolfe = better & (slope.abs() <= -C2 * line.start[:, 2])
        width = (high[:, 0] - low[:, 0]).abs() * line.direction.abs().amax(dim=1)
        over = wolfe | (width < self.tolerance_change) | (trials >= self.max_evaluations)
        at_low = _choose(better, gradient, line.gradient)
        return Line(line.direction, line.start, low, high, at_low, length, crowded, trials), over

    def _move(self, state: LBFGSState, line: Line, settled: Tensor) -> None:
        """Take the steps whose length is found, and remember them."""
        length, loss, _ = line.low.unbind(dim=1)
        move = length.unsqueeze(1) * line.direction
        change = line.gradient - state.gradient
        curved = settled & (_dot(move, change) > self.tolerance_curvature)
        state.moves = _choose(curved, _shifted(state.moves, move), state.moves)
        state.changes = _choose(curved, _shifted(state.changes, change), state.changes)

        stuck = (move.abs().amax(dim=1) <= self.tolerance_change) | (state.loss - loss <= self.tolerance_change)
        state.done |= settled & (stuck | self._is_flat(line.gradient))
        state.theta = _choose(settled, state.theta + move, state.theta)
        state.loss = _choose(settled, loss, state.loss)
        state.gradient = _choose(settled, line.gradient, state.gradient)

    def _is_flat(self, gradient: Tensor) -> Tensor:
        return gradient.abs().amax(dim=1) <= self.tolerance_gradient


def _evaluate(
    ensemble: Ensemble, state: LBFGSState, line: Line, x: Inputs, y: Tensor, live: Tensor
) -> tuple[Tensor, Tensor]:
    """Losses and gradients of the trials of the members in `live` (members,) bool; nothing is computed for the rest."""
    trial = state.theta + line.length.unsqueeze(1) * line.direction
    state.evaluations += live
    if live.all():  # without copies
        return ensemble.losses_and_gradients(trial, x, y)
    loss, gradient = torch.zeros_like(state.loss), torch.zeros_like(state.gradient)
    part = ensemble.only(torch.nonzero(live).squeeze(1))
    loss[live], gradient[live] = part.losses_and_gradients(trial[live], x[live], y[live])
    return loss, gradient


def _directions(gradient: Tensor, moves: Tensor, changes: Tensor) -> Tensor:
    """Minus the product of the inverse Hessian that the memory approximates with the gradient: (members, params).

    Both loops of algorithm 7.4 are triangular systems in the products s_i.y_j: alpha_i s_i.y_i + sum_{j>i} s_i.y_j
    alpha_j = s_i.g, and c_i s_i.y_i + sum_{j<i} s_j.y_i c_j = alpha_i s_i.y_i - y_i.r for c = alpha - beta.
    """
    products = moves @ changes.mT
    curvature = products.diagonal(dim1=1, dim2=2)
    free = curvature == 0
    upper = products.triu() + torch.diag_embed(free.to(products.dtype))
    scale = torch.where(free[:, -1], 1.0, curvature[:, -1] / _dot(changes[:, -1], changes[:, -1]))

    alpha = torch.linalg.solve_triangular(upper, moves @ gradient.unsqueeze(2), upper=True)
    r = scale.view(-1, 1, 1) * (gradient.unsqueeze(2) - changes.mT @ alpha)
    c = torch.linalg.solve_triangular(upper.mT, curvature.unsqueeze(2) * alpha - changes @ r, upper=False)
    return -(r + moves.mT @ c).squeeze(2)


def _next_length(low: Tensor, high: Tensor, before: Tensor, crowded: Tensor) -> tuple[Tensor, Tensor]:
    """The next step length (members,), and whether it is close to an end of its bracket.

    Without a bracket it lies beyond `low`, where the cubic through `low` and the one `before` has its minimum. In a
    bracket, a trial at an end of it, or the second in a row close to one, keeps a tenth of its width away.
    """
    open_end = high[:, 0].isinf()
    first, last = torch.minimum(low[:, 0], high[:, 0]), torch.maximum(low[:, 0], high[:, 0])
    first = torch.where(open_end, low[:, 0] + 0.01 * (low[:, 0] - before[:, 0]), first)
    last = torch.where(open_end, 10.0 * low[:, 0], last)
    guess = _cubic_minimum(_choose(open_end, before, high), low)
    length = torch.where(guess.isnan(), (first + last) / 2, guess.clamp(first, last))

    margin = 0.1 * (last - first)
    close = ~open_end & (torch.minimum(last - length, length - first) < margin)
    pushed = close & (crowded | (length <= first) | (length >= last))
    return torch.where(pushed, length.clamp(first + margin, last - margin), length), close & ~pushed


def _cubic_minimum(a: Tensor, b: Tensor) -> Tensor:
    """Return the minimum of the cubic with the losses and slopes of two points: (members,), NaN if it has none."""
    (x, f, g), (u, h, k) = a.unbind(dim=1), b.unbind(dim=1)
    d1 = g + k - 3.0 * (f - h) / (x - u)
    d2 = torch.sign(u - x) * (d1.square() - g * k).sqrt()
    return u - (u - x) * (k + d2 - d1) / (k - g + 2.0 * d2)


def _shifted(memory: Tensor, newest: Tensor) -> Tensor:
    return torch.cat([memory[:, 1:], newest.unsqueeze(1)], dim=1)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=1)


def _choose(mask: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """Rows of `yes` where the mask (members,) is True, else of `no`."""
    return torch.where(mask.view(-1, *[1] * (yes.ndim - 1)), yes, no)
