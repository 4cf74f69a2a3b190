"""Facts that stand beside an error: training errors, and shares of unfinished, stuck and exact members."""

import numpy as np
import pandas as pd

from kanbench.analysis.kinds import metrics
from kanbench.analysis.load import CONSTANT_PREDICTOR, relative_error
from kanbench.analysis.scores import FAILURES, TaskName, of_tasks
from kanbench.analysis.stats import UNKNOWN, geometric_mean, wilson

STUCK = 0.5  # a member that ends above this share of the constant predictor's error is stuck
EXACT = 0.999  # R^2 above which a task counts as solved
SOLVED = tuple(UNKNOWN.columns("solved"))
OUTCOMES = ("train", "gap", *SOLVED, "at_cap", "stuck")  # columns, in the order of tables
UNKNOWN_OUTCOMES = dict.fromkeys(OUTCOMES, np.nan)


def training_score(members: pd.DataFrame) -> pd.Series:
    """Return the error of each member on its training split, as `score` is that on test; NaN where it is unknown."""
    error = relative_error(members, "train").clip(upper=CONSTANT_PREDICTOR)
    return error.mask(members.status.isin(FAILURES), CONSTANT_PREDICTOR).mask(members.status == "skipped")


def outcomes(members: pd.DataFrame, tasks: list[TaskName]) -> dict[str, dict[str, float]]:
    """Return the outcomes of each method on these tasks, by the names of `OUTCOMES`. What is unknown is NaN.

    - train: the training error, geometric mean over tasks of medians over seeds.
    - gap: the error on test over that on training, both of this kind.
    - solved: the share of tasks whose median R^2 on test is above 0.999, with its Wilson interval.
    - at_cap: the share of members that were still improving when their steps were used up.
    - stuck: the share of members that end above half the error of the constant predictor; unknown of references.
    """
    part = of_tasks(members, tasks)
    part = part.assign(train=training_score(part))
    return {str(method): _outcomes(of_method) for method, of_method in part.groupby("method")}


def _outcomes(members: pd.DataFrame) -> dict[str, float]:
    medians = members.groupby(["suite", "task"])[["train", "score"]].median()
    train, test = (float(geometric_mean(medians[name].to_numpy(dtype=float))) for name in ("train", "score"))
    stuck = float((members.score > STUCK).mean()) if members.budget.notna().all() else np.nan
    return {
        "train": train,
        "gap": test / train if train > 0.0 else np.nan,
        **_solved(members),
        "at_cap": _at_cap(members),
        "stuck": stuck,
    }


def _solved(members: pd.DataFrame) -> dict[str, float]:
    if "test_r2" not in members or members.test_r2.isna().all() or (metrics(members) != "rel_l2").any():
        return UNKNOWN.columns("solved")
    r2 = members.test_r2.astype(float).mask(members.status.isin(FAILURES)).fillna(-np.inf)
    solved = r2.groupby([members.suite, members.task]).median() > EXACT
    return wilson(int(solved.sum()), len(solved)).columns("solved")


def _at_cap(members: pd.DataFrame) -> float:
    if "stopped" not in members:
        return np.nan
    known = members.stopped.fillna("")
    known = known[known != ""]
    return float((known == "cap").mean()) if len(known) else np.nan


def leave_out_unknown(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without the columns of `OUTCOMES` that hold no value: older records lack some."""
    return table.drop(columns=[name for name in OUTCOMES if name in table and table[name].isna().all()])
