"""The contract that every optimiser keeps."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.base import require_finite
from kanbench.training.ensemble import Ensemble


@dataclass
class State:
    """Where training stands; optimisers extend it. Rows are members."""

    theta: Tensor  # (members, params)
    evaluations: Tensor  # (members,) of the loss, its gradient or its Jacobian on the whole training split
    done: Tensor  # (members,) bool: converged, and not trained any further


@dataclass(frozen=True)
class Optimizer(ABC):
    """Fields are hyperparameters; `start` and `advance` train all members of an ensemble at once."""

    def __post_init__(self) -> None:
        """Raises `ValueError` that names the field, the rule and the value."""
        require_finite(self)

    @property
    @abstractmethod
    def trials(self) -> tuple[float | None, ...]:
        """The learning rates that are tried for every seed, all of them in every cell; (None,) where there is none."""

    @property
    @abstractmethod
    def total_steps(self) -> int:
        """Steps of a whole training."""

    @property
    @abstractmethod
    def steps_per_check(self) -> int:
        """Steps between two looks at the validation split."""

    @abstractmethod
    def start(self, ensemble: Ensemble, theta: Tensor, rates: Tensor, orders: Sequence[torch.Generator]) -> State:
        """The state before the first step; `rates` (members,) and `orders` are each member's own."""

    @abstractmethod
    def advance(self, ensemble: Ensemble, state: State, x: Tensor, y: Tensor, steps: int) -> None:
        """Train in place for `steps` steps on x (members, n, n_in), y (members, n)."""
