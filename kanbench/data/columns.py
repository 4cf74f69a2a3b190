"""Columns from CSV and Parquet files, read in batches of rows; every cell of a column of numbers is checked."""

import csv
import datetime
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from kanbench.data.formula import Array
from kanbench.data.splits import LARGEST, MOST_NUMBERS, ROUNDING
from kanbench.errors import counted, installs, shown

MISSING = ("", "na", "n/a", "nan", "null", "none", "?")
OF_PANDAS = ("<NA>", "NaT")  # its missing values as text
STRETCH = 10_000  # rows held in memory as text
EXACT = 2**53  # larger integers may have no exact float64
INTEGER = re.compile(r"\s*([+-]?\d+)(?:\.0*)?\s*")
SEPARATORS = {";": "';'", "\t": "tabs", "|": "'|'"}
LEAVE_OUT = "leave it out by naming the others in data.inputs"


class TableError(ValueError):
    """A file is not a valid table of numbers; the message names the file, the column and the row, counted from 1."""


class NoNumbers(TableError):
    """Raised for a column of which no cell is a number.

    `column` is its name, and `fault` the sentence without its advice.
    """

    def __init__(self, where: str, column: str, what: str, is_date: bool) -> None:
        self.column, self.fault = column, f"{where} is no column of numbers ({what})"
        super().__init__(f"{self.fault}; {LEAVE_OUT}, or say data.{'dates' if is_date else 'categorical'}=[{column}]")


class SomeText(TableError):
    """Raised for a column of which some cells are numbers and others are not. `column` is its name."""

    def __init__(self, where: str, column: str, what: str) -> None:
        self.column = column
        super().__init__(f"{where} has {what}")


class ConstantColumn(TableError):
    """Raised for a column that has one value in every row.

    `column` is its name, and `fault` the sentence without its advice, which suits inputs alone.
    """

    def __init__(self, reader: "ColumnReader", value: str) -> None:
        self.column, self.fault = reader.name, f"{reader.where} is constant ({value} in every row)"
        super().__init__(f"{self.fault}; {LEAVE_OUT}")


class ColumnReader(ABC):
    """Reads one column, batch by batch; `rows` counts its rows."""

    def __init__(self, path: Path, name: str) -> None:
        self.name, self.rows = name, 0
        self.where = f"{path.name}: column {shown(name)}"

    @abstractmethod
    def add(self, cells: Sequence[Any]) -> None:
        """Add the cells of the next rows, text or numbers."""

    @abstractmethod
    def content(self) -> Any:
        """Return the whole column. Raises `TableError` for cells that it cannot hold."""


Choose = Callable[[list[str]], Mapping[str, type[ColumnReader]]]  # names of all columns -> how some of them are read


