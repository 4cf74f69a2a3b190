"""Adam for ensembles, with one learning rate per member."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, auto

import torch
from torch import Tensor

from kanbench.errors import require
from kanbench.training.ensemble import Ensemble
from kanbench.training.optimizers.base import Optimizer, State, checked_rates
from kanbench.training.optimizers.batches import BatchedState, next_batch


class Schedule(StrEnum):
    """How the learning rate goes over a training: constant, or half a cosine down to zero."""

    constant = auto()
    cosine = auto()


@dataclass
class AdamState(BatchedState):
    """Beside theta, the moments of its gradient."""

    first: Tensor  # (members, params) mean of gradients
    second: Tensor  # (members, params) mean of squared gradients
    rates: Tensor  # (members,)
    step: int


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam on any loss; all `rates` are tried for every seed.

    `batch` rows per step, drawn without replacement epoch by epoch in each member's own order, or all rows if it
    is 0.

    Source: Kingma & Ba 2015 (arXiv:1412.6980), algorithm 1; equal to torch.optim.Adam.
    """

    steps: int = 2_000
    check_every: int = 100
    rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2, 3e-2)
    schedule: Schedule = Schedule.cosine
    batch: int = 0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "rates", checked_rates(self.rates))
        require(self.batch >= 0, "batch", "must not be negative (0: all rows)", self.batch)
        require(0 <= self.beta1 < 1, "beta1", "must be in [0, 1)", self.beta1)
        require(0 <= self.beta2 < 1, "beta2", "must be in [0, 1)", self.beta2)
        require(self.epsilon > 0, "epsilon", "must be positive", self.epsilon)

    @property
    def shuffles(self) -> bool:
        return self.batch > 0

    @property
    def trials(self) -> tuple[float, ...]:
        return self.rates

    def start(self, ensemble: Ensemble, theta: Tensor, rates: Tensor, orders: Sequence[torch.Generator]) -> AdamState:
        members = len(theta)
        return AdamState(
            theta=theta.clone(),
            evaluations=torch.zeros(members, dtype=torch.float64, device=theta.device),
            done=torch.zeros(members, dtype=torch.bool, device=theta.device),
            first=torch.zeros_like(theta),
            second=torch.zeros_like(theta),
            rates=rates,
            step=0,
            orders=orders,
            queue=torch.empty(members, 0, dtype=torch.long, device=theta.device),
        )

    def advance(self, ensemble: Ensemble, state: State, x: Tensor, y: Tensor, steps: int) -> None:
        assert isinstance(state, AdamState)
        inputs = x if self.batch else ensemble.embed(x)
        for _ in range(steps):
            rows = next_batch(state, inputs, y, self.batch)
            gradient = ensemble.gradients(state.theta, *rows)
            state.evaluations += rows[1].shape[1] / y.shape[1]
            state.step += 1
            state.first.lerp_(gradient, 1.0 - self.beta1)
            state.second.lerp_(gradient.square(), 1.0 - self.beta2)
            mean = state.first / (1.0 - self.beta1**state.step)
            spread = (state.second / (1.0 - self.beta2**state.step)).sqrt() + self.epsilon
            rates = state.rates * self._factor(state.step)
            state.theta -= rates.unsqueeze(1) * mean / spread

    def _factor(self, step: int) -> float:
        """What multiplies the learning rate at `step`, counted from 1."""
        if self.schedule is Schedule.constant:
            return 1.0
        return (1.0 + math.cos(math.pi * (step - 1) / self.steps)) / 2.0
