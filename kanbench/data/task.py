"""Tasks and suites: one target function with its variables and ranges; a named list of them."""

import math
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import count
from keyword import iskeyword
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

import numpy as np

from kanbench.data.formula import Array, Formula, FormulaError
from kanbench.data.splits import LARGEST, ROUNDING
from kanbench.errors import UnknownName, require_name, shown
from kanbench.files.yaml_file import FileError, Node, read_yaml

SUITES_FOLDER = Path(__file__).parent / "suites"
MOST_INPUTS = 10_000


@dataclass(frozen=True)
class Variable:
    """A range [low, high] that is sampled uniformly; `size` components for a vector variable.

    Raises `ValueError` for a name that no formula can have, and for a range that is none.
    """

    name: str
    low: float
    high: float
    size: int = 1

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or iskeyword(self.name):
            raise ValueError(f"variable {shown(self.name)} must be a word of letters, digits and '_' that Python takes")
        if not -LARGEST <= self.low < self.high <= LARGEST or math.isclose(self.low, self.high, rel_tol=ROUNDING):
            raise ValueError(
                f"variable {shown(self.name)} must have low under high, both within {LARGEST:g}, "
                f"got [{self.low:g}, {self.high:g}]"
            )
        if not 1 <= self.size <= MOST_INPUTS:
            raise ValueError(f"variable {shown(self.name)} must have a size from 1 to {MOST_INPUTS:,}, got {self.size}")


@dataclass(frozen=True)
class Task:
    """One target function: a formula over variables with ranges.

    `same_as` names the first task of its suite that is the same regression problem, up to the order of the inputs
    and an affine map of the target: duplicates count once. `source` and `note` say where it comes from and what to
    know about it.

    Raises `ValueError` for a name that is no plain name of a file, and for a formula that is not one number a point.
    """

    name: str
    formula: str
    variables: tuple[Variable, ...]
    same_as: str = ""
    source: str = ""
    note: str = ""
    n_classes: ClassVar[int] = 0  # a regression
    remark: ClassVar[str] = ""  # there is nothing to say of rows

    def __post_init__(self) -> None:
        require_name("the name of a task", self.name)
        names = [variable.name for variable in self.variables]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"task {self.name}: must have variables whose names differ, got {shown(names)}")
        sizes = [variable.size for variable in self.variables]
        rows = next(n for n in count(2) if n not in sizes)  # so many that no vector is taken for them
        try:
            self.target(np.zeros((rows, self.n_inputs)))
        except FormulaError as error:
            raise FormulaError(f"task {self.name}: {error}") from error
        except ValueError as error:  # of shapes that do not go together
            raise ValueError(
                f"task {self.name}: the formula {shown(self.formula)} must make one number a point; a vector may meet "
                "numbers and itself, and mean makes one number of it"
            ) from error

    @property
    def n_inputs(self) -> int:
        return sum(variable.size for variable in self.variables)

    @cached_property
    def parsed(self) -> Formula:
        return Formula(self.formula, tuple(variable.name for variable in self.variables))

    def target(self, unit: Array) -> Array:
        """The function at points given on the unit cube: (n, n_inputs) in [-1, 1] -> (n,)."""
        columns = np.split(unit, np.cumsum([v.size for v in self.variables])[:-1], axis=1)
        values = {
            v.name: (v.low + (v.high - v.low) * (column + 1.0) / 2.0)[:, 0 if v.size == 1 else slice(None)]
            for v, column in zip(self.variables, columns, strict=True)
        }
        return self.parsed(values)


AnyTask = TypeVar("AnyTask")


@dataclass(frozen=True)
class Suite(Generic[AnyTask]):
    """A named list of tasks whose names differ; those of formulas are read from `suites/<name>.yaml`."""

    name: str
    title: str
    tasks: tuple[AnyTask, ...]

    def __post_init__(self) -> None:
        require_name("the name of a suite", self.name)
        seen: dict[str, str] = {}
        for task in self.tasks:
            name, same_as = task.name, task.same_as  # type: ignore[attr-defined]
            if name in seen:
                raise ValueError(f"two tasks have the name {shown(name)}")
            if same_as and seen.get(same_as) != "":
                raise ValueError(
                    f"task {name}: same_as must name a task before it that repeats no other, got {shown(same_as)}"
                )
            seen[name] = same_as

    def task(self, name: str) -> AnyTask:
        """Raises `UnknownName` with the nearest names."""
        found = {task.name: task for task in self.tasks}  # type: ignore[attr-defined]
        if name not in found:
            raise UnknownName(f"task of suite {self.name}", name, found)
        return found[name]


def suite_names() -> list[str]:
    """All suites of formulas, in alphabetical order."""
    return sorted(path.stem for path in SUITES_FOLDER.glob("*.yaml"))


@cache
def load_suite(name: str) -> Suite[Task]:
    """Raises `UnknownName` for a suite that does not exist, and `FileError` for a file that is none."""
    if name not in suite_names():
        raise UnknownName("suite", name, suite_names())
    path = SUITES_FOLDER / f"{name}.yaml"
    try:
        content = read_yaml(path).fields("title", "source", "tasks")
        source = content["source"].text()
        tasks = tuple(_read_task(entry, source) for entry in content["tasks"].items())
        return Suite(name, content["title"].text(), tasks)
    except FileError:
        raise
    except ValueError as error:
        raise FileError(f"{path}: {error}") from error


def _read_task(entry: Node, source: str) -> Task:
    content = entry.fields("name", "formula", "variables", optional=("same_as", "source", "note"))
    texts = {key: content[key].text() for key in ("same_as", "note") if key in content}
    return Task(
        name=content["name"].text(),
        formula=content["formula"].text(),
        variables=tuple(_read_variable(name, bounds) for name, bounds in content["variables"].entries().items()),
        source=content["source"].text() if "source" in content else source,
        **texts,
    )


def _read_variable(name: str, bounds: Node) -> Variable:
    ends = bounds.items()
    if len(ends) not in (2, 3):
        raise bounds.fault("must be [low, high], or [low, high, size] of a vector")
    return Variable(name, ends[0].number(), ends[1].number(), *(size.whole() for size in ends[2:]))
