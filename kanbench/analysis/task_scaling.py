"""Local slopes of single tasks, whose shapes have numbers of parameters of their own, and what bounds them."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd

from kanbench.analysis.outcomes import STUCK, training_score
from kanbench.analysis.scaling import LARGEST_GAP, local_slope
from kanbench.analysis.scores import Records, chosen_members
from kanbench.analysis.stats import BOOTSTRAP_SEED, UNKNOWN, Array, Interval
from kanbench.errors import are

COLUMNS = [
    *("suite", "task", "method", "smaller", "larger", "error", "train", "gap"),
    *UNKNOWN.columns("slope"),
    *UNKNOWN.columns("train_slope"),
    "bound",
]


def slopes_by_task(records: Records) -> pd.DataFrame:
    """Return one row per task, method and pair of neighboring sizes: the slopes of its test and its training error.

    `error` and `train` are medians over seeds at the larger size, `gap` is the first over the second, and `bound` says
    what keeps the test error from falling there, if the records tell: rows, where the gap is above 2; else members that
    are stuck above half the error of the constant predictor, or that were still improving when their steps were used
    up. The slope of the test error is given in each case. Intervals are over seeds.
    """
    members = chosen_members(records)
    members = members[members.budget.notna() & (members.status != "skipped")]
    members = members.assign(train=training_score)
    rows = [
        dict(zip(("suite", "task", "method"), name, strict=True)) | row
        for name, part in members.groupby(["suite", "task", "method"])
        for row in _pairs(part)
    ]
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def _pairs(members: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Yield a row for each pair of neighboring sizes of one method on one task."""
    sizes = [part.sort_values("seed") for _, part in members.groupby("params")]
    for smaller, larger in pairwise(sizes):
        params = np.array([[part.params.iloc[0]] for part in (smaller, larger)], dtype=float)
        error, train = float(larger.score.median()), float(larger.train.median())
        gap = error / train if train > 0.0 else np.nan
        yield (
            {"smaller": params[0, 0], "larger": params[1, 0], "error": error, "train": train, "gap": gap}
            | _slope(params, smaller.score, larger.score).columns("slope")
            | _slope(params, smaller.train, larger.train).columns("train_slope")
            | {"bound": _bound(larger, gap)}
        )


def _slope(params: Array, smaller: pd.Series, larger: pd.Series) -> Interval:
    if len(smaller) != len(larger) or not ((smaller > 0.0).all() and (larger > 0.0).all()):
        return UNKNOWN
    scores = np.stack([smaller, larger]).astype(float)[:, None, :]
    return local_slope(params, scores, np.random.default_rng(BOOTSTRAP_SEED))


def _bound(members: pd.DataFrame, gap: float) -> str:
    """Return what bounds the test error at a size, or ""."""
    stuck = int((members.score > STUCK).sum())
    at_cap = int((members.stopped == "cap").sum()) if "stopped" in members else 0
    if gap > LARGEST_GAP:
        return "rows: test and training error part"
    if stuck:
        return f"optimization: {stuck} of {len(members)} {are(stuck)} stuck"
    return f"steps: {at_cap} of {len(members)} were still improving" if at_cap else ""
