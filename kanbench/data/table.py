"""Tasks that are tables: read from a CSV or Parquet file, and checked to the last cell."""

import csv
import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kanbench.data.formula import Array
from kanbench.data.names import UnknownName
from kanbench.plural import counted

MISSING = ("", "na", "n/a", "nan", "null", "none", "?")
Columns = dict[str, list[Any]]


class TableError(ValueError):
    """A file that is no table of numbers; one sentence with the file, the column and the row, counted from 1."""


@dataclass(frozen=True)
class TableTask:
    """One target column and the columns to predict it from; `digest` is the hash of their content.

    Of a classification `classes` names the classes, and y holds their indices. `rows` of x and y stay out of
    comparisons: the digest stands for them.
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

    @property
    def n_inputs(self) -> int:
        return len(self.inputs)

    @property
    def n_rows(self) -> int:
        return len(self.y)

    @property
    def n_classes(self) -> int:
        """0 for a regression."""
        return len(self.classes)


def table_task(
    name: str, inputs: Sequence[str], x: Array, target: str, y: Array, classes: Sequence[str] = (), **about: str
) -> TableTask:
    """A task of arrays; `about` may hold its source and a note."""
    digest = hashlib.sha256(repr((tuple(inputs), target, tuple(classes), x.shape)).encode())
    for array in (x, y):
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return TableTask(name, target, tuple(inputs), digest.hexdigest()[:24], x, y, tuple(classes), **about)


def read_table(path: Path, target: str, inputs: Sequence[str] = ()) -> TableTask:
    """The table in a .csv or .parquet file, as a regression of `target` on `inputs`; none: on all other columns.

    Only these columns are read as numbers, and only they are hashed. The task has the name of the file.

    Raises `TableError`, and `UnknownName` for a column that is not there.
    """
    columns = _read(path)
    for column in (target, *inputs):
        if column not in columns:
            raise UnknownName(f"column of {path.name}", column, columns)
    chosen = list(inputs) or [column for column in columns if column != target]
    if target in chosen or len(set(chosen)) < len(chosen) or not chosen:
        raise TableError(f"{path.name}: the inputs must be at least one column, each once, and not the target {target}")
    numbers = {column: _numbers(path, column, columns[column]) for column in (*chosen, target)}
    x = np.stack([numbers[column] for column in chosen], axis=1)
    return table_task(path.stem, chosen, x, target, numbers[target], source=path.name)


def _read(path: Path) -> Columns:
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    if path.suffix.lower() not in readers:
        raise TableError(f"{path.name}: must end in .csv or .parquet")
    try:
        names, rows_of = readers[path.suffix.lower()](path)
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror or error})") from error
    for name in names:
        if names.count(name) > 1:
            raise TableError(f"{path.name}: the header has {name!r} {names.count(name)} times; names must differ")
        if not name.strip():
            raise TableError(f"{path.name}: column {names.index(name) + 1} has no name in the header")
    if rows_of and not rows_of[0]:
        raise TableError(f"{path.name}: there are no rows below the header")
    return dict(zip(names, rows_of, strict=True))


def _read_csv(path: Path) -> tuple[list[str], list[list[Any]]]:
    """Names, and the cells of each column as text."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        try:
            header, *rows = [row for row in csv.reader(file, strict=True) if row]
        except (csv.Error, UnicodeDecodeError) as error:
            raise TableError(f"{path.name}: not a CSV file in UTF-8 ({error})") from error
        except ValueError as error:
            raise TableError(f"{path.name}: the file is empty") from error
    names = [name.strip() for name in header]
    if len(names) == 1 and ";" in names[0]:
        raise TableError(f"{path.name}: its columns are separated by ';'; they must be separated by ','")
    if all(_number(name) is not None for name in names):
        raise TableError(f"{path.name}: the first line must name the columns, and it holds numbers: {names[0]}, ...")
    for i, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise TableError(f"{path.name}: row {i} has {counted(len(row), 'cell')}, and the header {len(names)}")
    return names, [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]


def _read_parquet(path: Path) -> tuple[list[str], list[list[Any]]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise TableError(f"{path.name}: Parquet needs pyarrow: pip install -e '.[tables]'") from error
    try:
        table = parquet.ParquetFile(path).read()
    except ArrowException as error:
        raise TableError(f"{path.name}: not a Parquet file ({error})") from error
    return table.column_names, [column.to_pylist() for column in table.columns]


def _number(cell: Any) -> float | None:
    """None for what is not a number."""
    if isinstance(cell, bool):
        return None
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None


def _is_missing(cell: Any) -> bool:
    return cell is None or (str(cell).strip().lower() in MISSING)


def _numbers(path: Path, column: str, cells: list[Any]) -> Array:
    """A column as float64; raises `TableError` unless all of it is finite numbers, of which two differ."""
    where = f"{path.name}: column {column!r}"
    leave_out = "leave it out by naming the others in data.inputs"
    if missing := _rows(_is_missing(cell) for cell in cells):
        raise TableError(
            f"{where} has {counted(len(missing), 'missing value')}, the first in row {missing[0]}; fill or remove them"
        )
    values = [_number(cell) for cell in cells]
    if wrong := _rows(value is None for value in values):
        example = f"{cells[wrong[0] - 1]!r} in row {wrong[0]}"
        if len(wrong) == len(cells):
            raise TableError(f"{where} is no column of numbers ({example}); {leave_out}")
        raise TableError(f"{where} has {counted(len(wrong), 'cell')} without a number, the first {example}")
    numbers = np.array(values, dtype=np.float64)
    if infinite := _rows(not math.isfinite(value) for value in numbers):
        raise TableError(f"{where} is not finite in {counted(len(infinite), 'row')}, the first is row {infinite[0]}")
    if np.ptp(numbers) == 0.0:
        raise TableError(f"{where} is constant ({numbers[0]:g} in every row); {leave_out}")
    return numbers


def _rows(flags: Iterable[bool]) -> list[int]:
    """Where the flags are up, counted from 1."""
    return [i for i, flag in enumerate(flags, start=1) if flag]
