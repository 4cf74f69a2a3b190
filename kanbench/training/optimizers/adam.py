"""Adam for ensembles, with one learning rate per member."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, auto

import torch
from torch import Tensor

from kanbench.errors import require
from kanbench.training.ensemble import Ensemble
from kanbench.training.optimizers.batches import BatchedState, GradientDescent, first_state


class Schedule(StrEnum):
    """The course of the learning rate over a training: constant, or half a cosine down to zero."""

    constant = auto()
    cosine = auto()


@dataclass
class AdamState(BatchedState):
    """The state of gradient descent, with the moments of the gradient."""

    first: Tensor  # (members, params) mean of gradients
    second: Tensor  # (members, params) mean of squared gradients
    step: int


@dataclass(frozen=True)
class Adam(GradientDescent):
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
    doublings: int = 3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.beta1 < 1, "beta1", "must be in [0, 1)", self.beta1)
        require(0 <= self.beta2 < 1, "beta2", "must be in [0, 1)", self.beta2)
        require(self.epsilon > 0, "epsilon", "must be positive", self.epsilon)

    def start(self, ensemble: Ensemble, theta: Tensor, rates: Tensor, orders: Sequence[torch.Generator]) -> AdamState:
        zeros = torch.zeros_like(theta)
        return AdamState(**first_state(theta, rates, orders), first=zeros, second=zeros.clone(), step=0)

    def _move(self, state: BatchedState, gradient: Tensor) -> None:
        assert isinstance(state, AdamState)
        state.step += 1
        state.first.lerp_(gradient, 1.0 - self.beta1)
        state.second.lerp_(gradient.square(), 1.0 - self.beta2)
        mean = state.first / (1.0 - self.beta1**state.step)
        spread = (state.second / (1.0 - self.beta2**state.step)).sqrt() + self.epsilon
        rates = state.rates * self._factor(state.step)
        state.theta -= rates.unsqueeze(1) * mean / spread

    def _factor(self, step: int) -> float:
        """Return the factor of the learning rate at `step`, counted from 1."""
        if self.schedule is Schedule.constant:
            return 1.0
        return (1.0 + math.cos(math.pi * (step - 1) / self.steps)) / 2.0
