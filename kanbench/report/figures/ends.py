"""Loss against few sizes: all methods in one panel, named at the ends of their lines."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kanbench.analysis.kinds import MLP
from kanbench.report.figures.canvas import blank, figure_of, is_narrow, points, styled
from kanbench.report.figures.panels import TOGETHER, spread
from kanbench.report.figures.style import (
    OVER_TASKS,
    PARAMETERS,
    in_order,
    label_below,
    put_title,
    readable,
    tick_budgets,
    tick_decades,
)
from kanbench.report.result import Result

MOST_SIZES, MOST_METHODS = 3, 12
LETTER = 0.62  # of the size of text, the width of a letter
LINE = 1.45  # of the size of text, the distance of names
WEIGHTS = {True: (3.0, 8.0, 1.0), False: (1.3, 4.5, 0.55)}  # widths of lines, sizes of marks, opacities


def has_named_ends(ranked: pd.DataFrame, of: Result) -> bool:
    """Return whether there are few sizes, and several methods of which each KAN is the only one of its family."""
    methods = list(ranked.method.unique())
    families = [of.family[method] for method in methods if of.family[method] != MLP]
    few = len(ranked.budget.unique()) <= MOST_SIZES and TOGETHER < len(methods) <= MOST_METHODS
    return few and len(set(families)) == len(families)


def loss_with_named_ends(ranked: pd.DataFrame, of: Result, mark: str | None, ax: Axes | None = None) -> Figure:
    """Geometric-mean error over tasks against parameters, with 95 % intervals over seeds as bars.

    The baseline and the best KAN are emphasized, the others thin. `ranked` comes from `ranking`.
    """
    strong = {mark, of.best_kan}
    lines = in_order(ranked, of.order)
    with styled(ax):
        figure = blank(7.6, 5.0) if ax is None else figure_of(ax)
        if is_narrow(figure) and ax is None:
            figure.set_figheight(max(figure.get_figheight(), figure.get_figwidth()))
        axes = ax or figure.subplots()
        for method, line in lines:
            width, size, opacity = WEIGHTS[method in strong]
            width, size = points(width), points(size)
            style = of.styles[method] | {"linewidth": width, "markersize": size, "alpha": opacity}
            if method == mark:
                style |= {"color": "0.1", "linestyle": "-"}
            axes.plot(line.params, line.error, label=method, zorder=4 if method in strong else 2, **style)
            bars: dict[str, Any] = {"linewidth": width, "alpha": opacity, "zorder": 2}
            axes.vlines(line.params, line.error_low, line.error_high, color=style["color"], **bars)
        axes.set(xscale="log", yscale="log", ylabel=f"{of.measure}\n{OVER_TASKS}")
        _name_ends(axes, lines, strong, of, mark)
        tick_decades(axes.yaxis, *axes.get_ylim())
        tick_budgets(axes, list(ranked.budget.unique()))
        axes.grid(visible=False, axis="x")
        axes.spines[["top", "right"]].set_visible(False)
        said = "; bars: 95 % bootstrap intervals over seeds" * bool(ranked.error_low.notna().any())
        label_below(figure, f"{PARAMETERS} (median over tasks){said}", 10, ax)
        put_title(figure, of.heading, ax)
    return figure


def _name_ends(
    axes: Axes, lines: list[tuple[str, pd.DataFrame]], strong: set[str | None], of: Result, mark: str | None
) -> None:
    """Make room at the right, and put there the names, moved apart where they would touch."""
    figure, size = figure_of(axes), points(10)
    box = axes.get_window_extent()
    inches = box.width / figure.dpi, box.height / figure.dpi
    letters = max(len(part) for method, _ in lines for part in readable(method).splitlines())
    share = min(0.55, (letters + 2) * LETTER * size / 72 / inches[0])
    sizes = np.log10(np.concatenate([line.params for _, line in lines]).astype(float))
    span = max(np.ptp(sizes), 0.1)
    axes.set_xlim(10 ** (sizes.min() - 0.06 * span), 10 ** (sizes.max() + span * (0.04 + share / (1.0 - share))))
    to_axes = axes.transScale + axes.transLimits
    ends = {method: (line.params.iloc[-1], line.error.iloc[-1]) for method, line in lines}
    heights = {method: float(to_axes.transform(end)[1]) for method, end in ends.items()}
    left = max(to_axes.transform(end)[0] for end in ends.values()) + 0.035
    for method, height in spread(heights, LINE * size / 72 / inches[1]).items():
        color = "0.1" if method == mark else of.styles[method]["color"]
        axes.annotate(
            readable(method), ends[method], (left, height), textcoords="axes fraction", va="center", fontsize=size,
            color=color, fontweight="bold" if method in strong else "normal",
            arrowprops={"arrowstyle": "-", "color": color, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4},
        )  # fmt: skip
