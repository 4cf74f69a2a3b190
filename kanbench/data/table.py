"""Tasks given by tables: numbers in memory, read from a file."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from kanbench.data.columns import LEAVE_OUT, TableError, read_columns
from kanbench.data.formula import Array
from kanbench.data.grading import Classification, Grading, Regression
from kanbench.data.splits import Conditions, Dataset, Shares, Split, SplitSizes, stream
from kanbench.data.task import Suite, Task, TaskSettings
from kanbench.errors import UnknownName, counted, shown

INDEX_OF_PANDAS = re.compile(r"Unnamed: \d+.*|__index_level_\d+__")
INDEX_OF_PEOPLE = ("id", "index", "level_0", "no", "nr", "row", "rownames")


@dataclass(frozen=True)
class TableTask(Task):
    """A target column and the columns to predict it from; `digest` is the hash of their content.

    For a classification `classes` names the classes, and y holds their indices. x and y are left out of comparisons,
    because the digest stands for them.
    """

    name: str
    target: str
    inputs: tuple[str, ...]
    digest: str
    x: Array = field(compare=False, repr=False)  # (n_rows, n_inputs), in the units of the table
    y: Array = field(compare=False, repr=False)  # (n_rows,)
    classes: tuple[str, ...] = ()
    same_as: str = ""
    source: str = ""
    note: str = ""
    splits: ClassVar[type] = Shares
    remark: str = field(default="", compare=False, repr=False)  # a warning about the rows that a run prints

    def __post_init__(self) -> None:
        """Check the arrays. Raises `ValueError` for shapes that do not match the names, and for invalid values."""
        n = len(self.y)
        if self.x.shape != (n, len(self.inputs)) or self.y.shape != (n,):
            raise ValueError(
                f"table {shown(self.name)}: x must be rows times {counted(len(self.inputs), 'input')} and y one number "
                f"a row, got shapes {self.x.shape} and {self.y.shape}"
            )
        if not (np.isfinite(self.x).all() and np.isfinite(self.y).all()):
            raise ValueError(f"table {shown(self.name)}: x and y must be finite")
        if self.classes and not np.isin(self.y, np.arange(len(self.classes))).all():
            raise ValueError(f"table {shown(self.name)}: y must be indices of its {len(self.classes)} classes")

    @property
    def n_inputs(self) -> int:
        return len(self.inputs)

    @property
    def n_rows(self) -> int:
        return len(self.y)

    @property
    def grading(self) -> Grading:
        return Classification(len(self.classes)) if self.classes else Regression()

    def may_fail(self, conditions: Conditions) -> bool:
        return True

    def rows(self, sizes: SplitSizes | Shares) -> SplitSizes:
        return Shares.from_sizes(sizes).of(self.n_rows)

    def split(self, seed: int, sizes: SplitSizes | Shares, conditions: Conditions) -> Dataset:
        """Split the rows in an order drawn by the seed: first the test rows, then validation, then training.

        So the number of training rows changes no other split. Inputs are mapped to [-1, 1] by their range on the
        training rows; an input that is constant there becomes 0. For classes all splits are stratified.
        """
        if conditions.extrapolation:
            raise ValueError(f"task {self.name}: a table says nothing off its rows, so extrapolation must be 0")
        if conditions.noise and self.classes:
            raise ValueError(f"task {self.name}: noise is added to numbers, and the target is a class")
        counts = self.rows(sizes)
        order = _order(self, np.random.default_rng(stream(seed, "rows", self.name)))
        test, validation, train, _ = np.split(order, np.cumsum([counts.test, counts.validation, counts.train]))
        low, high = self.x[train].min(axis=0), self.x[train].max(axis=0)
        varies = high > low
        width = np.where(varies, high - low, 1.0)

        def split(rows: np.ndarray) -> Split:
            return Split(np.where(varies, 2.0 * (self.x[rows] - low) / width - 1.0, 0.0), self.y[rows])

        return Dataset(split(train), split(validation), split(test))


def table_task(
    name: str, inputs: Sequence[str], x: Array, target: str, y: Array, classes: Sequence[str] = (), **about: str
) -> TableTask:
    """Make a task from arrays; `about` may hold its source, a note and a remark."""
    digest = hashlib.sha256(repr((tuple(inputs), target, tuple(classes), x.shape)).encode())
    for array in (x, y):
        digest.update(np.ascontiguousarray(array, dtype="<f8").data)
    return TableTask(name, target, tuple(inputs), digest.hexdigest()[:24], x, y, tuple(classes), **about)


def read_table(path: Path, target: str, inputs: Sequence[str] = ()) -> TableTask:
    """Read a .csv or .parquet file as a regression of `target` on `inputs`; no inputs means all other columns.

    Only these columns are read as numbers and hashed. The task has the name of the file.

    Raises `TableError`, and `UnknownName` for a column that does not exist.
    """

    def choose(names: list[str]) -> list[str]:
        for column in (target, *inputs):
            if column not in names:
                raise UnknownName(f"column of {path.name}", column, names)
        chosen = list(inputs) or [name for name in names if name != target]
        if target in chosen or len(set(chosen)) < len(chosen) or not chosen:
            raise TableError(
                f"{path.name}: the inputs must be at least one column, each once, and not the target {shown(target)}"
            )
        return [*chosen, target]

    if not path.stem.isprintable():
        raise TableError(f"{path.name!r}: the name of the file must be printable, because it names the task")
    numbers = read_columns(path, choose)
    y = numbers.pop(target)
    if not inputs:
        _refuse_index(path, numbers)
    x = np.stack(list(numbers.values()), axis=1)
    return table_task(path.stem, list(numbers), x, target, y, source=path.name, remark=_repeats(path, x, y))


@dataclass(frozen=True)
class TableSettings(TaskSettings):
    """The file of a table of one's own: a suite of one task."""

    path: str = ""
    target: str = ""
    inputs: tuple[str, ...] = ()

    def read(self) -> Suite:
        for key, meaning in (("path", "name a .csv or .parquet file"), ("target", "name the column to predict")):
            if not getattr(self, key):
                raise ValueError(f"{key}: must {meaning}: data=table data.path=my.csv data.target=y")
        path = Path(self.path)
        try:
            task = read_table(path, self.target, self.inputs)
        except UnknownName as error:
            raise ValueError(f"target or data.inputs: {error}") from error
        except TableError as error:
            raise ValueError(f"path: {error}") from error
        return Suite("table", f"{task.target} of {path.name}", (task,))


