"""Columns of text: their labels, and the numbers that stand for them."""

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kanbench.data.columns import (
    INTEGER,
    LEAVE_OUT,
    Array,
    ColumnReader,
    ConstantColumn,
    TableError,
    date_in,
    is_missing,
    number_in,
    sentence_of_missing,
)
from kanbench.errors import counted, shown

MOST_CATEGORIES = 1_000
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
CODE = re.compile(r"[+-]?0\d+")
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Labels:
    """The labels of a column: their names in order, and for each row the index of its own.

    Names of numbers are in the order of the numbers, and others in that of the alphabet. `first` holds the row, counted
    from 1, in which each name stands first. `where` begins a sentence about the column.
    """

    where: str
    names: tuple[str, ...]
    codes: NDArray[np.int64]  # (n_rows,)
    first: tuple[int, ...]


class LabelColumn(ColumnReader):
    """The cells of one column so far as labels; every different text counts once."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path, name)
        self.known: dict[str, int] = {}
        self.first: list[int] = []
        self.parts: list[NDArray[np.int64]] = []
        self.missing, self.first_missing = 0, 0

    def add(self, cells: Sequence[Any]) -> None:
        codes = [self._code(row, cell) for row, cell in enumerate(cells, start=self.rows + 1)]
        self.parts.append(np.array(codes, dtype=np.int64))
        self.rows += len(cells)

    def _code(self, row: int, cell: Any) -> int:
        if is_missing(cell):
            self.missing += 1
            self.first_missing = self.first_missing or row
        text = str(cell).strip()
        if text not in self.known:
            self.known[text] = len(self.known)
            self.first.append(row)
        return self.known[text]

    def content(self) -> Labels:
        """Return the whole column. Raises `TableError` for missing values, and for one label in every row."""
        if self.missing:
            raise TableError(f"{self.where} {sentence_of_missing(self.missing, self.first_missing)}")
        named = canonical(tuple(self.known))
        names = sorted(set(named), key=_order)
        if len(names) == 1:
            raise ConstantColumn(self, shown(names[0]))
        for name in names:
            if not name.isprintable():
                raise TableError(f"{self.where} has the value {shown(name)}, which is not printable")
        place = {name: index for index, name in enumerate(names)}
        of_code = np.array([place[name] for name in named])
        first = dict(zip(reversed(named), reversed(self.first), strict=True))  # of a name, the first row wins
        return Labels(
            self.where, tuple(names), of_code[np.concatenate(self.parts)], tuple(first[name] for name in names)
        )


def canonical(texts: Sequence[str]) -> list[str]:
    """Return one name for each text: of numbers and of true and false, different spellings have the same name.

    Where a number begins with 0, as 01234 does, they are codes, and every spelling has a name of its own.
    """
    numbers = [_plain_number(text) for text in texts]
    if all(numbers) and not any(CODE.fullmatch(text) for text in texts):
        return numbers
    lower = [text.lower() for text in texts]
    return lower if set(lower) <= {"true", "false"} else list(texts)


def _plain_number(text: str) -> str:
    """Return the shortest spelling of a finite number, with all digits of an integer; "" for other texts."""
    if found := INTEGER.fullmatch(text):
        return str(int(found[1]))
    number = number_in(text)
    if number is None or not math.isfinite(number):
        return ""
    return f"{number:.0f}" if number == int(number) else repr(number)


def _order(name: str) -> tuple[float, str]:
    number = number_in(name)
    return (math.inf if number is None else number, name)


@dataclass(frozen=True)
class Encoding:
    """The input columns of a table that hold no numbers, and the numbers that stand for their values.

    categorical: columns that become one column for each value, which is 1 in the rows that have it and 0 elsewhere.
    ordinal: columns whose values are ordered, each with its values from the first to the last; they become 0, 1, ..
    dates: columns of dates or times in ISO 8601, which become days since 1970.
    """

    categorical: tuple[str, ...] = ()
    ordinal: Mapping[str, Sequence[str]] = field(default_factory=dict)
    dates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        named = self.columns
        if twice := {shown(name) for name in named if named.count(name) > 1}:
            raise TableError(f"column {min(twice)} can be only one of categorical, ordinal and dates, and once")

    @property
    def columns(self) -> list[str]:
        """The names of all these columns."""
        return [*self.categorical, *self.ordinal, *self.dates]

    def encode(self, name: str, labels: Labels) -> dict[str, Array]:
        """Return the numbers (n_rows,) that stand for a column, by the names of the inputs. Raises `TableError`."""
        if name in self.categorical:
            return _one_hot(name, labels)
        if name in self.dates:
            return {name: _days(labels)[labels.codes]}
        return {name: _ranks(labels, self.ordinal[name])[labels.codes]}


def _one_hot(name: str, labels: Labels) -> dict[str, Array]:
    most = min(MOST_CATEGORIES, len(labels.codes) - 1)
    if len(labels.names) > most:
        raise TableError(
            f"{labels.where} has {len(labels.names):,} different values in {len(labels.codes):,} rows, too many for "
            f"one column each; {LEAVE_OUT}"
        )
    return {f"{name}={value}": (labels.codes == code).astype(float) for code, value in enumerate(labels.names)}


def _ranks(labels: Labels, levels: Sequence[str]) -> Array:
    """Return the rank of each label among the levels."""
    named = canonical([str(level).strip() for level in levels])
    if len(set(named)) < len(named):
        raise TableError(f"{labels.where}: data.ordinal must name each value once, got {', '.join(named)}")
    for name, row in zip(labels.names, labels.first, strict=True):
        if name not in named:
            known = " < ".join(named) or "none"
            raise TableError(
                f"{labels.where} has {shown(name)} in row {row}, and data.ordinal orders other values: {known}"
            )
    return np.array([float(named.index(name)) for name in labels.names])


def _days(labels: Labels) -> Array:
    """Return the days from 1970 to each label; times without a zone count as UTC."""
    days = []
    for name, row in zip(labels.names, labels.first, strict=True):
        time = date_in(name)
        if time is None:
            raise TableError(
                f"{labels.where} has {shown(name)} in row {row}, which is no date in ISO 8601 such as 2026-05-31"
            )
        days.append((time - EPOCH) / DAY)
    if min(days) == max(days):
        raise TableError(f"{labels.where} is constant ({shown(labels.names[0])} in every row); {LEAVE_OUT}")
    return np.array(days)


def classes_of(labels: Labels) -> tuple[Array, tuple[str, ...]]:
    """Return the index of each row's class (n_rows,), and the names of the classes."""
    if len(labels.names) > MOST_CATEGORIES:
        raise TableError(
            f"{labels.where} has {counted(len(labels.names), 'class')}, and at most {MOST_CATEGORIES:,} are told apart"
        )
    return labels.codes.astype(float), labels.names
