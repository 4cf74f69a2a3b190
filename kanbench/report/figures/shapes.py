"""The shapes that a search chose."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kanbench.errors import UsageError
from kanbench.report.figures.canvas import blank, points, styled
from kanbench.report.figures.style import PARAMETERS, put_title, readable

CELL = 0.62  # inches


def chosen_shapes(table: pd.DataFrame, title: str, ax: Axes | None = None) -> Figure:
    """Draw on how many tasks each shape was chosen: a panel per search, a row per depth and size, a column per budget.

    `table` comes from `shapes_table`.
    """
    if ax is not None:
        raise UsageError("shapes: this figure has a panel for every search, so it is drawn without ax")
    lines = list(table.groupby("method"))
    budgets = sorted(table.budget.unique())
    heights = [max(1, len(part.drop_duplicates(["depth", "searched_size"]))) for _, part in lines]
    with styled(font_size=9, axes_grid=False):
        figure = blank(3.4 + CELL * len(budgets), 0.9 + sum(0.27 * height + 0.75 for height in heights))
        panels = figure.subplots(len(lines), 1, squeeze=False, height_ratios=[height + 1 for height in heights])[:, 0]
        for axes, (line, part) in zip(panels, lines, strict=True):
            _panel(axes, part, budgets, readable(str(line)))
        panels[-1].set_xlabel(PARAMETERS)
        put_title(figure, f"{title}\ntasks on which a shape was chosen; size: of the basis, or the gain of an MLP")
    return figure


def _panel(axes: Axes, part: pd.DataFrame, budgets: list[int], line: str) -> None:
    shapes = part.assign(size=part.searched_size.astype(float).fillna(-1.0))
    counts = shapes.pivot_table(index=["depth", "size"], columns="budget", values="task", aggfunc="size", fill_value=0)
    counts = counts.reindex(columns=budgets, fill_value=0)
    values = counts.to_numpy(dtype=float)
    axes.imshow(values, cmap="Blues", vmin=0.0, vmax=1.6 * values.max(), aspect="auto")
    for row, column in zip(*np.nonzero(values), strict=True):
        text = f"{values[row, column]:.0f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=points(9), color="0.1")
    names = [f"depth {depth:.0f}" + (f", size {size:g}" if size >= 0 else "") for depth, size in counts.index]
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(len(budgets)), [f"{budget:,}" for budget in budgets])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(line, loc="left")
