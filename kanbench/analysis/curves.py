"""What falls along an axis: error against parameters, FLOPs, seconds, training points or noise; profiles of errors."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kanbench.analysis.compare import Scores, scores_by_budget
from kanbench.analysis.panels import Line, Lines, Look, draw_families, families
from kanbench.analysis.plots import ERROR, method_styles
from kanbench.analysis.stats import bootstrap, performance_profile, profile_band
from kanbench.analysis.summary import BOOTSTRAP_SEED

COST_NAMES = {
    "params": "trainable parameters",
    "flops": "floating-point operations of one prediction",
    "seconds": "seconds to train one model",
}
AXIS_NAMES = {
    "n_train": "training points",
    "train_size": "training points",
    "noise": "noise, in standard deviations of the target",
    "extrapolation": "how much wider the range of the test points is",
}
OVER_TASKS = f"{ERROR}, geometric mean over tasks"


def best_mlp(ranked: pd.DataFrame, frame: pd.DataFrame) -> str | None:
    """The MLP of lowest error at the largest budget, the one to compare with; None without MLPs."""
    mlps = frame[(frame.basis == "") & frame.budget.notna()].method.unique()
    last = ranked[(ranked.budget == ranked.budget.max()) & ranked.method.isin(mlps)]
    return None if last.empty else str(last.loc[last.error.idxmin(), "method"])


def loss_vs_cost(ranked: pd.DataFrame, frame: pd.DataFrame, cost: str, title: str, mark: str | None) -> Figure:
    """Geometric-mean error of every method against a cost, along its budgets. `ranked` comes from `ranking`."""
    lines: Lines = {}
    for method, part in _trained(ranked).dropna(subset=cost).sort_values("budget").groupby("method"):
        kept = part[part[cost] > 0]
        if len(kept):
            lines[str(method)] = _line(kept, cost)
    look = Look(
        title,
        f"{COST_NAMES[cost]} (median over tasks)",
        OVER_TASKS,
        sizes=list(ranked.params.dropna().unique()) if cost == "params" else (),
    )
    return draw_families(lines, families(frame, list(lines)), method_styles(frame), look, mark=mark)


def _trained(ranked: pd.DataFrame) -> pd.DataFrame:
    return ranked[~ranked.reference.astype(bool)]


def _line(part: pd.DataFrame, x: str) -> Line:
    columns = part[[x, "error", "error_low", "error_high"]].to_numpy(dtype=float)
    return Line(*columns.T)


def profile(scores: Scores, frame: pd.DataFrame, title: str, mark: str | None) -> Figure:
    """The fraction of runs (tasks x seeds) of every method whose error is at most the one on the axis."""
    positive = scores.errors[scores.errors > 0]
    thresholds = np.geomspace(positive.min(), positive.max(), 120)
    lines = {}
    for method in scores.methods:
        low, high = profile_band(scores.of(method), thresholds, np.random.default_rng(BOOTSTRAP_SEED))
        lines[method] = Line(thresholds, performance_profile(scores.of(method), thresholds), low, high)
    look = Look(title, ERROR, "fraction of runs at or below the error", log_y=False, profile=True)
    return draw_families(lines, families(frame, scores.methods), method_styles(frame), look, mark=mark)


def along(frame: pd.DataFrame, axis: str, budget: int) -> pd.DataFrame:
    """Error against a setting of the protocol (`n_train`, `noise`): one row per value and method.

    `frame` holds one protocol per value. Only tasks on which every method was trained at every value count.
    """
    found = {value: scores_by_budget(part).get(budget) for value, part in frame.groupby(axis)}
    held = {value: scores for value, scores in found.items() if scores}
    if not held:
        return pd.DataFrame(columns=[axis, "method", "tasks", "error", "error_low", "error_high"])
    first, *rest = held.values()
    tasks = [task for task in first.tasks if all(task in scores.tasks for scores in rest)]
    rows = []
    for value, scores in held.items():
        indices = [scores.tasks.index(task) for task in tasks]
        for method in scores.methods if tasks else []:
            errors = scores.of(method)[indices]
            interval = bootstrap(errors, np.random.default_rng(BOOTSTRAP_SEED))
            low, high = (interval.low, interval.high) if errors.shape[1] > 1 else (np.nan, np.nan)
            rows.append((value, method, len(tasks), interval.estimate, low, high))
    return pd.DataFrame(rows, columns=[axis, "method", "tasks", "error", "error_low", "error_high"])


def loss_along(table: pd.DataFrame, frame: pd.DataFrame, axis: str, title: str, mark: str | None) -> Figure:
    """The picture of `along`. On the axis a noise of zero stands a third of a decade left of the least above zero."""
    values = np.sort(table[axis].unique()).astype(float)
    zero = values[values > 0].min() / 10 ** (1 / 3) if (values > 0).any() else 1.0
    placed = table.assign(**{axis: table[axis].astype(float).where(table[axis] > 0, zero)})
    lines = {str(method): _line(part.sort_values(axis), axis) for method, part in placed.groupby("method")}
    look = Look(title, AXIS_NAMES.get(axis, axis), OVER_TASKS)
    figure = draw_families(lines, families(frame, list(lines)), method_styles(frame), look, mark=mark)
    for axes in figure.axes:
        axes.set_xticks([value if value > 0 else zero for value in values], [f"{value:g}" for value in values])
        axes.minorticks_off()
    return figure
