"""Checks of each row by itself, and of numbers that depend on each other. Imports no torch."""

from collections.abc import Iterator
from math import isclose, isfinite
from typing import TypeGuard

import numpy as np
import pandas as pd

from kanbench.analysis.kinds import CLASSIFICATION, REGRESSION
from kanbench.analysis.load import CONSTANT_PREDICTOR, SPLITS
from kanbench.audit.finding import Check, Fault
from kanbench.audit.rows import Audited, Row
from kanbench.errors import counted
from kanbench.store.record import broken_rule

ALWAYS = ("suite", "task", "method", "cell", "protocol", "seed", "status")  # not empty in any row
PRESENT = ("experiment", "lr", "budget", "optimizer", "reason", "commit")  # empty where they do not apply
TRAINED = ("params", "width", "flops", "evaluations", "seconds")  # of a member that was trained to the end
EXACT = 1e-9  # relative; numbers that follow from each other are nearer
LEAST = 1e-14  # absolute; of an R^2, whose last digits are lost near 1


def content(audited: Audited) -> Check:
    """Check the types, the columns and the statuses of every row."""
    faults = [*audited.broken, *(row.fault(said) for row in audited.rows for said in _faults(row, audited.is_table))]
    said = f"{counted(len(audited.rows), 'row')} have the types, columns and statuses of records"
    return Check("schema", said if not faults else f"{said}, but for {counted(len(faults), 'fault')}", tuple(faults))


def _faults(row: Row, is_table: bool) -> Iterator[str]:
    values = row.columns
    for name, value in values.items():
        if rule := broken_rule(name, value):
            yield f"{name} must be {rule}, got {value!r:.60}"
    for name in (*ALWAYS, *PRESENT):
        if name not in values:
            yield f"there is no {name}"
        elif name in ALWAYS and values[name] in (None, ""):
            yield f"{name} must not be empty"
    status = values.get("status")
    if status in ("diverged", "failed", "skipped") and not values.get("reason"):
        yield f"a member that {'was' if status == 'skipped' else 'has'} {status} must say its reason"
    if status == "ok":
        yield from _of_trained(row)
    if is_table and status in ("ok", "diverged", "failed", "skipped"):
        yield from _of_score(row, status)


def metric_of(row: Row) -> str:
    """Return the metric that a row is compared by, also where an older one does not say it."""
    named = row.columns.get("metric")
    return str(named or (CLASSIFICATION if row.columns.get(f"test_{CLASSIFICATION}") is not None else REGRESSION))


def _of_trained(row: Row) -> Iterator[str]:
    """The faults of a member with status ok: it has errors on all splits and, unless it is a reference, costs."""
    values, metric = row.columns, metric_of(row)
    is_reference = values.get("budget") is None
    for name in (*(f"{split}{metric}" for split in SPLITS), *(TRAINED if not is_reference else ())):
        if values.get(name) is None:
            yield f"a member with status ok must have {name}"
    error = values.get(f"test_{metric}")
    if not is_reference and _is_number(error) and error > CONSTANT_PREDICTOR:
        yield f"status must be diverged where test_{metric} is above 1, got ok and {error:.4g}"


def _of_score(row: Row, status: str) -> Iterator[str]:
    """The faults of the score that a table adds: the error on test, at most 1, and 1 for a member that failed."""
    values, score = row.columns, row.columns.get("score")
    error = values.get(f"test_{metric_of(row)}") if status == "ok" else CONSTANT_PREDICTOR
    if status == "skipped":
        if score is not None:
            yield f"score must be empty for a member that was skipped, got {score}"
    elif _is_number(error) and not (_is_number(score) and isclose(score, min(error, 1.0), rel_tol=EXACT)):
        yield f"score must be {min(error, 1.0):.8g}, the error on test, got {score}"


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and isfinite(value)


def numbers(audited: Audited) -> Check:
    """Check errors that follow from each other: a digit that was changed in one of them alone is found.

    R^2 is 1 - error^2. RMSE over relative error is the spread of the targets, the same for all members that were
    graded on the same data. The largest error is at least the RMSE.
    """
    frame = audited.frame()
    faults, tested = list[Fault](), 0
    for split in SPLITS:
        outputs = [name.removeprefix(f"{split}{REGRESSION}") for name in frame if name.startswith(split + REGRESSION)]
        for output in outputs if len(outputs) == 1 else [each for each in outputs if each]:  # "" is their mean
            error = frame[f"{split}{REGRESSION}{output}"]
            tested += int(error.notna().sum())
            for name, is_wrong, rule in _relations(frame, split, output, error):
                found = np.flatnonzero(is_wrong.to_numpy())
                faults += [audited.rows[i].fault(_said(frame, int(i), name, rule, error.name)) for i in found]
    if not tested:
        return Check("numbers", "there are no errors that follow from each other", tuple(faults), made=False)
    return Check("numbers", f"{counted(tested, 'error')} agree with the RMSE, R^2 and largest error beside them",
                 tuple(faults))  # fmt: skip


def _said(frame: pd.DataFrame, row: int, name: str, rule: str, error: object) -> str:
    return f"{name} {frame[name].iloc[row]:.8g} does not follow from {error} {frame[error].iloc[row]:.8g}: {rule}"


def _relations(
    frame: pd.DataFrame, split: str, output: str, error: pd.Series
) -> Iterator[tuple[str, "pd.Series[bool]", str]]:
    """Yield a column, the rows where it contradicts the error, and what should hold."""
    r2, rmse, largest = (f"{split}{metric}{output}" for metric in ("r2", "rmse", "max_error"))
    if r2 in frame:
        off = (frame[r2] - (1.0 - error**2)).abs()
        yield r2, off > LEAST + EXACT * error**2, "R^2 is 1 - error^2"
    if rmse not in frame:
        return
    same = [name for name in ("suite", "task", "seed", "protocol", "data", "n_train") if name in frame]
    spread = (frame[rmse] / error).where((error > 0.0) & (frame[rmse] > 0.0))
    usual = spread.groupby([frame[name] for name in same], dropna=False).transform("median")
    rule = "their ratio is the spread of the targets, the same for all members on the same data"
    yield rmse, (spread / usual - 1.0).abs() > 10 * EXACT, rule
    if largest in frame:
        yield largest, frame[largest] < frame[rmse] * (1.0 - EXACT), "it is at least the RMSE"
