"""Checks of each row by itself, and of numbers that depend on each other."""

from collections.abc import Iterator
from math import isclose, isfinite, log
from typing import TypeGuard

import numpy as np
import pandas as pd

from kanbench.analysis.kinds import CLASSIFICATION, REGRESSION
from kanbench.analysis.load import CONSTANT_PREDICTOR, SPLITS
from kanbench.audit.finding import Check, Fault
from kanbench.audit.rows import Audited, Row
from kanbench.errors import counted
from kanbench.store.record import AMOUNTS, broken_rule

ALWAYS = ("suite", "task", "method", "cell", "protocol", "seed", "status")  # not empty in any row
PRESENT = ("experiment", "lr", "budget", "optimizer", "reason", "commit")  # empty where they do not apply
TRAINED = ("params", "width", "flops", "evaluations", "seconds")  # of a member that was trained to the end
EXACT = 1e-9  # relative; numbers that follow from each other are nearer
SAME = "the same for all members on the same data"
OF_MEAN = "the mean over outputs"
NEVER_FINITE = "the loss was never finite"  # the reason of a member that diverged although its errors are finite
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
    elif status == "diverged":
        yield from _of_diverged(row)
    elif status in ("failed", "skipped"):
        yield from _of_untrained(row, status)
    if is_table and status in ("ok", "diverged", "failed", "skipped"):
        yield from _of_score(row, status)


def metric_of(row: Row) -> str:
    """Return the metric that a row is compared by, also where an older one does not say it."""
    named = row.columns.get("metric")
    return str(named or (CLASSIFICATION if row.columns.get(f"test_{CLASSIFICATION}") is not None else REGRESSION))


def is_unchosen(row: Row) -> bool:
    """Return whether a row is of a shape that a search tried and did not choose."""
    return str(row.columns.get("chosen")) == "False"


def _of_trained(row: Row) -> Iterator[str]:
    """The faults of a member with status ok: it has errors on all splits and, unless it is a reference, costs."""
    values, metric = row.columns, metric_of(row)
    is_reference = values.get("budget") is None
    splits = SPLITS[:2] if is_unchosen(row) else SPLITS  # the test split is for the chosen shape of a search
    for name in (*(f"{split}{metric}" for split in splits), *(TRAINED if not is_reference else ())):
        if values.get(name) is None:
            yield f"a member with status ok must have {name}"
    error = values.get(f"test_{metric}")
    if not is_reference and _is_number(error) and error > CONSTANT_PREDICTOR:
        yield f"status must be diverged where test_{metric} is above 1, got ok and {error:.4g}"


def _of_diverged(row: Row) -> Iterator[str]:
    """The fault of a member with status diverged whose errors are finite, and not above 1 on test."""
    metric = metric_of(row)
    errors = [row.columns.get(f"{split}{metric}") for split in SPLITS]
    on_test = errors[-1]
    if (
        row.columns.get("reason") != NEVER_FINITE
        and all(map(_is_number, errors))
        and _is_number(on_test)
        and on_test <= CONSTANT_PREDICTOR
    ):
        yield f"status must be ok where the errors are finite and test_{metric} is {on_test:.4g}, got diverged"


