"""Tables of records that others wrote or edited: what no training can have left behind is refused with its row."""

import logging
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from kanbench.errors import counted

STATUSES = ("ok", "diverged", "failed", "skipped")
KEYS = ("suite", "task", "method", "cell", "protocol", "seed", "status")  # a row without one of these is of nothing
POSITIVE = ("budget",)
NOT_NEGATIVE = ("params", "flops", "lr", "evaluations", "seconds", "peak_memory_bytes", "score")
WHOLE = ("budget", "seed")
MEMBER = ["cell", "seed", "lr"]
MEASURED = ("experiment", "commit", "seconds", "peak_memory_bytes")  # may differ between two trainings of a member
HEADER = 2  # rows of a file are counted from 1, and the first is the header

log = logging.getLogger(__name__)


def check_table(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table, each member once; the log says if some were there twice.

    Raises `ValueError`, naming the row, for what no record can say, and for two different results of one member.
    """
    for column in KEYS:
        _refuse(path, frame, column, frame[column].isna(), "must not be empty")
    numbers = [name for name in (*POSITIVE, *NOT_NEGATIVE, *WHOLE) if name in frame]
    for column in dict.fromkeys(numbers):
        frame = frame.assign(**{column: _as_numbers(path, frame, column)})
    rules: list[tuple[tuple[str, ...], Callable[[pd.Series], pd.Series], str]] = [
        (("budget", "seconds", "params"), lambda values: values.abs() == float("inf"), "must be finite"),
        (POSITIVE, lambda values: values <= 0, "must be above 0"),
        (NOT_NEGATIVE, lambda values: values < 0, "must not be negative"),
        (WHOLE, lambda values: values.notna() & (values % 1 != 0), "must be a whole number"),
        (("status",), lambda values: ~values.isin(STATUSES), f"must be one of {', '.join(STATUSES)}"),
    ]
    for columns, is_wrong, rule in rules:
        for column in columns:
            _refuse(path, frame, column, is_wrong(frame[column]), rule)
    is_graded = (frame.status != "skipped") & ~not_chosen(frame)
    _refuse(path, frame, "score", frame.score.isna() & is_graded, "must not be empty")
    return _each_member_once(path, frame)


def not_chosen(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Return which rows are of shapes that a search did not choose, and that are not graded on the test split."""
    if "chosen" not in frame:
        return pd.Series(False, index=frame.index)
    return frame.chosen.astype(str) == "False"  # a table may hold the words


def _as_numbers(path: Path, frame: pd.DataFrame, column: str) -> pd.Series:
    numbers = pd.to_numeric(frame[column], errors="coerce")
    _refuse(path, frame, column, numbers.isna() & frame[column].notna(), "must be a number")
    return numbers


def _refuse(path: Path, frame: pd.DataFrame, column: str, is_wrong: pd.Series, rule: str) -> None:
    if is_wrong.any():
        row = int(is_wrong.to_numpy().argmax())
        rows = counted(int(is_wrong.sum()), "row")
        found = "" if pd.isna(frame[column].iloc[row]) else f", got {str(frame[column].iloc[row])[:60]!r}"
        raise ValueError(f"{path}: {column} {rule}{found} (row {row + HEADER}; {rows} like it)")


def _each_member_once(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    is_again = frame.duplicated(MEMBER)
    if not is_again.any():
        return frame
    results = frame.drop(columns=[name for name in MEASURED if name in frame]).drop_duplicates()
    is_other = results.duplicated(MEMBER)
    if is_other.any():
        row = int(frame.index.get_loc(is_other.idxmax()))
        raise ValueError(
            f"{path}: cell {frame.cell.iloc[row]} has two different results of seed {frame.seed.iloc[row]:.0f} "
            f"(the second is row {row + HEADER}); keep one of them"
        )
    log.warning("%s: %s found more than once and counted once", path, counted(int(is_again.sum()), "row"))
    return frame[~is_again].reset_index(drop=True)
