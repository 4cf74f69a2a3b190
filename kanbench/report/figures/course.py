"""Errors along a training, and their slopes along the size."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kanbench.analysis.scores import Records
from kanbench.report.figures.costs import line
from kanbench.report.figures.panels import Line, Look, draw_families
from kanbench.report.figures.style import OVER_TASKS, PARAMETERS
from kanbench.report.result import Result

DECADES = (100, 1_000, 10_000)  # ticks of evaluations


def error_against_evaluations(
    table: pd.DataFrame, records: Records, title: str, mark: str | None, ax: Axes | None = None
) -> Figure:
    """Draw the best error so far on validation: a line per method, which crosses another where ranks still move.

    `table` comes from `along_evaluations`.
    """
    lines = {str(method): line(part, "evaluations") for method, part in table.groupby("method")}
    y = f"best error so far on validation\n{OVER_TASKS}"
    look = Look(title, "evaluations on the training split; a line ends with its last training", y, sizes=DECADES)
    return draw_families(lines, Result.of(records), look, mark=mark, ax=ax)


def slopes_against_size(
    table: pd.DataFrame, records: Records, title: str, mark: str | None, ax: Axes | None = None
) -> Figure:
    """Draw the slopes of the test error, each from one size to the next; `table` comes from `slopes`."""
    lines = {}
    for method, part in table.dropna(subset="slope").groupby("method"):
        ends = part[["smaller", "larger"]].to_numpy(dtype=float).ravel()
        slope = part[["slope", "slope_low", "slope_high"]].to_numpy(dtype=float).repeat(2, axis=0)
        lines[str(method)] = Line(ends, *slope.T)
    y = "slope \N{GREEK SMALL LETTER ALPHA} of N$^{-\\alpha}$ between neighboring sizes\n(test error, mean over tasks)"
    sizes = [*table.smaller.dropna(), *table.larger.dropna()]
    look = Look(title, f"N, {PARAMETERS}", y, log_y=False, sizes=sizes, intervals="over tasks and seeds")
    return draw_families(lines, Result.of(records), look, mark=mark, ax=ax)