def _of_untrained(row: Row, status: str) -> Iterator[str]:
    """The fault of a member that was not trained to the end and has errors."""
    for name, value in row.columns.items():
        if name.startswith(SPLITS) and name not in AMOUNTS and value is not None:
            yield f"{name} must be missing for a member with status {status}, got {value!r:.60}"


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

    R^2 is 1 - error^2. RMSE over relative error is the spread of the targets, and cross-entropy over its relative one
    that of the class prior: both are the same for all members that were graded on the same data. The largest error is
    at least the RMSE, every wrong class costs at least log 2, and a mean over outputs is their mean.
    """
    frame = audited.frame()
    faults, tested = list[Fault](), 0
    for split in SPLITS:
        of_outputs = [name for name in frame if name.startswith(f"{split}{REGRESSION}_")]
        outputs = [name.removeprefix(f"{split}{REGRESSION}") for name in of_outputs]
        is_mean = frame[of_outputs].notna().any(axis=1)
        groups = [
            (f"{split}{CLASSIFICATION}", None, _of_classes(frame, split)),
            *((f"{split}{REGRESSION}{each}", None, _of_output(frame, split, each)) for each in outputs),
            (f"{split}{REGRESSION}", ~is_mean, _of_output(frame, split, "")),
            (f"{split}{REGRESSION}", is_mean, _of_means(frame, split, outputs)),
        ]
        for error, rows, relations in groups:
            if error not in frame:
                continue
            tested += int(frame[error].notna().sum()) if rows is None else int((frame[error].notna() & rows).sum())
            for name, is_wrong, rule in relations:
                found = np.flatnonzero(is_wrong if rows is None else is_wrong & rows)
                faults += [audited.rows[i].fault(_said(frame, int(i), name, rule, error)) for i in found]
    if not tested:
        return Check("numbers", "there are no errors that follow from each other", tuple(faults), made=False)
    return Check("numbers", f"{counted(tested, 'error')} agree with the numbers beside them", tuple(faults))


def _said(frame: pd.DataFrame, row: int, name: str, rule: str, error: str) -> str:
    value = frame[name].iloc[row]
    if np.isnan(value):
        return f"{name} must not be missing beside {error}"
    if rule == OF_MEAN:
        return f"{name} {value:.8g} is not {rule}"
    return f"{name} {value:.8g} does not follow from {error} {frame[error].iloc[row]:.8g}: {rule}"


Relations = Iterator[tuple[str, "pd.Series[bool]", str]]  # a column, the rows where it contradicts the error, the rule


def _of_output(frame: pd.DataFrame, split: str, output: str) -> Relations:
    """Yield what should hold beside the relative error of one output."""
    error = frame[f"{split}{REGRESSION}{output}"]
    r2, rmse, largest = (f"{split}{metric}{output}" for metric in ("r2", "rmse", "max_error"))
    for name in (r2, rmse, largest):
        yield from _present(frame, name, error)
    if r2 in frame:
        off = (frame[r2] - (1.0 - error**2)).abs()
        yield r2, off > LEAST + EXACT * error**2, "R^2 is 1 - error^2"
    if rmse not in frame:
        return
    yield rmse, _off_usual(frame, rmse, error), "their ratio is the spread of the targets, " + SAME
    if largest in frame:
        yield largest, frame[largest] < frame[rmse] * (1.0 - EXACT), "it is at least the RMSE"


def _of_means(frame: pd.DataFrame, split: str, outputs: list[str]) -> Relations:
    """Yield what should hold of the means over outputs."""
    for metric in (REGRESSION, "rmse", "max_error", "r2", "rel_median"):
        name, parts = f"{split}{metric}", [each for output in outputs if (each := f"{split}{metric}{output}") in frame]
        if name not in frame or not parts:
            continue
        mean, size = frame[parts].mean(axis=1), frame[parts].abs().max(axis=1)
        yield from _present(frame, name, mean)
        yield name, (frame[name] - mean).abs() > LEAST + EXACT * size, OF_MEAN


def _of_classes(frame: pd.DataFrame, split: str) -> Relations:
    """Yield what should hold beside the relative cross-entropy."""
    error, cross_entropy, accuracy = (f"{split}{metric}" for metric in (CLASSIFICATION, "cross_entropy", "accuracy"))
    for name in (cross_entropy, accuracy):
        yield from _present(frame, name, frame[error])
    if cross_entropy in frame:
        rule = "their ratio is the cross-entropy of the class prior, " + SAME
        yield cross_entropy, _off_usual(frame, cross_entropy, frame[error]), rule
    if accuracy in frame:
        yield accuracy, (frame[accuracy] < 0.0) | (frame[accuracy] > 1.0), "it is a share"
    if cross_entropy in frame and accuracy in frame:
        least = (1.0 - frame[accuracy]) * log(2.0)
        yield cross_entropy, frame[cross_entropy] < least * (1.0 - EXACT), "each wrong class costs log 2 or more"


def _present(frame: pd.DataFrame, name: str, error: pd.Series) -> Relations:
    """Yield the rows that have an error and lack what others have beside it."""
    if name in frame and frame[name].notna().any():
        yield name, frame[name].isna() & error.notna(), ""


def _off_usual(frame: pd.DataFrame, name: str, error: pd.Series) -> "pd.Series[bool]":
    """Return the rows whose ratio of a column to the error is not that of other members on the same data."""
    value = frame[name]
    same = [column for column in ("suite", "task", "seed", "protocol", "data", "n_train") if column in frame]
    ratio = (value / error).where((error > 0.0) & (value > 0.0))
    usual = ratio.groupby([frame[column] for column in same], dropna=False).transform("median")
    off = (ratio / usual - 1.0).abs() > 10 * EXACT
    return off | (error < 0.0) | (value < 0.0) | ((error == 0.0) & (value > 0.0)) | ((value == 0.0) & (error > 0.0))
