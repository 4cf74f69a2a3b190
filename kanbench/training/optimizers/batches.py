"""Gradient descent on mini-batches, which every member draws in its own order."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from kanbench.errors import require
from kanbench.training.ensemble import Ensemble, Inputs
from kanbench.training.optimizers.base import Optimizer, State, checked_rates

MOST_DOUBLINGS = 20


@dataclass
class BatchedState(State):
    """The state of gradient descent, with the rows that are left of the current epoch."""

    orders: Sequence[torch.Generator]  # one per member
    queue: Tensor  # (members, rows) rows of the current epoch that are still to come
    rates: Tensor  # (members,) learning rates


class GradientDescent(Optimizer):
    """Gradient descent with a learning rate per member: a subclass says how a gradient moves the parameters.

    Subclasses are dataclasses with the fields `rates`, all of which are tried for every seed, `batch`, the number of
    rows per step (0: all rows), and `doublings`. A schedule depends on the length of its run, so a training that has
    not converged is made again from its start with twice the length. It has converged when a doubling lowers the best
    validation error by under `least_gain`: the median over seeds of the best rate. There are at most `doublings`.
    """

    rates: tuple[float, ...]
    batch: int
    doublings: int

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "rates", checked_rates(self.rates))
        require(self.batch >= 0, "batch", "must not be negative (0: all rows)", self.batch)
        require(isinstance(self.doublings, int), "doublings", "must be a whole number", self.doublings)
        require(0 <= self.doublings <= MOST_DOUBLINGS, "doublings", f"must be 0 to {MOST_DOUBLINGS}", self.doublings)

    @property
    def runs(self) -> list[Self]:
        doublings = self.doublings if self.least_gain else 0
        return [replace(self, steps=self.steps * 2**run) for run in range(doublings + 1)]

    @property
    def shuffles(self) -> bool:
        return self.batch > 0

    @property
    def trials(self) -> tuple[float, ...]:
        return self.rates

    def advance(self, ensemble: Ensemble, state: State, x: Tensor, y: Tensor, steps: int) -> None:
        assert isinstance(state, BatchedState)
        inputs = x if self.batch else ensemble.embed(x)
        for _ in range(steps):
            rows = next_batch(state, inputs, y, self.batch, self.shuffles)
            gradient = ensemble.gradients(state.theta, *rows)
            state.evaluations += rows[1].shape[1] / y.shape[1]
            state.steps += 1
            self._move(state, gradient)

    @abstractmethod
    def _move(self, state: BatchedState, gradient: Tensor) -> None:
        """Move `state.theta` in place by a gradient (members, params)."""


def first_state(theta: Tensor, rates: Tensor, orders: Sequence[torch.Generator]) -> dict[str, Any]:
    """Return the fields of a `BatchedState` before the first step."""
    members, device = len(theta), theta.device
    return {
        "theta": theta.clone(),
        "evaluations": torch.zeros(members, dtype=torch.float64, device=device),
        "steps": torch.zeros(members, dtype=torch.long, device=device),
        "done": torch.zeros(members, dtype=torch.bool, device=device),
        "orders": orders,
        "queue": torch.empty(members, 0, dtype=torch.long, device=device),
        "rates": rates,
    }


def next_batch(state: BatchedState, x: Inputs, y: Tensor, size: int, shuffle: bool = True) -> tuple[Inputs, Tensor]:
    """Return the next `size` rows of x (members, n, n_in) and y (members, n), without replacement epoch by epoch.

    Rows that do not fill a batch are left out of their epoch. If `size` is 0, all rows are returned, and x may be
    embedded. Without `shuffle` rows come in the order of the data.
    """
    n = y.shape[1]
    if size == 0 or size >= n:
        return x, y
    assert isinstance(x, Tensor)
    if state.queue.shape[1] < size:
        fresh = [torch.randperm(n, generator=order) if shuffle else torch.arange(n) for order in state.orders]
        state.queue = torch.stack(fresh).to(x.device)
    rows, state.queue = state.queue[:, :size], state.queue[:, size:]
    member = torch.arange(len(rows), device=x.device).unsqueeze(1)
    return x[member, rows], y[member, rows]
