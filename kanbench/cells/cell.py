"""A cell: the smallest unit of work that can be resumed."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum, StrEnum, auto
from typing import Any

import torch

from kanbench.bases.own import hash_of
from kanbench.data import CLEAN, Conditions, Dataset, EquationTask, Shares, SplitSizes, Task, sample
from kanbench.files.stored_names import is_absent, stored_name, stored_word
from kanbench.methods import Method, Sizing
from kanbench.store import provenance
from kanbench.training.losses import LOSSES, Loss
from kanbench.training.optimizers.base import Optimizer

RESULTS_VERSION = 3  # part of every cell's key: raise it when a change of the code changes results


class Precision(StrEnum):
    """The floating-point precision of parameters, data and arithmetic."""

    single = auto()
    double = auto()

    @property
    def dtype(self) -> torch.dtype:
        return torch.float64 if self is Precision.double else torch.float32

    @property
    def lightning(self) -> str:
        return "64-true" if self is Precision.double else "32-true"


class Vary(StrEnum):
    """The source of randomness that differs between the seeds of a cell; all others are those of the first seed."""

    all = auto()
    data = auto()
    initialization = stored_word("initialization")
    order = auto()  # of rows in mini-batches


@dataclass(frozen=True)
class Trial:
    """The place of a cell in a search of shapes.

    All of it is part of the cell's key. The numbers of a shape that a rung ends early, and which shape is graded on the
    test split, depend on the shapes that it is tried with and on the rung. So a cell that was trained in a search is
    neither one that was trained outside, nor one of another search.

    Args:
        searched: The name of the search: the label of the method without depth and size.
        number: The number of the shape, from 1; 0 for a task that the search leaves out.
        shapes: The labels of all shapes that are tried, in their order.
        first_seeds: The seeds of the first rung; 0 for a search without rungs.
        first_steps: The steps of the first rung.
        reason: Why the task is left out.
    """

    searched: str
    number: int = 0
    shapes: tuple[str, ...] = ()
    first_seeds: int = 0
    first_steps: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Cell:
    """Method x task x budget with the training settings: seeds x trials members, trained at once.

    A reference in place of a method has no budget; it takes no part in training, and has one member per seed.
    """

    experiment: str
    suite: str
    task: Task
    method: Method
    budget: int  # 0 for a reference
    seeds: tuple[int, ...]
    optimizer: Optimizer
    sizes: SplitSizes | Shares
    precision: Precision
    conditions: Conditions = CLEAN
    vary: Vary = Vary.all
    search: Trial | None = None

    def describe(self) -> dict[str, Any]:
        """Everything that the numbers depend on, as plain data; where the cell is filed and annotated stays out.

        So does the machine: accelerator and number of threads change the last bits only. Fields with a default of the
        cell's own are left out where they have it, so that cells which are older than a field keep their keys.
        """
        plain = as_plain(self)
        for each in fields(self):
            if getattr(self, each.name) == each.default:
                del plain[each.name]
        for annotation in ("experiment", "suite"):
            del plain[annotation]
        for annotation in ("source", "note"):
            del plain["task"][annotation]
        return {"results_version": RESULTS_VERSION, **plain}

    @property
    def name(self) -> str:
        """The name of the method in tables: its label, or the name of the search that the cell belongs to."""
        return self.search.searched if self.search else self.method.label

    @property
    def key(self) -> str:
        """The hash of `describe()`: equal cells have equal keys, whatever run they are planned in."""
        return digest(self.describe())

    @property
    def code(self) -> str:
        """The hash of the code that would train it now. It is not part of the key."""
        return provenance.code_of(frozenset([*_kinds(self.describe()), *["run_search"] * (self.search is not None)]))

    @property
    def protocol(self) -> str:
        """The hash of what a comparison holds fixed: seeds, optimizer, splits, conditions and precision."""
        compared = ("task", "method", "budget", "search")
        return digest({name: value for name, value in self.describe().items() if name not in compared})

    @property
    def loss(self) -> Loss:
        """The loss that training minimizes."""
        return LOSSES[self.task.grading.loss]

    @property
    def equation(self) -> EquationTask | None:
        """Its task if that is a differential equation."""
        return self.task if isinstance(self.task, EquationTask) else None

    @property
    def n_outputs(self) -> int:
        """The number of outputs of its models."""
        return self.task.grading.n_outputs

    @property
    def sizing(self) -> Sizing:
        """No nodes for a reference. Raises `BudgetTooSmall`."""
        return self.method.size(self.task.n_inputs, self.budget, self.n_outputs)

    @property
    def members(self) -> list[tuple[int, float | None]]:
        """(seed, learning rate) of each member."""
        return self.members_of(self.seeds)

    def members_of(self, seeds: Sequence[int]) -> list[tuple[int, float | None]]:
        """(seed, learning rate) of each member of some of its seeds."""
        trials = self.optimizer.trials if self.method.is_trained else (None,)
        return [(seed, rate) for seed in seeds for rate in trials]

    def seed_of(self, purpose: Vary, seed: int) -> int:
        """The seed that one purpose draws from in the members of `seed`."""
        return seed if self.vary in (Vary.all, purpose) else self.seeds[0]

    def datasets(self) -> dict[int, Dataset]:
        """Return the data of every seed, in their order. Raises `ValueError` for a task that cannot be sampled."""
        of_data = [self.seed_of(Vary.data, seed) for seed in self.seeds]
        sampled = {seed: sample(self.task, seed, self.sizes, self.conditions) for seed in dict.fromkeys(of_data)}
        return {seed: sampled[drawn] for seed, drawn in zip(self.seeds, of_data, strict=True)}


def _kinds(plain: Any) -> Iterator[str]:
    """The names of all dataclasses in plain data."""
    if isinstance(plain, dict):
        if "type" in plain:
            yield str(plain["type"])
        plain = list(plain.values())
    if isinstance(plain, list):
        for each in plain:
            yield from _kinds(each)


def digest(plain: dict[str, Any]) -> str:
    """Return a hash of plain data, 24 hexadecimal digits."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:24]


def as_plain(value: Any) -> Any:
    """Convert to JSON-compatible data. A dataclass becomes its compared fields plus `type`, its class name."""
    if is_dataclass(value):
        compared = [
            each.name for each in fields(value) if each.compare and not is_absent(each, getattr(value, each.name))
        ]
        source = {"source_hash": hash} if (hash := hash_of(type(value))) else {}  # of a basis of the user's own
        return (
            {"type": stored_name(type(value))}
            | source
            | {stored_word(name): as_plain(getattr(value, name)) for name in compared}
        )
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [as_plain(each) for each in value]
    return value
