"""From record files to one tidy frame."""

import logging
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from kanbench.analysis.check import check_table
from kanbench.analysis.kinds import metrics
from kanbench.analysis.merge import merge
from kanbench.analysis.protocol import complete
from kanbench.analysis.spreadsheet import read_marked
from kanbench.errors import counted
from kanbench.files.sealed import Damaged
from kanbench.store.record import read_record

COLUMNS = [
    *("experiment", "suite", "task", "method", "basis", "aggregation", "activation", "depth", "width", "budget"),
    *("params", "flops", "seed", "lr", "optimizer", "evaluations", "seconds", "peak_memory_bytes"),
    *("train_rel_l2", "val_rel_l2", "test_rel_l2", "test_rmse", "test_max_error", "test_r2"),
    *("status", "reason", "cell", "commit"),
]
TEXT = (  # may be empty
    *("experiment", "basis", "aggregation", "activation", "reason", "same_as", "smooth", "searched", "curve"),
)
ORDER = ["experiment", "suite", "task", "budget", "method", "optimizer", "cell", "seed", "lr"]
TABLES = ("records.csv", "records.csv.gz")
RECORD = ".json"  # the end of the name of a record's file
AT_ONCE = 2_000  # files that are Python objects at a time: a frame of their rows is a fifth of the size
MOST_ROWS = 1_000_000  # of a table that is read whole
SPLITS = ("train_", "val_", "test_")
CONSTANT_PREDICTOR = 1.0  # relative L2; and relative cross-entropy of the class prior

log = logging.getLogger(__name__)


def load_records(source: str | Path | Iterable[str | Path]) -> pd.DataFrame:
    """The records below a folder, or in the given files, as a frame: one row per member, sorted.

    A table that was written from such a frame comes back as it was: `source` may be a `records.csv`, gzipped or not,
    or a folder that holds one. Several folders and tables are read as one, see `merge`: a member that two of them
    hold counts once, and the log says how many do.

    The columns of `COLUMNS` come first and are always there. `seconds` and `peak_memory_bytes` are a member's equal
    share of its cell's, `evaluations` are of the whole training split. `budget` is missing for references, to which
    none applies. `score` is the relative error on test: 1.0, that of the constant predictor, for members that diverged
    or failed and for references that are worse, and NaN for those that were skipped. A damaged file is named in the log
    and left out. A cell that is found twice, with the same results, counts once, and the log says so. Where records of
    before and after a column was added meet, the older ones have the value that they were trained with, see `complete`.

    Raises `FileNotFoundError` for a folder that does not exist, `ValueError` for a table without these columns or
    with rows that no training can have left behind, for two records of one cell with different results, and for
    sources that cannot be compared with each other.
    """
    if isinstance(source, str | Path):
        return _load(Path(source))
    places = list(dict.fromkeys(map(Path, source)))
    files = [place for place in places if place.suffix == RECORD]
    if len(files) == len(places):
        return _read_files(files)
    parts = {str(place): _load(place) for place in places if place.suffix != RECORD}
    if files:
        parts[f"{files[0]} and other files"] = _read_files(files)
    return merge(parts).sort_values(ORDER, ignore_index=True) if len(parts) > 1 else next(iter(parts.values()))


def _load(source: Path) -> pd.DataFrame:
    """The records of one folder or table."""
    if table := table_of(source):
        return _read_table(table)
    if not source.is_dir():
        raise FileNotFoundError(f"{source}: no such folder of records")
    return _read_files(sorted(source.rglob("cells/*.json")))


def _read_files(files: list[Path]) -> pd.DataFrame:
    """The records in these files."""
    paths = _each_cell_once(files)
    parts = [pd.DataFrame(_rows(paths[i : i + AT_ONCE])) for i in range(0, len(paths), AT_ONCE)]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    frame = frame.reindex(columns=[*COLUMNS, *frame.columns.difference(COLUMNS, sort=False)])
    numbers = [c for c in frame if c.startswith(SPLITS) or c == "lr"]
    frame[numbers] = frame[numbers].astype(float)
    frame["budget"] = frame.budget.astype("Int64")
    error = relative_error(frame, "test").where(frame.status == "ok", CONSTANT_PREDICTOR)
    frame["score"] = error.clip(upper=CONSTANT_PREDICTOR).mask(frame.status == "skipped")
    return complete(frame.sort_values(ORDER, ignore_index=True))


def _rows(paths: list[Path]) -> list[dict[str, Any]]:
    rows = []
    for path in paths:
        try:
            rows += read_record(path).members
        except Damaged as fault:
            log.warning("left out: %s", fault)
    return rows


