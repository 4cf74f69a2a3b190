"""Errors along training rows, noise and extrapolation, each axis with the others held at their reference level."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd

from kanbench.analysis.outcomes import OUTCOMES, leave_out_unknown, outcomes
from kanbench.analysis.protocol import Level
from kanbench.analysis.ratio import error_ratio
from kanbench.analysis.scores import Compared, Records, Scores, compared, failed_of_each
from kanbench.analysis.stats import BOOTSTRAP_SEED, UNKNOWN, bootstrap

AXIS_NAMES = {
    "train_size": "training rows",
    "noise": "noise, in standard deviations of the target",
    "extrapolation": "how much wider the range of the test points is",
}
COLUMNS = [
    *("budget", "method", "tasks", "members", "failed"),
    *("error", "error_low", "error_high", "ratio", "ratio_low", "ratio_high"),
]


def base_level(records: Records) -> Level:
    """Return the reference level at which the sweeps intersect: for each axis its most frequent value.

    Ties go to more training rows and to less noise."""
    found = [level for level, _ in compared(records).levels]
    return {
        axis: _most_common(axis, [level[axis] for level in found if not np.isnan(level[axis])]) for axis in found[0]
    }


def _most_common(axis: str, values: list[float]) -> float:
    counts = Counter(values)
    return max(counts, key=lambda value: (counts[value], value if axis == "train_size" else -value))


def along_axes(records: Records) -> Iterator[tuple[str, Level, Compared]]:
    """(axis, where the other axes are held, the records there), of every axis that takes several values there."""
    found = compared(records)
    base = base_level(found)
    for axis in base:
        held = {other: value for other, value in base.items() if other != axis}
        part = found.held(held)
        if len(part.frame[axis].unique()) > 1:
            yield axis, held, part


def along(records: Records, axis: str, baseline: str | None = None) -> pd.DataFrame:
    """Error against an axis: one row per budget, value of the axis and method.

    Only tasks on which every method was trained at every value count. `ratio` is to the error of the baseline, with an
    interval over tasks and seeds; NaN without one. The interval of `error` is over seeds. `failed` of the `members`
    diverged or failed; `outcomes` says what stands beside.
    """
    found = _by_value(compared(records), axis)
    rows = []
    for budget in sorted({budget for each in found.values() for budget in each.by_budget}):
        held = {value: each.by_budget[budget] for value, each in found.items() if budget in each.by_budget}
        for value, scores in zip(held, _on_shared_tasks(list(held.values())), strict=True):
            at, chosen = {axis: value, "budget": budget}, found[value].chosen
            at_budget = chosen[chosen.budget == budget]
            failed, beside = failed_of_each(at_budget, scores.tasks), outcomes(at_budget, scores.tasks)
            rows += [
                at | _row(scores, method, baseline) | failed[method] | beside[method]
                for method in scores.methods
                if scores.tasks
            ]
    return leave_out_unknown(pd.DataFrame(rows, columns=[axis, *COLUMNS, *OUTCOMES]))


def _by_value(records: Compared, axis: str) -> dict[float, Compared]:
    """Return the records of each value of an axis: a level of the records where the other axes are held."""
    found = {}
    for value, part in records.frame.groupby(axis):
        levels = [of for level, of in records.levels if level.get(axis) == value]
        found[value] = levels[0] if len(levels) == 1 else Compared(part)
    return found


def _on_shared_tasks(each: list[Scores]) -> list[Scores]:
    tasks = [task for task in each[0].tasks if all(task in scores.tasks for scores in each)]
    return [Scores(s.methods, tasks, s.errors[:, [s.tasks.index(task) for task in tasks]]) for s in each]


def _row(scores: Scores, method: str, baseline: str | None) -> dict[str, object]:
    errors = scores.of(method)
    error = bootstrap(errors, np.random.default_rng(BOOTSTRAP_SEED))
    ratio = UNKNOWN
    if baseline in scores.methods:
        ratio = error_ratio(errors, scores.of(baseline), np.random.default_rng(BOOTSTRAP_SEED))
    return {"method": method, "tasks": len(scores.tasks)} | error.columns("error") | ratio.columns("ratio")
