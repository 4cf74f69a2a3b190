"""The choice of the trained networks that a page shows. Imports no torch."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kanbench.analysis.scores import Records, at_best_rates
from kanbench.page.source import CannotReport


@dataclass(frozen=True)
class Choice:
    """One member of a cell, and the role in which it is shown: best, median or named."""

    cell: str
    seed: int
    rate: float | None
    role: str


def choose(records: Records, limit: int, budget: int = 0) -> list[Choice]:
    """Return the best and the median member of every method and task at one budget, at most `limit` of them.

    Without `budget` the middle budget is used, because its networks are small enough to read. Tasks on which methods
    differ most come first.

    Raises `CannotReport` for a budget that was not trained.
    """
    chosen = at_best_rates(records)
    chosen = chosen[chosen.status == "ok"]
    budgets = sorted(int(each) for each in chosen.budget.dropna().unique())
    if not budgets or limit == 0:
        return []
    if budget and budget not in budgets:
        raise CannotReport(f"report: budget must be one of {', '.join(map(str, budgets))}, got {budget}")
    at_budget = chosen[chosen.budget == (budget or budgets[(len(budgets) - 1) // 2])]
    return [choice for task in _by_gap(at_budget) for choice in _of_task(at_budget, task)][:limit]


def named(frame: pd.DataFrame, words: str) -> Choice:
    """Return the member CELL:SEED, or the best one of CELL, the beginning of a cell's key as the table shows it.

    Raises `CannotReport` if no member, or more than one cell, has that name.
    """
    key, _, seed = words.partition(":")
    rows = frame[frame.cell.str.startswith(key) & (frame.status == "ok")]
    if seed:
        rows = rows[rows.seed.astype(str) == seed]
    if len(cells := rows.cell.unique()) != 1:
        raise CannotReport(f"report: member={words}: {len(cells)} cells with a trained member have that name")
    return _choice(rows.sort_values("score").iloc[0], "named")


def _by_gap(at_budget: pd.DataFrame) -> list[tuple[str, str]]:
    """Return suites and tasks, the largest ratio of errors between two methods first."""
    medians = at_budget.groupby(["suite", "task", "method"]).score.median()
    logs = medians.clip(lower=np.finfo(float).tiny).map(np.log)
    gaps = logs.groupby(["suite", "task"]).agg(lambda of: of.max() - of.min())
    return list(gaps.sort_values(ascending=False, kind="stable").index)


def _of_task(at_budget: pd.DataFrame, task: tuple[str, str]) -> Iterator[Choice]:
    of_task = at_budget[(at_budget.suite == task[0]) & (at_budget.task == task[1])]
    for _, rows in of_task.groupby("method"):
        ordered = rows.sort_values(["score", "seed"])
        yield _choice(ordered.iloc[0], "best")
        if len(ordered) > 1:
            yield _choice(ordered.iloc[len(ordered) // 2], "median")


def _choice(row: pd.Series, role: str) -> Choice:
    return Choice(row.cell, int(row.seed), None if pd.isna(row.lr) else float(row.lr), role)
