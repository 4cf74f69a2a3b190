"""Local slopes of errors between neighboring sizes, or the reason why none can be given. No floor is fitted."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from kanbench.analysis.outcomes import training_score
from kanbench.analysis.ratio import error_ratio
from kanbench.analysis.scores import Records, Scores, TaskName, chosen_members, of_tasks, scores_by_budget
from kanbench.analysis.significance import Refusal
from kanbench.analysis.stats import BOOTSTRAP_SEED, UNKNOWN, Array, Interval
from kanbench.errors import are, counted

LEAST_SIZES = 5
LEAST_RATIO = 10.0  # between the largest and the smallest size
LARGEST_GAP = 2.0  # error on test over that on training: above it the test error measures generalization
COLUMNS = [
    *("method", "tasks", "smaller", "larger", "gap"),
    *UNKNOWN.columns("slope"),
    *UNKNOWN.columns("train_slope"),
    "reason",
]


def local_slope(sizes: Array, scores: Array, generator: np.random.Generator) -> Interval:
    """Return the exponent alpha of N^-alpha between two sizes, with its 95 % interval over tasks and seeds.

    It is the mean over tasks of the logarithm of the ratio of median errors over that of the ratio of sizes. Its
    interval is that of `error_ratio` for the errors without their power of N, which are the same at both sizes but for
    the scatter of tasks and seeds; both sizes share the data of a seed.

    Args:
        sizes: (2, tasks) the parameters on each task, the smaller size first.
        scores: (2, tasks, seeds) errors, none of them zero.
        generator: of the draws.

    Returns:
        The slope; its interval is NaN for a single task with a single seed.
    """
    growth = np.log(sizes[1] / sizes[0]).mean()
    smaller, larger = np.log(np.median(scores, axis=-1)).mean(axis=-1)
    slope = float((smaller - larger) / growth)
    flat = scores * sizes[..., None] ** slope
    rest = error_ratio(flat[0], flat[1], generator)
    return Interval(slope, slope + float(np.log(rest.low)) / growth, slope + float(np.log(rest.high)) / growth)


def slopes(records: Records) -> pd.DataFrame:
    """Return one row per method and pair of neighboring sizes: the slopes of its test and its training error.

    `smaller` and `larger` are median parameters over tasks, and `gap` is the error on test over that on training at
    the larger size. The slope of the test error is refused, with the `reason`, where the gap is above 2 or unknown. A
    method with fewer than five sizes, or less than a decade of them, has one row with the reason.
    """
    by_budget = scores_by_budget(records)
    tasks = _shared(by_budget)
    members = of_tasks(chosen_members(records), tasks)
    members = members[members.budget.notna()].assign(train=training_score)
    rows = []
    for method in sorted({method for scores in by_budget.values() for method in scores.methods}):
        held = {budget: scores for budget, scores in by_budget.items() if method in scores.methods}
        tests = [scores.of(method)[[scores.tasks.index(task) for task in tasks]] for scores in held.values()]
        of_method = members[members.method == method]
        try:
            if not tasks:
                raise Refusal("no task was trained at every budget")
            sizes = np.stack([_sizes(of_method[of_method.budget == budget]) for budget in held])
            check_sizes(np.median(sizes, axis=1))
        except Refusal as refusal:
            rows.append({"method": method, "tasks": len(tasks), "reason": str(refusal)})
            continue
        trains = [_errors(of_method[of_method.budget == budget], tests[0].shape) for budget in held]
        rows += [{"method": method, "tasks": len(tasks)} | row for row in _pairs(sizes, np.stack(tests), trains)]
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def _shared(by_budget: dict[int, Scores]) -> list[TaskName]:
    """Return the tasks that every budget has."""
    each = list(by_budget.values())
    return [task for task in each[0].tasks if all(task in scores.tasks for scores in each)] if each else []


def _sizes(members: pd.DataFrame) -> Array:
    return members.groupby(["suite", "task"]).params.median().to_numpy(dtype=float)


def _errors(members: pd.DataFrame, shape: tuple[int, ...]) -> Array:
    """Return the training errors (tasks, seeds) in the order of scores."""
    return members.sort_values(["suite", "task", "seed"]).train.to_numpy(dtype=float).reshape(shape)


def check_sizes(sizes: Array) -> None:
    """Raise `Refusal` for fewer than five sizes, and for sizes within a decade."""
    if len(sizes) < LEAST_SIZES:
        raise Refusal(
            f"{counted(len(sizes), 'size')} {are(len(sizes))} too few for a slope: at least {LEAST_SIZES} are needed"
        )
    if sizes.max() < LEAST_RATIO * sizes.min():
        raise Refusal(f"sizes from {sizes.min():,.0f} to {sizes.max():,.0f} are less than a decade")


def _pairs(sizes: Array, tests: Array, trains: list[Array]) -> Iterator[dict[str, object]]:
    """Yield a row for each pair of neighboring sizes: (sizes, tasks), (sizes, tasks, seeds) twice."""
    for i in range(len(sizes) - 1):
        two = slice(i, i + 2)
        smaller, larger = np.median(sizes[two], axis=1)
        train = np.stack(trains[two])
        gap = float(np.exp((np.log(np.median(tests[i + 1], axis=-1)) - np.log(np.median(train[1], axis=-1))).mean()))
        reason = _reason(tests[two], gap, larger) if smaller < larger else "both sizes are the same"
        slope = UNKNOWN if reason else _slope(sizes[two], tests[two])
        of_train = _slope(sizes[two], train) if np.all(train > 0.0) and smaller < larger else UNKNOWN
        yield (
            {"smaller": smaller, "larger": larger, "gap": gap}
            | slope.columns("slope")
            | of_train.columns("train_slope")
            | {"reason": reason}
        )


def _reason(tests: Array, gap: float, larger: float) -> str:
    """Return why the test error has no slope up to a size, or ""."""
    if np.any(tests <= 0.0):  # of any seed: a resample may have it as its median
        return "an error of zero has no logarithm"
    if np.isnan(gap):
        return "no training errors are known, so generalization may bound the test error"
    if gap > LARGEST_GAP:
        return f"the test error is {gap:.3g} times the training error at {larger:,.0f} parameters"
    return ""


def _slope(sizes: Array, scores: Array) -> Interval:
    return local_slope(sizes, scores, np.random.default_rng(BOOTSTRAP_SEED))
