"""Tasks given by formulas: a target function with its variables and ranges, sampled at random points."""

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import count
from keyword import iskeyword
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kanbench.data.formula import Array, Formula, FormulaError
from kanbench.data.grading import Grading, Regression
from kanbench.data.randomness import stream
from kanbench.data.splits import (
    LARGEST,
    MOST_NUMBERS,
    ROUNDING,
    Conditions,
    Dataset,
    Shares,
    Split,
    SplitSizes,
)
from kanbench.data.task import Suite, Task, TaskSettings
from kanbench.errors import UnknownName, require_name, shown
from kanbench.files.yaml_file import FileError, Node, read_yaml

SUITES_FOLDER = Path(__file__).parent / "suites"
MOST_INPUTS = 10_000
EXAMPLE = """data=formula 'data.formula="sin(3*x)*y"' 'data.variables={x: [-1, 1], y: [0, 2]}'"""


@dataclass(frozen=True)
class Variable:
    """A variable, sampled uniformly from [low, high]; a vector variable has `size` components.

    Raises `ValueError` for an invalid name and for an invalid range.
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
class FormulaTask(Task):
    """A task given by a formula over variables with ranges.

    `same_as` names the first task of its suite that is the same regression problem, up to the order of the inputs and
    an affine map of the target; such duplicates count once. `source` cites the origin, `note` says what to know about
    it.

    Raises `ValueError` for a name that cannot name a file, and for a formula that is not one number per point.
    """

    name: str
    formula: str
    variables: tuple[Variable, ...]
    same_as: str = ""
    source: str = ""
    note: str = ""
    smooth: bool | None = field(default=None, compare=False)
    heavy_tailed: bool = field(default=False, compare=False)
    splits: ClassVar[type] = SplitSizes

    def __post_init__(self) -> None:
        require_name("the name of a task", self.name)
        names = [variable.name for variable in self.variables]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"task {self.name}: must have variables whose names differ, got {shown(names)}")
        sizes = [variable.size for variable in self.variables]
        rows = next(n for n in count(2) if n not in sizes)  # differs from the size of every vector
        try:
            if self.parsed and max(sizes) > 1:  # without vectors every operation makes one number a point
                self.target(np.zeros((rows, self.n_inputs)))
        except FormulaError as error:
            raise FormulaError(f"task {self.name}: {error}") from error
        except ValueError as error:  # shapes that do not match
            raise ValueError(
                f"task {self.name}: the formula {shown(self.formula)} must make one number a point; a vector may meet "
                "numbers and itself, and mean makes one number of it"
            ) from error

    @property
    def n_inputs(self) -> int:
        return sum(variable.size for variable in self.variables)

    @property
    def grading(self) -> Grading:
        return Regression()

    def may_fail(self, conditions: Conditions) -> bool:
        return conditions.extrapolation > 0

    def rows(self, sizes: SplitSizes | Shares) -> SplitSizes:
        if isinstance(sizes, Shares):
            raise ValueError(f"task {self.name}: shares are of the rows of a table, and a formula has none")
        return sizes

    def split(self, seed: int, sizes: SplitSizes | Shares, conditions: Conditions) -> Dataset:
        """Draw uniform points from the ranges of the task; with extrapolation, those of the test from wider ranges.

        Each split has a stream of its own, so the size of one split does not change the points of another, and a
        smaller split is the beginning of a larger one.
        """
        rows, wider = self.rows(sizes), 1.0 + conditions.extrapolation
        n_rows = rows.train + rows.validation + rows.test
        if n_rows * self.n_inputs > MOST_NUMBERS:
            raise ValueError(
                f"task {self.name}: {n_rows:,} rows of {self.n_inputs} inputs are too many; at most {MOST_NUMBERS:,} "
                "numbers can be drawn"
            )
        return Dataset(
            self._draw(seed, "train", rows.train),
            self._draw(seed, "validation", rows.validation),
            self._draw(seed, "test", rows.test, wider),
        )

    def _draw(self, seed: int, purpose: str, n: int, width: float = 1.0) -> Split:
        generator = np.random.default_rng(stream(seed, purpose, self.name))
        x = width * generator.uniform(-1.0, 1.0, size=(n, self.n_inputs))
        y = self.target(x)
        if not np.isfinite(y).all():
            wider = f" on a range {100 * (width - 1.0):g} % wider"
            where = wider if width > 1 else self._place(x[np.argmin(np.isfinite(y))])
            raise ValueError(
                f"task {self.name}: {(~np.isfinite(y)).sum()} of {n} {purpose} targets are not finite{where}"
            )
        return Split(x, y)

    def _place(self, point: Array) -> str:
        """Return the end of a message about a point of the unit cube, (n_inputs,), in the units of its variables."""
        named = [f"{name} = {column[0]:.3g}" for name, column in self._values(point[None]).items() if column.ndim == 1]
        return f", such as that at {', '.join(named[:4])}" if named else ""

    @cached_property
    def parsed(self) -> Formula:
        return Formula(self.formula, tuple(variable.name for variable in self.variables))

    def target(self, unit: Array) -> Array:
        """Evaluate the function at points on the unit cube: (n, n_inputs) in [-1, 1] -> (n,)."""
        return self.parsed(self._values(unit))

    def _values(self, unit: Array) -> dict[str, Array]:
        columns = np.split(unit, np.cumsum([v.size for v in self.variables])[:-1], axis=1)
        return {
            v.name: (v.low + (v.high - v.low) * (column + 1.0) / 2.0)[:, 0 if v.size == 1 else slice(None)]
            for v, column in zip(self.variables, columns, strict=True)
        }


def suite_names() -> list[str]:
    """Return the names of all suites of formulas, in alphabetical order."""
    return sorted(path.stem for path in SUITES_FOLDER.glob("*.yaml"))


@cache
def load_suite(name: str) -> Suite[FormulaTask]:
    """Load a suite. Raises `UnknownName` if it does not exist, and `FileError` if its file is invalid."""
    if name not in suite_names():
        raise UnknownName("suite", name, suite_names())
    return read_suite(SUITES_FOLDER / f"{name}.yaml")


def read_suite(path: Path) -> Suite[Any]:
    """Read a suite from its file, whose name is that of the suite. Raises `FileError` if the file is invalid."""
    try:
        content = read_yaml(path).fields("title", "source", optional=("tasks", "of"))
        source = content["source"].text()
        if not content.keys() & {"tasks", "of"}:
            raise ValueError("has no tasks")
        taken = list(_taken(content["of"])) if "of" in content else []
        own = [_read_task(entry, source) for entry in content["tasks"].items()] if "tasks" in content else []
        if len({type(task) for task in (*taken, *own)}) > 1:
            raise ValueError("a suite holds formulas or equations, not both, because their errors do not compare")
        return Suite(path.stem, content["title"].text(), (*taken, *own), is_own=path.parent != SUITES_FOLDER)
    except FileError:
        raise
    except ValueError as error:
        raise FileError(f"{path}: {error}") from error


def _taken(of: Node) -> Iterator[FormulaTask]:
    """Yield the tasks that a suite takes from kanbench's other suites: {suite: [names of its tasks]}."""
    for suite, names in of.entries().items():
        for name in names.items():
            try:
                yield load_suite(suite).task(name.text())
            except UnknownName as error:
                raise FileError(f"{name.file}: {name.path}: {error}") from error


