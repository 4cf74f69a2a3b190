"""Gradient descent for ensembles, with one learning rate per member."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.training.ensemble import Ensemble
from kanbench.training.optimizers.batches import BatchedState, GradientDescent, first_state


@dataclass(frozen=True)
class SGD(GradientDescent):
    """Plain stochastic gradient descent on any loss; all `rates` are tried for every seed.

    `batch` rows per step, all if it is 0, epoch by epoch: shuffled in each member's own order, or as the data come.

    Source: Robbins & Monro 1951; equal to torch.optim.SGD without momentum.
    """

    steps: int = 20_000
    check_every: int = 1_000
    rates: tuple[float, ...] = (1e-2, 3e-2, 1e-1, 3e-1)
    batch: int = 32
    doublings: int = 3
    shuffle: bool = True

    @property
    def shuffles(self) -> bool:
        return self.batch > 0 and self.shuffle

    def start(
        self, ensemble: Ensemble, theta: Tensor, rates: Tensor, orders: Sequence[torch.Generator]
    ) -> BatchedState:
        return BatchedState(**first_state(theta, rates, orders))

    def _move(self, state: BatchedState, gradient: Tensor) -> None:
        state.theta -= state.rates.unsqueeze(1) * gradient
