"""The comparison of methods: from a tidy frame to one row per budget and method."""

import numpy as np
import pandas as pd

from kanbench.analysis.load import choose_rates
from kanbench.analysis.stats import Array, bootstrap, win_tie_loss

BOOTSTRAP_SEED = 0


def summarise(frame: pd.DataFrame, baseline: str | None = None) -> pd.DataFrame:
    """One row per budget and method: geometric-mean error with its interval, parameters, win / tie / loss, failures.

    A budget compares the tasks on which every method was trained, each duplicate task once; `tasks` says how many
    those are. win, tie and loss are against the method `baseline`, and missing where it is absent.

    Raises `ValueError` if a method holds two cells of one task and budget, which no comparison could tell apart.
    """
    frame = choose_rates(frame)
    _refuse_mixed(frame)
    rows = []
    for budget, at_budget in frame.groupby("budget"):
        tasks = comparable_tasks(at_budget)
        scores = {method: _matrix(part, tasks) for method, part in at_budget.groupby("method")}
        for method, part in at_budget.groupby("method"):
            compared = part[part.task.isin(tasks)]
            rows.append(
                {"budget": budget, "method": method, "tasks": len(tasks)}
                | _error(scores[method])
                | _against(scores[method], scores.get(baseline) if method != baseline else None)
                | _facts(compared)
                | {"skipped": int((part.status == "skipped").sum())}
            )
    return pd.DataFrame(rows)


def comparable_tasks(at_budget: pd.DataFrame) -> list[str]:
    """Tasks on which every method of the frame was trained; one task of each class of duplicates."""
    trained = at_budget[at_budget.status != "skipped"]
    n_methods = at_budget.method.nunique()
    complete = trained.groupby("task").method.nunique() == n_methods
    tasks = list(complete[complete].index)
    duplicate_of = dict(zip(at_budget.task, at_budget.same_as.fillna(""), strict=True))
    first: dict[str, str] = {}
    for task in tasks:
        first.setdefault(duplicate_of[task] or task, task)
    return sorted(first.values())


def _refuse_mixed(frame: pd.DataFrame) -> None:
    cells = frame.groupby(["budget", "method", "suite", "task"]).cell.nunique()
    if (cells > 1).any():
        budget, method, _, task = cells.idxmax()
        raise ValueError(
            f"{method} on {task} at {budget} parameters has {cells.max()} cells with different settings; "
            "compare one setting at a time"
        )


def _matrix(part: pd.DataFrame, tasks: list[str]) -> Array:
    """Scores (tasks, seeds)."""
    chosen = part[part.task.isin(tasks)].sort_values(["task", "seed"])
    return chosen.score.to_numpy(dtype=float).reshape(len(tasks), -1) if tasks else np.empty((0, 0))


def _error(scores: Array) -> dict[str, float]:
    if scores.size == 0:
        return {"error": np.nan, "error_low": np.nan, "error_high": np.nan}
    interval = bootstrap(scores, np.random.default_rng(BOOTSTRAP_SEED))
    return {"error": interval.estimate, "error_low": interval.low, "error_high": interval.high}


def _against(scores: Array, baseline: Array | None) -> dict[str, float]:
    if baseline is None or scores.size == 0:
        return {"win": np.nan, "tie": np.nan, "loss": np.nan}
    counts = win_tie_loss(scores, baseline)
    return {"win": counts.win, "tie": counts.tie, "loss": counts.loss}


def _facts(part: pd.DataFrame) -> dict[str, float]:
    sizes = part.drop_duplicates("cell")
    return {
        "params": sizes.params.median(),
        "params_min": sizes.params.min(),
        "params_max": sizes.params.max(),
        "missed": int((sizes.budget_miss.abs() > 0.05).sum()) if "budget_miss" in sizes else 0,
        "members": len(part),
        "failed": int(part.status.isin(["diverged", "failed"]).sum()),
        "seconds": part.seconds.sum(),
    }
