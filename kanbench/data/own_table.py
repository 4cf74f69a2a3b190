"""A table of one's own: a .csv or .parquet file becomes a task."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kanbench.data.columns import (
    LEAVE_OUT,
    Column,
    ColumnReader,
    ConstantColumn,
    NoNumbers,
    SomeText,
    TableError,
    read_columns,
)
from kanbench.data.formula import Array
from kanbench.data.labels import Encoding, LabelColumn, Labels, classes_of
from kanbench.data.splits import MOST_NUMBERS
from kanbench.data.table import TableTask, table_task
from kanbench.data.task import Suite, TaskSettings
from kanbench.errors import UnknownName, counted, shown

INDEX_OF_PANDAS = re.compile(r"Unnamed: \d+.*|__index_level_\d+__")
INDEX_OF_PEOPLE = ("id", "index", "level_0", "no", "nr", "row", "rownames")
PLAIN = Encoding()


class Kind(StrEnum):
    """Numbers or classes as what is predicted; `auto` takes text, and true and false, for classes."""

    auto = "auto"
    regression = "regression"
    classification = "classification"


class UnclearKind(TableError):
    """The target may be a number or a class; the message says which word decides."""


def read_table(
    path: Path,
    target: str | Sequence[str],
    inputs: Sequence[str] = (),
    *,
    kind: Kind = Kind.auto,
    encoding: Encoding = PLAIN,
) -> TableTask:
    """Read a .csv or .parquet file as the prediction of `target` from `inputs`.

    Only these columns are read and hashed. The task has the name of the file.

    Args:
        path: The file.
        target: The column to predict, or several, which one model predicts together.
        inputs: The columns to predict it from; none means all others.
        kind: What is predicted, a number or a class.
        encoding: The inputs that hold no numbers.

    Raises:
        TableError: The file is no such table; `UnclearKind` for a target of 0 and 1 of which `kind` says nothing.
        UnknownName: A column does not exist.
    """
    targets = (target,) if isinstance(target, str) else tuple(target)
    if kind is Kind.classification and len(targets) > 1:
        raise TableError(f"{path.name}: a classification has one target, got {', '.join(targets)}")
    if not path.stem.isprintable():
        raise TableError(f"{path.name!r}: the name of the file must be printable, because it names the task")
    try:
        columns = _read(_Choice(path, targets, tuple(inputs), encoding, kind is Kind.classification), kind)
    except ConstantColumn as error:
        if error.column not in targets:
            raise
        raise TableError(f"{error.fault}; there is nothing to predict") from error
    of_targets = [columns.pop(name) for name in targets]
    y, classes = _predicted(of_targets, f"column {shown(targets[0])} of {path.name}", kind)
    if not inputs:
        _refuse_index(path, {name: column for name, column in columns.items() if isinstance(column, np.ndarray)})
    names, x = _encoded(path, columns, encoding)
    about = {"source": path.name, "remark": _repeats(path, x, y)}
    return table_task(path.stem, names, x, targets[0] if len(targets) == 1 else targets, y, classes, **about)


def _read(choose: "_Choice", kind: Kind) -> dict[str, Any]:
    """Read the columns of a choice; a single target of text is read once more, as classes."""
    try:
        return read_columns(choose.path, choose)
    except NoNumbers as error:
        if error.column not in choose.targets:
            raise
        if kind is Kind.regression or len(choose.targets) > 1:
            raise TableError(f"{error.fault}; only a single target can be a class, with data.kind=auto") from error
        return read_columns(choose.path, replace(choose, is_class=True))
    except SomeText as error:
        is_target = error.column in choose.targets
        if is_target and (kind is Kind.regression or len(choose.targets) > 1):
            raise
        word = "kind=classification" if is_target else f"categorical=[{error.column}]"
        raise TableError(f"{error}; mend them, or say data.{word} if its cells are names") from error


def _predicted(targets: list[Any], where: str, kind: Kind) -> tuple[Array, tuple[str, ...]]:
    """Return what is predicted, (n_rows,) or (n_rows, n_targets), and the names of its classes.

    Raises `UnclearKind` for 0 and 1 of which nobody says what they are.
    """
    if len(targets) > 1:
        return np.stack(targets, axis=1), ()
    (target,) = targets
    if isinstance(target, Labels):
        return classes_of(target)
    if kind is Kind.auto and np.isin(target, (0.0, 1.0)).all():
        raise UnclearKind(
            f"{where} holds only 0 and 1; say data.kind=classification if they are two classes, or "
            "data.kind=regression if they are numbers"
        )
    return target, ()


@dataclass(frozen=True)
class _Choice:
    """The columns of a file that are read, and how: inputs in their order, then the targets.

    Raises `UnknownName` for a column that does not exist, and `TableError` where a column has two parts to play.
    """

    path: Path
    targets: tuple[str, ...]
    inputs: tuple[str, ...]
    encoding: Encoding
    is_class: bool

    def __call__(self, names: list[str]) -> dict[str, type[ColumnReader]]:
        for column in (*self.targets, *self.inputs, *self.encoding.columns):
            if column not in names:
                raise UnknownName(f"column of {self.path.name}", column, names)
        chosen = list(self.inputs) or [name for name in names if name not in self.targets]
        if set(chosen) & set(self.targets) or len(set(chosen)) < len(chosen) or not chosen:
            what = "target" if len(self.targets) == 1 else "targets"
            raise TableError(
                f"{self.path.name}: the inputs must be at least one column, each once, and not the {what} "
                f"{', '.join(map(shown, self.targets))}"
            )
        for column in self.encoding.columns:
            if column not in chosen:
                raise TableError(
                    f"{self.path.name}: column {shown(column)} is no input, and only inputs are categorical, ordinal "
                    "or dates"
                )
        labels = {*self.encoding.columns, *(self.targets if self.is_class else ())}
        return {name: LabelColumn if name in labels else Column for name in [*chosen, *self.targets]}


def _encoded(path: Path, columns: Mapping[str, Any], encoding: Encoding) -> tuple[list[str], Array]:
    """Return the names of the inputs, and their numbers (n_rows, n_inputs)."""
    parts = [
        {name: content} if isinstance(content, np.ndarray) else encoding.encode(name, content)
        for name, content in columns.items()
    ]
    names = [name for part in parts for name in part]
    if twice := {shown(name) for name in names if names.count(name) > 1}:
        raise TableError(f"{path.name}: two inputs would have the name {min(twice)}; rename a column")
    rows = len(next(iter(parts[0].values())))
    if rows * len(names) > MOST_NUMBERS:
        raise TableError(
            f"{path.name}: {counted(len(names), 'input')} of {rows:,} rows are too many; at most {MOST_NUMBERS:,} "
            "numbers can be held"
        )
    return names, np.stack([numbers for part in parts for numbers in part.values()], axis=1)


@dataclass(frozen=True)
class TableSettings(TaskSettings):
    """The file of a table of one's own: a suite of one task."""

    word: ClassVar[str] = "table"

    path: str = ""
    target: Any = ""  # the name of a column, or a list of names
    kind: Kind = Kind.auto
    inputs: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    ordinal: dict[str, list[str]] | None = None
    dates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise `ValueError` that begins with the key."""
        for name in self.targets:
            if not isinstance(name, str | int | float):
                raise ValueError(f"target: must be the name of a column, or a list of names, got {name!r}")
            if self.targets.count(name) > 1:
                raise ValueError(f"target: must name each column once, got {shown(name)} twice")

    @property
    def targets(self) -> tuple[Any, ...]:
        return self.target if isinstance(self.target, tuple) else (self.target,)

    def read(self) -> Suite:
        for key, meaning in (("path", "name a .csv or .parquet file"), ("target", "name the column to predict")):
            if getattr(self, key) in ("", ()):
                raise ValueError(f"{key}: must {meaning}: data=table data.path=my.csv data.target=y")
        path, targets = Path(self.path), tuple(map(str, self.targets))
        try:
            encoding = Encoding(self.categorical, self.ordinal or {}, self.dates)
            task = read_table(
                path, targets[0] if len(targets) == 1 else targets, self.inputs, kind=self.kind, encoding=encoding
            )
        except UnknownName as error:
            others = [f"data.{key}" for key in ("categorical", "ordinal", "dates") if getattr(self, key)]
            *keys, last = ["target", "data.inputs", *others]
            raise ValueError(f"{', '.join(keys)} or {last}: {error}") from error
        except UnclearKind as error:
            raise ValueError(f"kind: {error}") from error
        except TableError as error:
            raise ValueError(f"path: {error}") from error
        return Suite("table", f"{', '.join(targets)} of {path.name}", (task,))


def _refuse_index(path: Path, columns: dict[str, Array]) -> None:
    """Raise `TableError` if an input only numbers the rows, such as the index that pandas writes."""
    for name, numbers in columns.items():
        counts = np.array_equal(numbers, np.arange(len(numbers)) + numbers[0])
        if INDEX_OF_PANDAS.fullmatch(name) or (counts and name.lower() in INDEX_OF_PEOPLE):
            raise TableError(f"{path.name}: column {shown(name)} numbers the rows and is no input; {LEAVE_OUT}")


def _repeats(path: Path, x: Array, y: Array) -> str:
    """Return a warning about duplicate rows, or "". Raises `TableError` if every row has a duplicate."""
    rows = np.column_stack([x, y])
    if any(len(np.unique(column)) == len(rows) for column in (*rows.T[x.shape[1] :], *x.T)):
        return ""
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
