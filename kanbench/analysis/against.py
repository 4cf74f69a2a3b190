"""Every method against the baseline: error ratios with intervals, wins, and tests."""

import numpy as np
import pandas as pd

from kanbench.analysis.ratio import error_ratio
from kanbench.analysis.scores import Compared, Records, Scores, compared
from kanbench.analysis.significance import Refusal
from kanbench.analysis.stats import BOOTSTRAP_SEED
from kanbench.analysis.wins import count_columns, win_tie_loss, winners

COLUMNS = ["budget", "method", "tasks", "ratio", "ratio_low", "ratio_high", "win", "tie", "loss", "p_holm"]
MARKS = {"heavy_tailed": True, "smooth": "no"}  # what a task is marked for, by column of the records


def against(records: Records, baseline: str) -> pd.DataFrame:
    """One row per budget and method other than the baseline, the lowest ratio first.

    `ratio` is the geometric mean over tasks of the method's error over that of the baseline, with a 95 % interval over
    tasks and seeds; below 1 the method is better. Wins are of the method. `p_holm` is that of the table of tests, NaN
    under six tasks.
    """
    found = compared(records)
    rows = [
        {"budget": budget, "method": method, "tasks": len(scores.tasks)}
        | error_ratio(scores.of(method), scores.of(baseline), np.random.default_rng(BOOTSTRAP_SEED)).columns("ratio")
        | count_columns(win_tie_loss(scores.of(method), scores.of(baseline)))
        | {"p_holm": p_values.get(method, np.nan)}
        for budget, scores in found.by_budget.items()
        if baseline in scores.methods
        for p_values in [_p_values(found, budget, scores, baseline)]
        for method in scores.methods
        if method != baseline
    ]
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(["budget", "ratio"], ignore_index=True)


def _p_values(found: Compared, budget: int, scores: Scores, baseline: str) -> dict[str, float]:
    """Return the corrected p of each method against the baseline; nothing where tests are refused."""
    try:
        pairs = found.tests_at(budget, baseline).pairs
    except Refusal:
        return {}
    place = scores.place(baseline)
    return {scores.methods[p.second if p.first == place else p.first]: p.p_holm for p in pairs}


def by_task(records: Records, method: str, baseline: str) -> pd.DataFrame:
    """One row per budget and task: the ratio of the two methods' medians over seeds, and who wins.

    `side` is 1 where the method wins, -1 where the baseline does, 0 for ties, and NaN where wins are not counted.
    `heavy_tailed` and `not_smooth` say what the task is marked for.
    """
    found = compared(records)
    facts = found.chosen.drop_duplicates(["suite", "task"]).set_index(["suite", "task"])
    rows = []
    for budget, scores in found.by_budget.items():
        if not {method, baseline} <= set(scores.methods):
            continue
        ours, theirs = scores.of(method), scores.of(baseline)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.median(ours, axis=1) / np.median(theirs, axis=1)
        sides = winners(ours, theirs)
        for i, task in enumerate(scores.tasks):
            marks = {name: name in facts and facts[name][task] == value for name, value in MARKS.items()}
            rows.append(
                {"budget": budget, "suite": task[0], "task": task[1], "ratio": float(ratios[i])}
                | {"side": np.nan if sides is None else float(sides[i])}
                | {"heavy_tailed": marks["heavy_tailed"], "not_smooth": marks["smooth"]}
            )
    return pd.DataFrame(rows)
