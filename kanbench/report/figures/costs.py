"""Error against parameters or measured times, and profiles of errors."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kanbench.analysis.scores import Records, Scores
from kanbench.analysis.stats import BOOTSTRAP_SEED, performance_profile, profile_band
from kanbench.report.figures.panels import Line, Lines, Look, draw_families
from kanbench.report.figures.style import OVER_TASKS
from kanbench.report.result import Result

COST_NAMES = {
    "params": "trainable parameters",
    "step_ms": "measured milliseconds of one training step of one model",
}


def loss_vs_cost(
    ranked: pd.DataFrame, records: Records, cost: str, title: str, mark: str | None, ax: Axes | None = None
) -> Figure:
    """Geometric-mean error of every method against a cost, along its budgets. `ranked` comes from `ranking`."""
    of, lines = Result.of(records), Lines()
    for method, part in _trained(ranked).dropna(subset=cost).sort_values("budget").groupby("method"):
        kept = part[part[cost] > 0]
        if len(kept):
            lines[str(method)] = line(kept, cost)
    look = Look(
        title,
        f"{COST_NAMES[cost]}{' (median over tasks)' * (cost == 'params')}",
        f"{of.measure}\n{OVER_TASKS}",
        sizes=list(ranked.budget.unique()) if cost == "params" else (),
    )
    return draw_families(lines, of, look, mark=mark, ax=ax)


def _trained(ranked: pd.DataFrame) -> pd.DataFrame:
    return ranked[~ranked.reference.astype(bool)]


def line(part: pd.DataFrame, x: str) -> Line:
    """The errors of a table with their intervals, against its column `x`."""
    columns = part[[x, "error", "error_low", "error_high"]].to_numpy(dtype=float)
    return Line(*columns.T)


def profile(scores: Scores, records: Records, title: str, mark: str | None, ax: Axes | None = None) -> Figure:
    """The fraction of runs (tasks x seeds) of every method whose error is at most the one on the axis."""
    of = Result.of(records)
    positive = scores.errors[scores.errors > 0]
    thresholds = np.geomspace(positive.min(), positive.max(), 120)
    lines = {}
    for method in scores.methods:
        low, high = profile_band(scores.of(method), thresholds, np.random.default_rng(BOOTSTRAP_SEED))
        lines[method] = Line(thresholds, performance_profile(scores.of(method), thresholds), low, high)
    look = Look(title, of.measure, "fraction of runs at or below the error", log_y=False, profile=True)
    return draw_families(lines, of, look, mark=mark, ax=ax)
