"""The interface of a kind of task; and suites, which are named lists of tasks."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from kanbench.data.grading import Grading
from kanbench.data.splits import Conditions, Dataset, Shares, SplitSizes
from kanbench.errors import UnknownName, require_name, shown


class Task(ABC):
    """A target with its inputs, and the grading of its predictions.

    A task is a frozen dataclass. Its fields describe its data and are part of the cell keys, except `source`, `note`
    and fields with `compare=False`.
    `same_as` names the first task of its suite that is the same problem, so that duplicates count once.
    `smooth` is False for a target with a kink, a jump, a pole or oscillations without end on its ranges or at their
    edge, and None where nobody has said it. `heavy_tailed` is True where the 1 % of points that are farthest from the
    mean hold clearly over half of the squares of the target. Both are columns of records.
    """

    name: str
    same_as: str
    source: str
    note: str
    remark: str = ""  # a warning about its rows that a run prints
    smooth: bool | None = None
    heavy_tailed: bool = False
    splits: ClassVar[type] = SplitSizes  # the schema of the split sizes in configs

    @property
    @abstractmethod
    def n_inputs(self) -> int:
        """The number of inputs of a model."""

    @property
    @abstractmethod
    def grading(self) -> Grading:
        """The loss, the outputs and the score of the task."""

    @abstractmethod
    def may_fail(self, conditions: Conditions) -> bool:
        """Return True if data may be refused under these conditions, so that a run tries them before any training."""

    @abstractmethod
    def rows(self, sizes: SplitSizes | Shares) -> SplitSizes:
        """Return the number of rows of each split. Raises `ValueError` for sizes that the task cannot have."""

    @abstractmethod
    def split(self, seed: int, sizes: SplitSizes | Shares, conditions: Conditions) -> Dataset:
        """Return the three splits for a seed, without noise. Raises `ValueError` if they cannot be drawn."""


AnyTask = TypeVar("AnyTask", bound=Task)


@dataclass(frozen=True)
class Suite(Generic[AnyTask]):
    """A named list of tasks with different names; suites of formulas are read from `suites/<name>.yaml`.

    The tasks of a suite that is the user's own (`is_own`) are tried before anything is trained.
    """

    name: str
    title: str
    tasks: tuple[AnyTask, ...]
    is_own: bool = False

    def __post_init__(self) -> None:
        require_name("the name of a suite", self.name)
        seen: dict[str, str] = {}
        for task in self.tasks:
            name, same_as = task.name, task.same_as
            if name in seen:
                raise ValueError(f"two tasks have the name {shown(name)}")
            if same_as and seen.get(same_as) != "":
                raise ValueError(
                    f"task {name}: same_as must name a task before it that repeats no other, got {shown(same_as)}"
                )
            seen[name] = same_as

    def task(self, name: str) -> AnyTask:
        """Return a task by name. Raises `UnknownName` with the nearest names."""
        found = {task.name: task for task in self.tasks}
        if name not in found:
            raise UnknownName(f"task of suite {self.name}", name, found)
        return found[name]


@dataclass(frozen=True)
class TaskSettings(ABC):
    """The settings in the YAML of a kind of task, except split sizes and conditions, and the tasks they select.

    The fields of a subclass are the keys of the YAML. Every field has a default, which it keeps
    where the YAML says `???`. A subclass in a file of `kanbench/data` is found by its attribute `word`, or by the name
    of the file if it has none: `name: WORD` in conf/data/NAME.yaml chooses it.
    """

    @abstractmethod
    def read(self) -> Suite:
        """Return the suite of all tasks. Raises `ValueError` whose message begins with the key, as in "path: ..."."""

    def choose(self, suite: Suite) -> tuple[Task, ...]:
        """Return the tasks of the suite that are trained: all, unless the kind has a key for it. Raises as `read`."""
        return suite.tasks
