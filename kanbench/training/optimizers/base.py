"""The contract that every optimizer keeps."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from kanbench.errors import require, require_finite, take_choices
from kanbench.training.ensemble import Ensemble
from kanbench.training.losses import Loss

MOST_STEPS = 10_000_000


@dataclass
class State:
    """The state of a training; optimizers extend it. Rows are members."""

    theta: Tensor  # (members, params)
    evaluations: Tensor  # (members,) of the loss, its gradient or its Jacobian on the whole training split
    done: Tensor  # (members,) bool: converged, or no step helps; not trained any further
    steps: Tensor  # (members,) whole numbers: steps made

    def pack(self) -> dict[str, Any]:
        """The fields as tensors and numbers; generators as what they are at."""
        packed = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value if _is_plain(value) else _states(value) for name, value in packed.items()}

    def unpack(self, packed: dict[str, Any]) -> None:
        """Be what was packed, on the device where this state is; its generators are set in place."""
        for name, value in packed.items():
            own = getattr(self, name)
            if _is_plain(own):
                setattr(self, name, value.to(own.device) if isinstance(own, Tensor) else value)
            else:
                for generator, at in zip(own, value, strict=True):
                    generator.set_state(at)


def _is_plain(value: object) -> bool:
    return isinstance(value, Tensor | int)


def _states(generators: Sequence[torch.Generator]) -> list[Tensor]:
    return [generator.get_state() for generator in generators]


@dataclass(frozen=True)
class Optimizer(ABC):
    """Fields are hyperparameters; `start` and `advance` train all members of an ensemble at once."""

    steps: int  # of a whole training
    check_every: int  # steps between two looks at the validation split
    least_gain: float = 0.02  # the share of its error that a training must lose to go on; 0: every step is made

    def __post_init__(self) -> None:
        """Raises `ValueError` that names the field, the rule and the value."""
        require_finite(self)
        take_choices(self)
        for name in ("steps", "check_every"):
            require(isinstance(getattr(self, name), int), name, "must be a whole number", getattr(self, name))
            require(getattr(self, name) >= 1, name, "must be at least 1", getattr(self, name))
        require(self.steps <= MOST_STEPS, "steps", f"must be at most {MOST_STEPS:,}", self.steps)
        require(0.0 <= self.least_gain < 1.0, "least_gain", "must be at least 0 and under 1", self.least_gain)

    @property
    def runs(self) -> list[Self]:
        """The optimizers of all runs that a training may need, each from the same start; one by default."""
        return [self]

    @property
    def most_steps(self) -> int:
        """The largest number of steps that a member makes."""
        return sum(run.steps for run in self.runs)

    @property
    @abstractmethod
    def trials(self) -> tuple[float | None, ...]:
        """The learning rates that are tried for every seed, all of them in every cell; (None,) where there is none."""

    def can_minimize(self, loss: Loss) -> bool:
        """Tell whether it minimizes such a loss; most optimizers take any loss with a gradient."""
        return True

    @property
    def shuffles(self) -> bool:
        """True if members take the rows in an order of their own."""
        return False

    @property
    def checks(self) -> list[int]:
        """The steps before each look at the validation split."""
        whole, rest = divmod(self.steps, self.check_every)
        return [self.check_every] * whole + [rest] * (rest > 0)

    def split(self, stages: int) -> list[Self]:
        """The same optimizer for each of so many stages, the steps shared out evenly, the first getting what is over.

        Raises `ValueError` if there is not a step for each.
        """
        share, over = divmod(self.steps, stages)
        require(share >= 1, "steps", f"must be at least the number of stages, {stages}", self.steps)
        return [replace(self, steps=share + (stage < over)) for stage in range(stages)]

    @abstractmethod
    def start(self, ensemble: Ensemble, theta: Tensor, rates: Tensor, orders: Sequence[torch.Generator]) -> State:
        """The state before the first step; `rates` (members,) and `orders` are each member's own."""

    @abstractmethod
    def advance(self, ensemble: Ensemble, state: State, x: Tensor, y: Tensor, steps: int) -> None:
        """Train in place for `steps` steps on x (members, n, n_in), y (members, n) or (members, n, n_out)."""


@dataclass(frozen=True)
class Converging(Optimizer):
    """An optimizer without learning rates, whose members end one by one.

    A member has converged when its best validation error fell by under `least_gain` in the last `window` steps; `steps`
    is the cap.
    """

    window: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        require(isinstance(self.window, int), "window", "must be a whole number", self.window)
        rule = f"must be at least check_every, {self.check_every}, because errors are known at these steps"
        require(self.window >= self.check_every, "window", rule, self.window)

    @property
    def trials(self) -> tuple[None]:
        return (None,)


def checked_rates(rates: float | Iterable[float]) -> tuple[float, ...]:
    """Learning rates, or a single one, as a tuple; raises `ValueError` unless they are positive and distinct."""
    rates = tuple(rates) if isinstance(rates, Iterable) else (rates,)
    require(len(rates) > 0, "rates", "must hold at least one learning rate", rates)
    require(all(0 < rate < math.inf for rate in rates), "rates", "must be positive numbers", rates)
    require(len(set(rates)) == len(rates), "rates", "must be distinct", rates)
    return rates
