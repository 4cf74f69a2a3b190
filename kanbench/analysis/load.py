"""From record files to one tidy frame."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from kanbench.analysis.protocol import complete
from kanbench.record import read_record
from kanbench.sealed import Damaged

COLUMNS = [
    *("experiment", "suite", "task", "method", "basis", "aggregation", "activation", "depth", "width", "budget"),
    *("params", "flops", "seed", "lr", "optimizer", "evaluations", "seconds", "peak_memory_bytes"),
    *("train_rel_l2", "val_rel_l2", "test_rel_l2", "test_rmse", "test_max_error", "test_r2"),
    *("status", "reason", "cell", "commit"),
]
TEXT = ("experiment", "basis", "aggregation", "activation", "reason", "same_as")  # may be empty
TABLES = ("records.csv", "records.csv.gz")
AT_ONCE = 2_000  # files that are Python objects at a time: a frame of their rows is a fifth of the size
CONSTANT_PREDICTOR = 1.0  # relative L2; and relative cross-entropy of the class prior

log = logging.getLogger(__name__)


def load_records(source: str | Path | Iterable[Path]) -> pd.DataFrame:
    """The records below a folder, or in the given files, as a frame: one row per member, sorted.

    A table that was written from such a frame comes back as it was: `source` may be a `records.csv`, gzipped or not,
    or a folder that holds one.

    The columns of `COLUMNS` come first and are always there. `seconds` and `peak_memory_bytes` are a member's equal
    share of its cell's, `evaluations` are of the whole training split. `budget` is missing for references, to which
    none applies. `score` is the relative error on test: 1.0, that of the constant predictor, for members that diverged
    or failed and for references that are worse, and NaN for those that were skipped. A damaged file is named in the log
    and left out. Where records of before and after a column was added meet, the older ones have the value that they
    were trained with, see `complete`.

    Raises `FileNotFoundError` for a folder that does not exist, `ValueError` for a table without these columns.
    """
    if isinstance(source, str | Path) and (table := _table(Path(source))):
        return _read_table(table)
    paths = _files(source)
    parts = [pd.DataFrame(_rows(paths[i : i + AT_ONCE])) for i in range(0, len(paths), AT_ONCE)]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    frame = frame.reindex(columns=[*COLUMNS, *frame.columns.difference(COLUMNS, sort=False)])
    numbers = [c for c in frame if c.startswith(("train_", "val_", "test_")) or c == "lr"]
    frame[numbers] = frame[numbers].astype(float)
    frame["budget"] = frame.budget.astype("Int64")
    error = relative_error(frame, "test").where(frame.status == "ok", CONSTANT_PREDICTOR)
    frame["score"] = error.clip(upper=CONSTANT_PREDICTOR).mask(frame.status == "skipped")
    order = ["experiment", "suite", "task", "budget", "method", "optimizer", "cell", "seed", "lr"]
    return complete(frame.sort_values(order, ignore_index=True))


def _rows(paths: list[Path]) -> list[dict[str, Any]]:
    rows = []
    for path in paths:
        try:
            rows += read_record(path).members
        except Damaged as fault:
            log.warning("left out: %s", fault)
    return rows


def _table(source: Path) -> Path | None:
    """The table of records that a path names: the file itself, or the one in the folder."""
    if source.is_file():
        return source
    if any(source.rglob("cells/*.json")):
        return None
    return next((source / name for name in TABLES if (source / name).is_file()), None)


def _read_table(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, low_memory=False)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{path}: not a table of records ({error})") from None
    if missing := [name for name in (*COLUMNS, "protocol", "score") if name not in frame]:
        raise ValueError(f"{path}: not a table of records, it has no column {missing[0]!r}")
    text = [name for name in TEXT if name in frame]
    return complete(
        frame.assign(budget=frame.budget.astype("Int64"), **frame[text].astype(object).fillna("").astype(str))
    )


def _files(source: str | Path | Iterable[Path]) -> list[Path]:
    if not isinstance(source, str | Path):
        return list(source)
    if not Path(source).is_dir():
        raise FileNotFoundError(f"{source}: no such folder of records")
    return sorted(Path(source).rglob("cells/*.json"))


def relative_error(frame: pd.DataFrame, split: str) -> pd.Series:
    """What members are compared by, 1 for the constant predictor: relative L2, or that of classifications.

    Of these it is the cross-entropy over that of the class prior.
    """
    error, of_classes = frame[f"{split}_rel_l2"], f"{split}_rel_cross_entropy"
    return error.fillna(frame[of_classes]) if of_classes in frame else error


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
