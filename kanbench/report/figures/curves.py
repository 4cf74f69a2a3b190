"""Loss against parameters, over all tasks and task by task; log axes throughout."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kanbench.analysis.scores import Records, at_best_rates
from kanbench.report.figures.canvas import blank, columns_of, figure_of, is_narrow, points, styled
from kanbench.report.figures.style import (
    OVER_TASKS,
    PARAMETERS,
    Styles,
    explain_intervals,
    in_order,
    natural,
    place_in,
    plain,
    put_legend,
    put_title,
    readable,
    tick_budgets,
    tick_decades,
)
from kanbench.report.result import Result

ROW = 0.27  # inches per method, in a legend and where methods are rows
LEAST_WIDTH = 1.1  # inches of a panel
MOST_PANELS = 60  # of one figure: more are neither drawn in seconds nor read


def loss_vs_parameters(summary: pd.DataFrame, records: Records, title: str, ax: Axes | None = None) -> Figure:
    """Geometric-mean error over tasks, with its 95 % interval: one line per method against parameters.

    At one budget there are no lines: every method is a row.
    """
    draw = _lines if len(summary[~summary.reference].budget.unique()) > 1 else _as_rows
    with styled(ax):
        return draw(summary, Result.of(records), title, ax)


def _lines(summary: pd.DataFrame, of: Result, title: str, ax: Axes | None) -> Figure:
    figure = blank(9.6, max(4.8, ROW * len(of.styles) + 1.0)) if ax is None else figure_of(ax)
    axes = ax or figure.subplots()
    of_budget = summary[~summary.reference].groupby("budget").params.median()  # where references are drawn
    handles: dict[str, Any] = {}
    for method, line in in_order(summary, of.order):
        look = of.styles[method]
        sizes = line.budget.map(of_budget) if line.reference.all() else line.params
        (handles[method],) = axes.plot(sizes, line.error, label=method, markersize=6, **look)
        axes.fill_between(sizes, line.error_low, line.error_high, color=look["color"], alpha=0.18, linewidth=0)
    axes.set(xscale="log", yscale="log")
    tick_decades(axes.yaxis, *axes.get_ylim())
    tick_budgets(axes, list(summary.budget.unique()))
    axes.set(xlabel=f"{PARAMETERS} (median over tasks)", ylabel=f"{of.measure}\n{OVER_TASKS}")
    heading = explain_intervals(summary.error_low, "shaded").replace(" over", "\nover")
    put_legend(figure, handles, put_title(figure, title, ax), heading, ax)
    return figure


def _as_rows(summary: pd.DataFrame, of: Result, title: str, ax: Axes | None) -> Figure:
    order = in_order(summary, of.order)
    figure = blank(7.2, 1.7 + ROW * max(len(order), 3), is_rows=True) if ax is None else figure_of(ax)
    axes = ax or figure.subplots()
    for place, (method, line) in enumerate(order):
        row, look = line.iloc[0], {"marker": "|"} | of.styles[method]
        axes.plot([row.error_low, row.error_high], [place, place], color=look["color"], linewidth=2.2)
        axes.plot(row.error, place, color=look["color"], marker=look["marker"], markersize=8, linestyle="")
    axes.set_xscale("log")
    tick_decades(axes.xaxis, *axes.get_xlim())
    axes.set_yticks(range(len(order)), [readable(method) for method, _ in order])
    axes.set_ylim(len(order) - 0.4, -0.6)
    sizes = summary[~summary.reference].budget
    at = f" at {sizes.iloc[0]:,} {PARAMETERS}" if len(sizes) else ""
    intervals = explain_intervals(summary.error_low, "as bars")
    axes.set_xlabel("\n".join(filter(None, [of.measure + at, OVER_TASKS, intervals])))
    put_title(figure, title, ax)
    return figure


def small_multiples(records: Records, title: str, order: Sequence[str] = (), columns: int = 6) -> Figure:
    """One panel per task: median error over seeds against parameters, with the range of the seeds.

    `order` is that of the legend: `ordered_methods` has the one of `loss_vs_parameters`. Of very many tasks the first
    are shown, and the title says so.
    """
    of = Result.of(records)
    chosen = at_best_rates(records)
    chosen = chosen[chosen.status != "skipped"]
    panels = _panels(chosen)
    shown = dict(list(panels.items())[:MOST_PANELS])
    if len(shown) < len(panels):
        title = f"{title} (the first {len(shown)} of {len(panels)} tasks)"
    methods = sorted(chosen.method.unique(), key=lambda name: place_in(order, name))
    columns = columns_of(min(columns, len(shown)), LEAST_WIDTH)
    rows = -(-len(shown) // columns)
    width = (2.9 if columns < 3 else 2.1) * columns + 2.8
    height = max(2.0 * rows + 0.9, ROW * len(methods) + 0.3)  # below the title
    with styled(font_size=9, axes_titlesize=10):
        figure = blank(max(width, 6.0), height)
        grid = figure.subplots(rows, columns, squeeze=False)
        handles: dict[str, Any] = {}
        for (name, part), axes in zip(shown.items(), grid.flat, strict=False):
            handles |= _task_panel(axes, part, methods, of.styles)
            axes.set_title(plain(fill(name, 24)), loc="left")
        for axes in grid.flat[len(shown) :]:
            axes.set_axis_off()
        drawn = list(grid.flat[: len(shown)])
        _same_scales(drawn, pd.concat(shown.values()), columns)
        at_one = len(chosen.budget.dropna().unique()) == 1
        x = f"methods at {chosen.budget.max():,} {PARAMETERS}" if at_one else PARAMETERS
        if is_narrow(figure):  # the legend stands where the label of a figure would
            drawn[(rows - 1) * columns + (len(drawn) - 1) % columns // 2].set_xlabel(x)
        else:
            figure.supxlabel(x, fontsize=points(11))
        measure = fill(of.measure, 32 if rows == 1 else 60)
        of_seeds = "\n(median and range over seeds)" if len(chosen.seed.unique()) > 1 else ""
        figure.supylabel(f"{measure}{of_seeds}", fontsize=points(11 if rows > 1 else 10))
        under = put_title(figure, title)
        figure.set_figheight(figure.get_figheight() + under)
        put_legend(figure, {name: handles[name] for name in methods if name in handles}, under, "", None)
    return figure


def _panels(chosen: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The members of every task by its name, and by that of its suite where there are several."""
    several = len(chosen.suite.unique()) > 1
    parts = {f"{suite} {task}" if several else task: part for (suite, task), part in chosen.groupby(["suite", "task"])}
    return dict(sorted(parts.items(), key=lambda entry: natural(entry[0])))


