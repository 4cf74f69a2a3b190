"""The comparison of methods: from a tidy frame to one row per budget and method."""

import numpy as np
import pandas as pd

from kanbench.analysis.kinds import errors_of_outputs, references_at
from kanbench.analysis.outcomes import UNKNOWN_OUTCOMES, leave_out_unknown, outcomes
from kanbench.analysis.scores import FAILURES, Compared, Records, Scores, compared, of_tasks, score_matrices
from kanbench.analysis.stats import BOOTSTRAP_SEED, UNKNOWN, Array, bootstrap
from kanbench.analysis.wins import count_columns, win_tie_loss

OF_OUTPUT = "error of "  # begins the column of the error of one output
NOTHING_SHARED = Scores([], [], np.empty((0, 0, 0)))


def summarize(records: Records, baseline: str | None = None) -> pd.DataFrame:
    """One row per budget and method: geometric-mean error with its interval, parameters, win / tie / loss, failures.

    A budget compares the tasks on which every method was trained, each duplicate task once; `tasks` says how many
    those are. A method that was trained on less than half of the tasks has no error at that budget. The interval of the
    error is over seeds, for these tasks. win, tie and loss are against the method `baseline`, and missing where it is
    absent and under four seeds.

    `accuracy` is of classifications: the mean over tasks of the median over seeds. Where models have several outputs,
    `error of NAME` is that of one output, in the same way; a member that failed counts as a constant predictor.

    References stand beside the methods of every budget; they have no part in the choice of its tasks, and no error
    where they lack one of them.

    The training error and the shares beside it are those of `outcomes`; columns that no record fills are left out.

    Training rows, noise and extrapolation may differ: what differs becomes a column, and methods are compared within
    each of its values.

    Raises `ValueError` if the records differ in anything else that a comparison holds fixed: see `check_protocol`.
    """
    apart = compared(records).levels
    whole = pd.concat([_summary(part, baseline).assign(**level) for level, part in apart], ignore_index=True)
    return leave_out_unknown(whole)


def _summary(records: Compared, baseline: str | None) -> pd.DataFrame:
    chosen = records.chosen
    rows = []
    for budget, at_budget in chosen.groupby("budget"):
        shared = records.by_budget.get(int(budget), NOTHING_SHARED)
        tasks, references = shared.tasks, references_at(chosen, int(budget))
        scores = shared.by_method | score_matrices(references, tasks)
        for method, part in [*at_budget.groupby("method"), *references.groupby("method")]:
            rows.append(
                {"budget": budget, "method": method, "reference": part.budget.isna().all(), "tasks": len(tasks)}
                | _error(scores.get(method))
                | _against(scores.get(method), scores.get(baseline) if baseline and baseline != method else None)
                | _facts(of_tasks(part, tasks))
                | outcomes(part, tasks).get(str(method), UNKNOWN_OUTCOMES)
                | {"skipped": int((part.status == "skipped").sum())}
            )
    return pd.DataFrame(rows)


def _error(scores: Array | None) -> dict[str, float]:
    interval = UNKNOWN if scores is None else bootstrap(scores, np.random.default_rng(BOOTSTRAP_SEED))
    return interval.columns("error")


def _against(scores: Array | None, baseline: Array | None) -> dict[str, float]:
    return count_columns(None if scores is None or baseline is None else win_tie_loss(scores, baseline))


def _error_of(part: pd.DataFrame, column: str) -> float:
    error = part[column].mask(part.status.isin(FAILURES), 1.0).clip(upper=1.0)
    return float(error.groupby([part.suite, part.task]).median().mean())


def _facts(part: pd.DataFrame) -> dict[str, float]:
    sizes = part.drop_duplicates("cell")
    right = part.groupby(["suite", "task"]).test_accuracy.median().mean() if "test_accuracy" in part else np.nan
    return {
        "accuracy": right,
        **{f"{OF_OUTPUT}{name}": _error_of(part, column) for name, column in errors_of_outputs(part).items()},
        "params": sizes.params.median(),
        "params_min": sizes.params.min(),
        "params_max": sizes.params.max(),
        "missed": int(sizes.missed.sum()),
        "at_edge": int(sizes.best_rate_at_edge.sum()),
        **({"shape_at_edge": int(sizes.at_edge.sum())} if "at_edge" in sizes else {}),
        "members": len(part),
        "failed": int(part.status.isin(FAILURES).sum()),
        "seconds": part.seconds.sum(),
    }
