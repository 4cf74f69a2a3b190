"""The seam of methods: what a kind of method has to say about itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, ClassVar

import torch
from torch import nn

from kanbench.errors import require, require_finite, take_choices
from kanbench.files.stored import stored_word
from kanbench.methods.budget import Sizing, solve_width

Parts = dict[str, Mapping[str, type | Enum]]


class Method(ABC):
    """Something that is fitted to a task and compared with others: a kind of network, or a reference.

    A method is a frozen dataclass whose fields are its switches. Together with a task and a budget it makes a cell.
    """

    label: str  # the name in tables and figures; methods that differ have labels that differ
    is_trained: ClassVar[bool] = True  # by an optimizer, seeds x learning rates at once; references are fitted

    @property
    @abstractmethod
    def family(self) -> str:
        """The methods that share a color, a panel and a frontier, such as "KAN BSpline" or "MLP"."""

    @abstractmethod
    def columns(self) -> dict[str, Any]:
        """Return what records say about the method beside its label and family: column to value."""

    @abstractmethod
    def size(self, n_in: int, budget: int, n_out: int = 1) -> Sizing:
        """Return the size nearest to a budget of trainable parameters. Raises `BudgetTooSmall`."""


SMALL_SHARE = 0.01  # of inputs off a domain: nothing to speak of
MOST_LAYERS = 1_000


@dataclass(frozen=True)
class NetworkMethod(Method):
    """Networks of one kind, of any number of inputs and any width; `depth` counts hidden layers.

    A subclass below `kanbench/methods` is found by the name of its file: `model=NAME` chooses it.
    """

    depth: int = 1

    def __post_init__(self) -> None:
        require_finite(self)
        take_choices(self)
        require(self.depth >= 1, "depth", "must be at least 1", self.depth)
        require(self.depth <= MOST_LAYERS, "depth", f"must be at most {MOST_LAYERS:,}", self.depth)

    @classmethod
    def parts(cls) -> Parts:
        """Return the fields that config groups of the same name choose: field to what can be chosen by name."""
        return {}

    @property
    @abstractmethod
    def label(self) -> str:  # type: ignore[override]  # a reference has a field
        """The kind, and every switch that is not at its default."""

    def shape(self, n_in: int, width: int, n_out: int) -> list[int]:
        """Return the widths of all layers, inputs and outputs included."""
        return [n_in, *[width] * self.depth, n_out]

    @property
    def stages(self) -> tuple[int, ...]:
        """Sizes that the basis takes one after the other in a training; empty where it has one size throughout."""
        return ()

    @property
    def first(self) -> "NetworkMethod":
        """The method at the first of its stages, which a training begins with."""
        return self

    @property
    def remark(self) -> str:
        """A sentence that a run says before it begins, or nothing."""
        return ""

    @abstractmethod
    def build(self, n_in: int, width: int, generator: torch.Generator, dtype: torch.dtype, n_out: int = 1) -> nn.Module:
        """Return a module (n, n_in) -> (n, n_out) whose random start is drawn from `generator`."""

    @abstractmethod
    def count(self, n_in: int, width: int, n_out: int = 1) -> int:
        """Return the number of trainable parameters of such a module, in closed form."""

    def size(self, n_in: int, budget: int, n_out: int = 1) -> Sizing:
        return solve_width(self, n_in, budget, n_out)


def changes(value: Any, *besides: str) -> list[str]:
    """Return the fields of a dataclass that are not at their default as "name=value", but for those in `besides`."""
    return [
        f"{stored_word(each.name)}={_short(getattr(value, each.name))}"
        for each in fields(value)
        if each.name not in besides and getattr(value, each.name) != each.default
    ]


def _short(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)
