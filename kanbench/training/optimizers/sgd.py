"""Gradient descent for ensembles, with one learning rate per member."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.errors import require
from kanbench.training.ensemble import Ensemble
from kanbench.training.optimizers.base import Optimizer, State, checked_rates
from kanbench.training.optimizers.batches import BatchedState, next_batch


@dataclass
class SGDState(BatchedState):
    """Beside theta, each member's learning rate."""

    rates: Tensor  # (members,)


@dataclass(frozen=True)
class SGD(Optimizer):
    """Plain stochastic gradient descent on any loss; all `rates` are tried for every seed.

    `batch` rows per step, all if it is 0, epoch by epoch: shuffled in each member's own order, or as the data come.

    Source: Robbins & Monro 1951; equal to torch.optim.SGD without momentum.
    """

    steps: int = 20_000
    check_every: int = 1_000
    rates: tuple[float, ...] = (1e-2, 3e-2, 1e-1, 3e-1)
    batch: int = 32
    shuffle: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "rates", checked_rates(self.rates))
        require(self.batch >= 0, "batch", "must not be negative (0: all rows)", self.batch)

    @property
    def shuffles(self) -> bool:
        return self.batch > 0 and self.shuffle

    @property
    def trials(self) -> tuple[float, ...]:
        return self.rates

    def start(self, ensemble: Ensemble, theta: Tensor, rates: Tensor, orders: Sequence[torch.Generator]) -> SGDState:
        members = len(theta)
        return SGDState(
            theta=theta.clone(),
            evaluations=torch.zeros(members, dtype=torch.float64, device=theta.device),
            done=torch.zeros(members, dtype=torch.bool, device=theta.device),
            orders=orders,
            queue=torch.empty(members, 0, dtype=torch.long, device=theta.device),
            rates=rates,
        )

    def advance(self, ensemble: Ensemble, state: State, x: Tensor, y: Tensor, steps: int) -> None:
        assert isinstance(state, SGDState)
        inputs = x if self.batch else ensemble.embed(x)
        for _ in range(steps):
            rows = next_batch(state, inputs, y, self.batch, self.shuffle)
            state.theta -= state.rates.unsqueeze(1) * ensemble.gradients(state.theta, *rows)
            state.evaluations += rows[1].shape[1] / y.shape[1]