def _same_scales(panels: list[Axes], shown: pd.DataFrame, columns: int) -> None:
    """One scale for all panels, as wide as what they show. Sharing axes does the same in time that grows as the square
    of their number."""
    scores = shown.score[shown.score > 0]
    low, high = (scores.min(), scores.max()) if len(scores) else (0.1, 1.0)
    room = (high / low) ** 0.06 * 1.05
    budgets = sorted(shown.budget.dropna().unique())
    sizes = shown[shown.budget.notna()].params
    for place, axes in enumerate(panels):
        axes.set_yscale("log")
        axes.set_ylim(low / room, high * room)
        tick_decades(axes.yaxis, low / room, high * room)
        if len(budgets) > 1:
            axes.set_xscale("log")
            axes.set_xlim(sizes.min() / 1.15, sizes.max() * 1.15)
            tick_budgets(axes, budgets)
        else:
            axes.set_xticks([])
            axes.set_xlim(-0.6, len(shown.method.unique()) - 0.4)
        if place % columns:
            axes.tick_params(labelleft=False)
        if place + columns < len(panels):  # a panel is below
            axes.tick_params(labelbottom=False)


def _task_panel(axes: Axes, part: pd.DataFrame, methods: Sequence[str], styles: Styles) -> dict[str, Any]:
    """The methods on one task; what a legend shows of each. At one budget each has a place of its own."""
    handles: dict[str, Any] = {}
    of_each = dict(list(part.groupby("method")))
    at_one = len(part.budget.dropna().unique()) <= 1
    for place, method in enumerate(methods):
        if method not in of_each:
            continue
        of_method, look = of_each[method], styles[method] | {"linewidth": 0.7 * styles[method]["linewidth"]}
        if (
            of_method.budget.isna().all()
            and not at_one
            and "unknowns" in of_method
            and of_method.unknowns.notna().all()
        ):
            solved = of_method.groupby("unknowns").score.median()
            (handles[method],) = axes.plot(solved.index, solved, **look)
            continue
        if of_method.budget.isna().all():
            handles[method] = axes.axhline(of_method.score.median(), **look)
            continue
        by_size = of_method.groupby("budget").agg(size=("params", "median"), median=("score", "median"),
                                                  low=("score", "min"), high=("score", "max"))  # fmt: skip
        x = [place] if at_one else by_size["size"]
        (handles[method],) = axes.plot(x, by_size["median"], markersize=3.5, **look)
        if at_one:
            axes.vlines(x, by_size.low, by_size.high, color=look["color"], linewidth=1.0)
        else:
            axes.fill_between(x, by_size.low, by_size.high, color=look["color"], alpha=0.15, linewidth=0)
    return handles
