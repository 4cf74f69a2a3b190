"""Methods: what is compared. Each builds models, and counts their parameters in closed form."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import nn

from kanbench.errors import require, require_finite, take_choices

SMALL_SHARE = 0.01  # of inputs off a domain: nothing to speak of
MOST_LAYERS = 1_000


@dataclass(frozen=True)
class Method(ABC):
    """A family of models of any number of inputs and any width; `depth` counts hidden layers."""

    depth: int = 1

    def __post_init__(self) -> None:
        require_finite(self)
        take_choices(self)
        require(self.depth >= 1, "depth", "must be at least 1", self.depth)
        require(self.depth <= MOST_LAYERS, "depth", f"must be at most {MOST_LAYERS:,}", self.depth)

    def shape(self, n_in: int, width: int, n_out: int) -> list[int]:
        return [n_in, *[width] * self.depth, n_out]

    @property
    def stages(self) -> tuple[int, ...]:
        """Sizes that the basis takes one after the other in a training; empty where it has one size throughout."""
        return ()

    @property
    def first(self) -> "Method":
        """What a training begins with: the method at the first of its stages."""
        return self

    @property
    def remark(self) -> str:
        """A sentence that a run says before it begins, or nothing."""
        return ""

    @property
    @abstractmethod
    def label(self) -> str:
        """The name in tables and figures; every switch that is not at its default is in it, so labels are distinct."""

    @abstractmethod
    def build(self, n_in: int, width: int, generator: torch.Generator, dtype: torch.dtype, n_out: int = 1) -> nn.Module:
        """A model whose random start is drawn from `generator`."""

    @abstractmethod
    def count(self, n_in: int, width: int, n_out: int = 1) -> int:
        """Trainable parameters of such a model, in closed form."""


def _changes(value: Any, *besides: str) -> list[str]:
    """The fields of a dataclass that are not at their default, as "name=value", but for those in `besides`."""
    return [
        f"{each.name}={_short(getattr(value, each.name))}"
        for each in fields(value)
        if each.name not in besides and getattr(value, each.name) != each.default
    ]


def _short(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)
