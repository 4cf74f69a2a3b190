"""The interface of a kind of method."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Any, ClassVar, TypeVar

import torch
from torch import nn

from kanbench.errors import counted, require, require_finite, take_choices
from kanbench.files.stored_names import absent_as, stored_word
from kanbench.methods.budget import Sizing, fixed_size, share_out, solve_nodes

T = TypeVar("T")
DEPTHS, DEEPER = (1, 2, 3), 4  # that a search of shapes tries, and a spare one
GAINS = (0.5, 1.0, 2.0, 0.7, 1.4)  # factors of a start: three that it tries, and spare ones
N_SIZES = 3  # that it tries with every depth
Parts = dict[str, Mapping[str, type | Enum]]


class Method(ABC):
    """A kind of network or a reference: it is fitted to a task and compared with others.

    A method is a frozen dataclass whose fields are its switches. Together with a task and a budget it makes a cell.
    """

    label: str  # the name in tables and figures; different methods have different labels
    is_trained: ClassVar[bool] = True  # by an optimizer, seeds x learning rates at once; references are fitted
    is_foreign: ClassVar[bool] = False  # its models are code from elsewhere, and are checked before the first training

    @property
    @abstractmethod
    def family(self) -> str:
        """The group of methods that share a color, a panel and a frontier, such as "KAN BSpline" or "MLP"."""

    @property
    def versions(self) -> dict[str, str]:
        """The versions of packages that its models come from, beside those that all cells depend on."""
        return {}

    @abstractmethod
    def columns(self) -> dict[str, Any]:
        """Return the columns of records that describe the method, beside its label and family."""

    @abstractmethod
    def size(self, n_in: int, budget: int, n_out: int = 1) -> Sizing:
        """Return the size nearest to a budget of trainable parameters. Raises `BudgetTooSmall`."""


SMALL_SHARE = 0.01  # share of inputs outside the domain that needs no remark
MOST_LAYERS = 1_000


@dataclass(frozen=True)
class NetworkMethod(Method):
    """Networks of one kind, for any number of inputs and of hidden nodes; `depth` counts hidden layers.

    Hidden layers share the nodes evenly: 7 nodes in two layers are 4 and 3. With `hidden` they have the widths that it
    says, (4, 2) or () for no hidden layer. The shape then fixes the number of parameters, and `depth` follows from it.

    A subclass below `kanbench/methods` is registered under the name of its file: `model=NAME` chooses it.
    """

    depth: int = 1
    hidden: tuple[int, ...] | None = field(default=None, kw_only=True, metadata=absent_as(None))

    def __post_init__(self) -> None:
        require_finite(self)
        take_choices(self)
        if self.hidden is not None:
            self._take_hidden(self.hidden)
            return
        require(self.depth >= 1, "depth", "must be at least 1", self.depth)
        require(self.depth <= MOST_LAYERS, "depth", f"must be at most {MOST_LAYERS:,}", self.depth)

    def _take_hidden(self, hidden: Sequence[int]) -> None:
        """Take the widths of hidden layers, and the depth that follows from them."""
        whole = all(type(width) is int and width >= 1 for width in hidden)
        require(whole, "hidden", "must be widths of at least 1, such as [4, 2], or [] for no hidden layer", hidden)
        require(len(hidden) <= MOST_LAYERS, "hidden", f"must be at most {MOST_LAYERS:,} widths", len(hidden))
        fits = self.depth in (type(self).depth, len(hidden))
        require(fits, "depth", f"must be left out beside hidden, which has {counted(len(hidden), 'layer')}", self.depth)
        object.__setattr__(self, "hidden", tuple(hidden))
        object.__setattr__(self, "depth", len(hidden))

    @property
    def implied(self) -> tuple[str, ...]:
        """The fields that follow from others, which a label leaves out."""
        return () if self.hidden is None else ("depth",)

    @property
    def curve(self) -> str:
        """The name that the sizes of a fixed shape share in tables: its label without the size of the basis."""
        return self.label

    @classmethod
    def parts(cls) -> Parts:
        """Return, for each field that a config group of the same name sets, the mapping from names to choices."""
        return {}

    @property
    @abstractmethod
    def label(self) -> str:  # type: ignore[override]  # a reference has a field
        """The kind, and every switch that is not at its default."""

    def shape(self, n_in: int, nodes: int, n_out: int) -> list[int]:
        """Return the widths of all layers, inputs and outputs included."""
        widths = share_out(nodes, self.depth) if self.hidden is None else self.hidden
        return [n_in, *widths, n_out]

    @property
    def stages(self) -> tuple[int, ...]:
        """The sizes of the basis in a training with grid extension; empty if the size stays the same."""
        return ()

    @property
    def first(self) -> "NetworkMethod":
        """The method at the first of its stages, with which a training begins."""
        return self

    @property
    def remark(self) -> str:
        """A warning that a run prints before it begins, or ""."""
        return ""

    @abstractmethod
    def build(self, n_in: int, nodes: int, generator: torch.Generator, dtype: torch.dtype, n_out: int = 1) -> nn.Module:
        """Return a module (n, n_in) -> (n, n_out) whose random start is drawn from `generator`."""

    @abstractmethod
    def count(self, n_in: int, nodes: int, n_out: int = 1) -> int:
        """Return the number of trainable parameters of such a module, in closed form."""

    def candidates(self) -> tuple["NetworkMethod", ...]:
        """Return the methods that a search of shapes may try, in its order: the first nine, and what replaces them.

        They have the switches of this method; depth and size are those of the list.
        """
        return tuple(replace(self, depth=depth) for depth in (*DEPTHS, DEEPER))

    @property
    def line(self) -> str:
        """The name of the method in a search of shapes: its label without what the search sets."""
        return replace(self, depth=type(self).depth).label

    @property
    def searched_size(self) -> float | None:
        """The number beside the depth that a search of shapes sets: the size of a basis, or the gain of a start."""
        return None

    @property
    def unversioned(self) -> str:
        """The label without the version of its code, where the label has one."""
        return self.label

    def next_nodes(self, n_in: int, nodes: int, n_out: int = 1) -> int:
        """Return the first number of hidden nodes from `nodes` on that can be built."""
        return nodes

    def said(self, error: BaseException) -> str:
        """Return an error that its code raised, in one line that says where."""
        return f"{type(error).__name__}: {error}"

    def size(self, n_in: int, budget: int, n_out: int = 1) -> Sizing:
        if self.hidden is not None:
            return fixed_size(self, sum(self.hidden), n_in, budget, n_out)
        return solve_nodes(self, n_in, budget, n_out)


def crossed(sizes: Sequence[T]) -> list[tuple[int, T]]:
    """Return depths and sizes in the order of a search: all depths with the first sizes, and then the spare ones.

    Every three in a row have all depths, and all of the first sizes, so that few of them are a fair sample as well.
    """
    first, spare = sizes[:N_SIZES], sizes[N_SIZES:]
    tried = [(depth, first[(i + turn) % len(first)]) for turn in range(len(first)) for i, depth in enumerate(DEPTHS)]
    replacements = [*((depth, size) for size in spare for depth in DEPTHS), *((DEEPER, size) for size in first)]
    return [*tried, *replacements]


def changes(value: Any, *besides: str) -> list[str]:
    """Return the fields of a dataclass that differ from their default, as "name=value", except those in `besides`."""
    return [
        f"{stored_word(each.name)}={_short(getattr(value, each.name))}"
        for each in fields(value)
        if each.name not in besides and getattr(value, each.name) != each.default
    ]


def _short(value: Any) -> str:
    return "-".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)