def _refuse_index(path: Path, columns: dict[str, Array]) -> None:
    """Raise `TableError` if an input only numbers the rows, such as the index that pandas writes."""
    for name, numbers in columns.items():
        counts = np.array_equal(numbers, np.arange(len(numbers)) + numbers[0])
        if INDEX_OF_PANDAS.fullmatch(name) or (counts and name.lower() in INDEX_OF_PEOPLE):
            raise TableError(f"{path.name}: column {shown(name)} numbers the rows and is no input; {LEAVE_OUT}")


def _repeats(path: Path, x: Array, y: Array) -> str:
    """Return a warning about duplicate rows, or "". Raises `TableError` if every row has a duplicate."""
    if any(len(np.unique(column)) == len(y) for column in (y, *x.T)):
        return ""
    rows = np.column_stack([x, y])
    rows = rows[np.lexsort(rows.T)]
    starts = np.flatnonzero(np.append(True, (rows[1:] != rows[:-1]).any(axis=1)))
    times = np.diff(starts, append=len(rows))
    if times.min() > 1:
        raise TableError(
            f"{path.name}: every row is there {times.min()} times or more, so training would know the rows of the "
            "test; keep one of each"
        )
    if len(times) == len(rows):
        return ""
    repeats = counted(len(rows) - len(times), "row")
    return f"{path.name}: {repeats} of {len(rows):,} repeat others, so training may know rows of the test"


def _order(task: TableTask, generator: np.random.Generator) -> np.ndarray:
    """Return all rows in a random order in which every stretch holds each class in nearly its share."""
    rows = generator.permutation(task.n_rows)
    if not task.classes:
        return rows
    position = np.empty(task.n_rows)
    for label in range(len(task.classes)):
        members = task.y[rows] == label
        position[members] = (np.arange(members.sum()) + generator.uniform()) / members.sum()
    return rows[np.argsort(position, kind="stable")]
