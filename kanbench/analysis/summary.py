"""The comparison of methods: from a tidy frame to one row per budget and method."""

import numpy as np
import pandas as pd

from kanbench.analysis.load import choose_rates
from kanbench.analysis.protocol import check_protocol, levels
from kanbench.analysis.stats import Array, bootstrap, task_geometric_mean, win_tie_loss

BOOTSTRAP_SEED = 0


def summarise(frame: pd.DataFrame, baseline: str | None = None) -> pd.DataFrame:
    """One row per budget and method: geometric-mean error with its interval, parameters, win / tie / loss, failures.

    A budget compares the tasks on which every method was trained, each duplicate task once; `tasks` says how many
    those are. A method that was trained on less than half of the tasks has no error at that budget. win, tie and
    loss are against the method `baseline`, and missing where it is absent.

    `accuracy` is of classifications: the mean over tasks of the median over seeds.

    References stand beside the methods of every budget; they have no part in the choice of its tasks, and no error
    where they lack one of them.

    Training rows, noise and extrapolation may differ: what differs becomes a column, and methods are compared within
    each of its values.

    Raises `ValueError` if the records differ in anything else that a comparison holds fixed: see `check_protocol`.
    """
    return pd.concat([_summary(part, baseline).assign(**level) for level, part in levels(frame)], ignore_index=True)


def _summary(frame: pd.DataFrame, baseline: str | None) -> pd.DataFrame:
    chosen = chosen_members(frame)
    references = chosen[chosen.budget.isna()]
    rows = []
    for budget, at_budget in chosen.groupby("budget"):
        tasks = comparable_tasks(at_budget)
        parts = [*at_budget.groupby("method"), *references.groupby("method")]
        scores = {method: score_matrix(part, tasks) for method, part in parts}
        for method, part in parts:
            rows.append(
                {"budget": budget, "method": method, "reference": part.budget.isna().all(), "tasks": len(tasks)}
                | _error(scores[method])
                | _against(scores[method], _baseline(scores, baseline, method))
                | _facts(of_tasks(part, tasks))
                | {"skipped": int((part.status == "skipped").sum())}
            )
    return pd.DataFrame(rows)


def chosen_members(frame: pd.DataFrame) -> pd.DataFrame:
    """The members that count, at the rates chosen on validation, each once.

    Raises `ValueError` for records that no one comparison may hold, and where there are none.
    """
    if frame.empty:
        raise ValueError("there are no records to compare")
    check_protocol(frame)
    return choose_rates(frame.drop_duplicates(["cell", "seed", "lr"]))


TaskName = tuple[str, str]  # suite, task


def compared_methods(at_budget: pd.DataFrame) -> list[str]:
    """Methods that were trained on at least half of the tasks on which any was; others would take tasks away."""
    trained = at_budget[at_budget.status != "skipped"].drop_duplicates(["method", "suite", "task"])
    if trained.empty:
        return []
    n_tasks = trained.groupby("method").size()
    return [str(m) for m in n_tasks[n_tasks >= len(trained.drop_duplicates(["suite", "task"])) / 2].index]


def comparable_tasks(at_budget: pd.DataFrame) -> list[TaskName]:
    """Tasks on which every one of `compared_methods` was trained; one task of each class of duplicates."""
    methods = compared_methods(at_budget)
    trained = at_budget[(at_budget.status != "skipped") & at_budget.method.isin(methods)]
    n_methods = trained.groupby(["suite", "task"]).method.nunique()
    complete = n_methods[n_methods == len(methods)].index
    twin = at_budget.drop_duplicates(["suite", "task"]).set_index(["suite", "task"]).same_as.fillna("")
    first: dict[TaskName, TaskName] = {}
    for suite, task in complete:
        first.setdefault((suite, twin[suite, task] or task), (suite, task))
    return sorted(first.values())


def comparable_scores(at_budget: pd.DataFrame, tasks: list[TaskName]) -> dict[str, Array]:
    """Scores (tasks, seeds) by method, of the methods that were trained on all of the tasks."""
    scores = {str(method): score_matrix(part, tasks) for method, part in at_budget.groupby("method")}
    return {method: matrix for method, matrix in scores.items() if matrix.size}


def _baseline(scores: dict[str, Array], baseline: str | None, method: str) -> Array | None:
    return scores[baseline] if baseline in scores and baseline != method and scores[baseline].size else None


def of_tasks(part: pd.DataFrame, tasks: list[TaskName]) -> pd.DataFrame:
    """The members on these tasks."""
    return part[pd.MultiIndex.from_frame(part[["suite", "task"]]).isin(tasks)]


def score_matrix(part: pd.DataFrame, tasks: list[TaskName]) -> Array:
    """Scores (tasks, seeds) of one method, none unless it has every task; a protocol has the same seeds everywhere."""
    ordered = of_tasks(part, tasks).dropna(subset="score").sort_values(["suite", "task", "seed"])
    complete = tasks and len(ordered.drop_duplicates(["suite", "task"])) == len(tasks)
    return ordered.score.to_numpy(dtype=float).reshape(len(tasks), -1) if complete else np.empty((0, 0))


def _error(scores: Array) -> dict[str, float]:
    if scores.size == 0:
        return {"error": np.nan, "error_low": np.nan, "error_high": np.nan}
    if scores.shape[1] == 1:  # one seed says nothing of the spread
        return {"error": float(task_geometric_mean(scores)), "error_low": np.nan, "error_high": np.nan}
    interval = bootstrap(scores, np.random.default_rng(BOOTSTRAP_SEED))
    return {"error": interval.estimate, "error_low": interval.low, "error_high": interval.high}


def _against(scores: Array, baseline: Array | None) -> dict[str, float]:
    if baseline is None or scores.size == 0:
        return {"win": np.nan, "tie": np.nan, "loss": np.nan}
    counts = win_tie_loss(scores, baseline)
    return {"win": counts.win, "tie": counts.tie, "loss": counts.loss}


def _facts(part: pd.DataFrame) -> dict[str, float]:
    sizes = part.drop_duplicates("cell")
    right = part.groupby(["suite", "task"]).test_accuracy.median().mean() if "test_accuracy" in part else np.nan
    return {
        "accuracy": right,
        "params": sizes.params.median(),
        "params_min": sizes.params.min(),
        "params_max": sizes.params.max(),
        "missed": int(sizes.missed.sum()),
        "at_edge": int(sizes.best_rate_at_edge.sum()),
        "members": len(part),
        "failed": int(part.status.isin(["diverged", "failed"]).sum()),
        "seconds": part.seconds.sum(),
    }