def _read_task(entry: Node, source: str) -> Task:
    if "residual" in entry.entries():
        return _read_equation(entry, source)
    marks = ("smooth", "heavy_tailed")
    content = entry.fields("name", "formula", "variables", optional=("same_as", "source", "note", *marks))
    annotations: dict[str, Any] = {key: content[key].text() for key in ("same_as", "note") if key in content}
    annotations |= {key: content[key].flag() for key in marks if key in content}
    return FormulaTask(
        name=content["name"].text(),
        formula=content["formula"].text(),
        variables=_read_variables(content["variables"]),
        source=content["source"].text() if "source" in content else source,
        **annotations,
    )


def _read_equation(entry: Node, source: str) -> Task:
    from kanbench.data.equations.reading import read_equation  # whose domains are of `Variable`

    return read_equation(entry, source, _read_variables)


def _read_variables(node: Node) -> tuple[Variable, ...]:
    return tuple(_read_variable(name, bounds) for name, bounds in node.entries().items())


def _read_variable(name: str, bounds: Node) -> Variable:
    ends = bounds.items()
    if len(ends) not in (2, 3):
        raise bounds.fault("must be [low, high], or [low, high, size] of a vector")
    return Variable(name, ends[0].number(), ends[1].number(), *(size.whole() for size in ends[2:]))


@dataclass(frozen=True)
class FormulaSettings(TaskSettings):
    """One formula of one's own: a suite of one task, named after the formula and a hash of it and its ranges."""

    word: ClassVar[str] = "formula"

    formula: str = ""
    variables: Any = None  # [low, high], or [low, high, size] of a vector, by name

    def read(self) -> Suite:
        for key, meaning in (("formula", "be a formula"), ("variables", "give the range of every variable")):
            if not getattr(self, key):
                raise ValueError(f"{key}: must {meaning}: {EXAMPLE}")
        try:
            variables = _read_variables(Node(self.variables, Path("variables")))
        except FileError:
            raise
        except ValueError as error:
            raise ValueError(f"variables: {error}") from error
        try:
            task = FormulaTask(self._name, self.formula, variables)
        except ValueError as error:
            raise ValueError(f"formula: {str(error).removeprefix(f'task {self._name}: ')}") from error
        return Suite("formula", self.formula, (task,), is_own=True)

    @property
    def _name(self) -> str:
        words = re.sub(r"[^A-Za-z0-9]+", "_", self.formula).strip("_")
        return f"{words[:40]}-{hashlib.sha256(repr((self.formula, self.variables)).encode()).hexdigest()[:6]}"