def _each_cell_once(paths: list[Path]) -> list[Path]:
    """One file of each cell, whose key is the name of the file. Raises `ValueError` for two with different results."""
    by_cell: dict[str, list[Path]] = {}
    for path in dict.fromkeys(paths):
        by_cell.setdefault(path.name, []).append(path)
    twice = [found for found in by_cell.values() if len(found) > 1]
    if twice:
        first, second, *_ = twice[0]
        cells = f"{counted(len(twice), 'cell')} {'was' if len(twice) == 1 else 'were'}"
        log.warning("%s found more than once and counted once, as %s and %s", cells, first, second)
    return [_one_of(found) if len(found) > 1 else found[0] for found in by_cell.values()]


def _one_of(paths: list[Path]) -> Path:
    """The first that can be read of the records of one cell."""
    readable: dict[Path, list[dict[str, Any]]] = {}
    for path in paths:
        with suppress(Damaged):
            readable[path] = read_record(path).members
    first = next(iter(readable), paths[0])
    for path, members in readable.items():
        if not _same_results(members, readable[first]):
            raise ValueError(f"{first} and {path} are records of one cell with different results; keep one of them")
    return first


def _same_results(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    """Return whether two trainings of a cell reached the same results.

    Machine and speed may differ, and older records have fewer columns."""
    if len(one) != len(other):
        return False
    return all(
        a[name] == b[name]
        for a, b in zip(one, other, strict=True)
        for name in a.keys() & b.keys()
        if name in ("seed", "lr", "status", "reason", "evaluations", "params") or name.startswith(SPLITS)
    )


def table_of(source: Path) -> Path | None:
    """The table of records that a path names: the file itself, or the one in the folder."""
    if source.is_file():
        return source
    if any(source.rglob("cells/*.json")):
        return None
    return next((source / name for name in TABLES if (source / name).is_file()), None)


def read_text_table(path: Path) -> pd.DataFrame:
    """Return a table of records as it was written: texts, and nothing where a cell is empty.

    Raises `ValueError` for what is no table of records.
    """
    frame = _read_csv(path, dtype=str)
    _check_columns(path, frame)
    return read_marked(frame)


def _check_columns(path: Path, frame: pd.DataFrame) -> None:
    if missing := [name for name in (*COLUMNS, "protocol", "score") if name not in frame]:
        raise ValueError(f"{path}: not a table of records, it has no column {missing[0]!r}")


def _read_csv(path: Path, **options: Any) -> pd.DataFrame:
    try:
        n_rows = len(pd.read_csv(path, usecols=[0], nrows=MOST_ROWS + 1))  # a column first: all may not find room
        frame = pd.read_csv(path, nrows=MOST_ROWS, **options) if n_rows <= MOST_ROWS else None
    except (OSError, EOFError, zlib.error, ValueError) as error:  # of pandas, most are ValueErrors
        raise ValueError(f"{path}: not a table of records ({error})") from None
    if frame is None:
        raise ValueError(f"{path}: more than {MOST_ROWS:,} rows are not read at once; split it by suite or by task")
    return frame


def _read_table(path: Path) -> pd.DataFrame:
    frame = _read_csv(path, low_memory=False)
    _check_columns(path, frame)
    frame = check_table(path, read_marked(frame))
    text = [name for name in TEXT if name in frame]
    return complete(
        frame.assign(budget=frame.budget.astype("Int64"), **frame[text].astype(object).fillna("").astype(str))
    )


def relative_error(frame: pd.DataFrame, split: str) -> pd.Series:
    """Return the score of each row on a split, 1 for the predictor that knows the targets alone; see `metrics`."""
    chosen = metrics(frame)
    error = pd.Series(float("nan"), index=frame.index)
    for metric in chosen.unique():
        if (column := f"{split}_{metric}") in frame:
            error = error.mask(chosen == metric, frame[column].astype(float))
    return error


def choose_rates(frame: pd.DataFrame) -> pd.DataFrame:
    """The members of the learning rate with the lowest median validation error of each cell.

    Cells without learning rates pass as they are. `best_rate_at_edge` marks a choice at an end of a range of three
    or more: the best may lie beyond it.
    """
    if frame.lr.isna().all():
        return frame.assign(best_rate_at_edge=False)
    # A member without a finite validation error never wins.
    medians = (
        frame.assign(val=relative_error(frame, "val").fillna(float("inf")), rate=frame.lr.fillna(0.0))
        .groupby(["cell", "rate"])
        .val.median()
        .reset_index()
    )
    best = medians.loc[medians.groupby("cell").val.idxmin()].set_index("cell").rate
    ranges = medians.groupby("cell").rate.agg(["min", "max", "size"])
    finite = medians.groupby("cell").val.min() < float("inf")
    at_edge = ((best == ranges["min"]) | (best == ranges["max"])) & (ranges["size"] >= 3) & finite
    chosen = frame[frame.lr.fillna(0.0) == frame.cell.map(best)]
    return chosen.assign(best_rate_at_edge=chosen.cell.map(at_edge)).reset_index(drop=True)