class Column(ColumnReader):
    """The numbers of one column so far; for each kind of fault, its number of cells and the first of them."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path, name)
        self.parts: list[Array] = []
        self.faults: dict[str, tuple[int, int, Any]] = {}

    def add(self, cells: Sequence[Any]) -> None:
        try:
            numbers = np.array([float(cell) for cell in cells])
            fine = np.abs(numbers).max() < EXACT and not any("_" in cell for cell in cells if isinstance(cell, str))
        except (TypeError, ValueError, OverflowError):
            fine = False
        if not fine:
            numbers = np.array([self._look_at(row, cell) for row, cell in enumerate(cells, start=self.rows + 1)])
        self.parts.append(numbers)
        self.rows += len(cells)

    def _look_at(self, row: int, cell: Any) -> float:
        number = number_in(cell)
        fault = (
            "missing" if is_missing(cell)
            else "wrong" if number is None
            else "infinite" if not math.isfinite(number)
            else "inexact" if is_inexact(cell, number)
            else ""
        )  # fmt: skip
        if fault:
            known = self.faults.get(fault, (0, row, cell))
            self.faults[fault] = (known[0] + 1, *known[1:])
        return math.nan if number is None else number

    def content(self) -> Array:
        """Return the whole column. Raises `TableError` unless its numbers are finite, not too large, and vary."""
        if self.faults:
            raise self._fault()
        numbers = np.concatenate(self.parts)
        self.parts.clear()
        spread = float(np.ptp(numbers))
        row = int(np.argmax(np.abs(numbers)))
        largest = abs(float(numbers[row]))
        if spread == 0.0:
            raise ConstantColumn(self, f"{numbers[0]:g}")
        if largest > LARGEST:
            raise TableError(
                f"{self.where} reaches {largest:g} in row {row + 1}, and numbers must be within {LARGEST:g}; "
                "write it in a larger unit"
            )
        if spread < max(ROUNDING * largest, 1.0 / LARGEST):
            raise TableError(
                f"{self.where} varies by {spread:.1e} about {numbers[0]:g}, which may be no more than rounding; "
                f"{LEAVE_OUT}, take off a constant, or write it in a smaller unit"
            )
        return numbers

    def _fault(self) -> TableError:
        fault = next(kind for kind in ("missing", "wrong", "infinite", "inexact") if kind in self.faults)
        count, row, cell = self.faults[fault]
        example = f"{shown(cell)} in row {row}"
        if fault == "missing":
            return TableError(f"{self.where} {sentence_of_missing(count, row)}")
        if fault == "wrong" and count == self.rows:
            return NoNumbers(self.where, self.name, example, date_in(str(cell)) is not None)
        if fault == "wrong":
            return SomeText(self.where, self.name, f"{counted(count, 'cell')} without a number, the first {example}")
        if fault == "infinite":
            return TableError(f"{self.where} is not finite in {counted(count, 'row')}, the first is row {row}")
        what = f"{counted(count, 'integer')} beyond 2^53 that no float64 holds"
        return TableError(f"{self.where} has {what}, the first {example}; {LEAVE_OUT}, or take off a constant")


def is_missing(cell: Any) -> bool:
    """Return True for a cell that is empty or says that nothing is there."""
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    return cell is None or str(cell).lower() in MISSING or str(cell) in OF_PANDAS


def sentence_of_missing(count: int, row: int) -> str:
    """Say how many values of a column are missing, and in which row the first one is."""
    return f"has {counted(count, 'missing value')}, the first in row {row}; fill or remove them"


def number_in(cell: Any) -> float | None:
    """Return the number in a cell, or None if it is not a number."""
    if isinstance(cell, bool | bytes) or (isinstance(cell, str) and "_" in cell):  # Python reads 1_000 as 1000
        return None
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None
    except OverflowError:  # an integer of more than 308 digits
        return math.inf


def date_in(text: str) -> datetime.datetime | None:
    """Return the date or time in ISO 8601 in a text, in UTC where it names no zone; None if there is none."""
    try:
        time = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)


def is_inexact(cell: Any, number: float) -> bool:
    """Return True for an integer that was rounded when it became a float64."""
    if abs(number) < EXACT:
        return False
    found = INTEGER.fullmatch(str(cell))
    return found is not None and int(found[1]) != int(number)


def read_columns(path: Path, choose: Choose) -> dict[str, Any]:
    """Read the columns that `choose` picks from all names, each as the content of its reader. Raises `TableError`."""
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    if path.suffix.lower() not in readers:
        raise TableError(f"{path}: must end in .csv or .parquet")
    if path.exists() and not path.is_file():
        raise TableError(f"{path}: cannot be read (it is no file)")
    try:
        columns = readers[path.suffix.lower()](path, choose)
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not all(column.rows for column in columns.values()):
        raise TableError(f"{path.name}: there are no rows below the header")
    return {name: column.content() for name, column in columns.items()}


def _read_csv(path: Path, choose: Choose) -> dict[str, ColumnReader]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        try:
            rows = (row for row in csv.reader(file, strict=True) if row)
            header = next(rows, None)
            if header is None:
                raise TableError(f"{path.name}: the file is empty")
            names = _named(path, [name.strip() for name in header])
            columns = {name: reader(path, name) for name, reader in choose(names).items()}
            places = {name: names.index(name) for name in columns}
            for first, stretch in _stretches(path, rows, len(columns)):
                for row, cells in enumerate(stretch, start=first):
                    if len(cells) != len(names):
                        width = counted(len(cells), "cell")
                        raise TableError(f"{path.name}: row {row} has {width}, and the header {len(names)}")
                for name, column in columns.items():
                    place = places[name]
                    column.add([cells[place] for cells in stretch])
        except (csv.Error, UnicodeDecodeError) as error:
            raise TableError(f"{path.name}: not a CSV file in UTF-8 ({error})") from error
    return columns


def _stretches(path: Path, rows: Iterator[list[str]], n_columns: int) -> Iterator[tuple[int, list[list[str]]]]:
    """Yield batches of rows, each with the number of its first row. Raises `TableError` for too many rows."""
    first = 1
    while stretch := list(islice(rows, STRETCH)):
        _check_size(path, first - 1 + len(stretch), n_columns)
        yield first, stretch
        first += len(stretch)


def _named(path: Path, names: list[str]) -> list[str]:
    """Return the names of the columns. Raises `TableError` if one is missing or a number, or if two are equal."""
    for separator, what in SEPARATORS.items():
        if len(names) == 1 and separator in names[0]:
            raise TableError(f"{path.name}: its columns are separated by {what}; they must be separated by ','")
    if all(number_in(name) is not None for name in names):
        raise TableError(f"{path.name}: the first line must name the columns, and it holds numbers: {names[0]}, ...")
    for place, name in enumerate(names, start=1):
        if not name.strip():
            raise TableError(
                f"{path.name}: column {place} has no name in the header; pandas writes its index so unless told "
                "index=False"
            )
        if not name.isprintable():
            raise TableError(f"{path.name}: the name of column {place} must be printable, got {shown(name)}")
        if (times := names.count(name)) > 1:
            raise TableError(f"{path.name}: the header has {shown(name)} {times} times; names must differ")
    return names


def _check_size(path: Path, rows: int, n_columns: int) -> None:
    if rows * n_columns > MOST_NUMBERS:
        raise TableError(
            f"{path.name}: {counted(n_columns, 'column')} of {rows:,} rows or more are too many; at most "
            f"{MOST_NUMBERS:,} numbers can be read; name fewer columns in data.inputs, or take fewer rows"
        )


def _read_parquet(path: Path, choose: Choose) -> dict[str, ColumnReader]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise TableError(f"{path.name}: Parquet needs pyarrow: {installs('tables')}") from error
    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            columns = {name: reader(path, name) for name, reader in choose(_named(path, schema.names)).items()}
            _check_size(path, file.metadata.num_rows, len(columns))
            for column in columns.values():
                _check_type(column, schema.field(column.name).type)
            for batch in file.iter_batches(STRETCH, columns=list(columns)):
                for name, column in columns.items():
                    column.add(batch.column(name).to_pylist())
    except (ArrowException, UnicodeDecodeError) as error:
        raise TableError(f"{path.name}: not a Parquet file ({' '.join(str(error).split())})") from error
    return columns


def _check_type(column: ColumnReader, kind: Any) -> None:
    """Raise `TableError` for a type whose cells are neither numbers nor text; labels may be dates and booleans too."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    able = (
        *(types.is_integer, types.is_floating, types.is_decimal, types.is_null),
        *(types.is_string, types.is_large_string, types.is_string_view),
    )
    is_date = types.is_date(kind) or types.is_timestamp(kind)
    if not any(is_able(kind) for is_able in able):
        if isinstance(column, Column):
            raise NoNumbers(column.where, column.name, f"it holds {kind}", is_date)
        if not (types.is_boolean(kind) or is_date):
            raise TableError(f"{column.where} is no column of labels (it holds {kind}); {LEAVE_OUT}")
