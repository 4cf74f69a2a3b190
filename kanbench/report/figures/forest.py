"""Error ratios to the baseline: of every method over all tasks, and of one method task by task."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import blended_transform_factory

from kanbench.errors import counted
from kanbench.report.figures.canvas import blank, figure_of, is_narrow, points, styled
from kanbench.report.figures.style import label_below, natural, plain, put_title, readable
from kanbench.report.result import Result

ROW = 0.3  # inches per method
LINE = 0.2  # inches per line of a long name
TASK_ROW = 0.17  # inches per task
NAMES = 1.9  # inches beside the panels for names
TIES = 1.1  # ratios within this factor of 1 tie
LOOKS = {1.0: "#0072b2", -1.0: "#d55e00", 0.0: "0.6"}  # who wins a task: the method, the baseline, nobody
MOST_TICKS = 5
TIMES = "\N{MULTIPLICATION SIGN}"


def ratios(of: Result, baseline: str, ax: Axes | None = None) -> Figure:
    """A row per method and a panel per budget: the error over that of the baseline, with its interval.

    The line at 1 is the baseline. A mark is hollow where the interval holds 1, which is no test: each interval stands
    alone, and p is corrected for the number of methods. At the right of each panel are the tasks that the method wins,
    ties and loses. Given axes get the panel of the largest budget.
    """
    table = of.ratios
    budgets = sorted(table.budget.unique())[-1 if ax else 0 :]
    last = table[table.budget == budgets[-1]].method.tolist()
    methods = [method for method in of.order if method in last] or last
    limits = _limits(table[["ratio", "ratio_low", "ratio_high"]].to_numpy(dtype=float))
    with styled(ax, axes_grid=False):
        lines = max(readable(method).count("\n") for method in methods) + 1
        figure, panels = _panels(len(budgets), max(len(methods), 3) * max(ROW, LINE * lines), ax)
        for budget, axes in zip(budgets, panels, strict=True):
            rows = table[table.budget == budget].set_index("method")
            _ratio_axis(axes, limits, len(methods))
            for place, method in enumerate(methods):
                if method in rows.index:
                    _row(axes, place, rows.loc[method], of.styles[method])
            axes.set_yticks(range(len(methods)), [readable(method) for method in methods])
            _emphasize(axes, of, methods)
            _head(axes, f"{budget:,} parameters, {counted(int(rows.tasks.iloc[0]), 'task')}")
            if rows.win.notna().any():
                axes.text(
                    1.02,
                    1.0,
                    " won / tied\n / lost",
                    transform=axes.transAxes,
                    va="bottom",
                    fontsize=points(8),
                    color="0.3",
                )
        for axes in panels[1:] if not is_narrow(figure) else []:
            axes.tick_params(labelleft=False)
        label_below(
            figure,
            f"error over that of {readable(baseline)} (line): geometric mean over tasks, 95 % interval over tasks and "
            "seeds; hollow where it holds 1 (not corrected for the number of methods, as p is)",
            9,
            ax,
        )
        put_title(figure, of.heading, ax)
    return figure


def _panels(n_panels: int, rows: float, ax: Axes | None) -> tuple[Figure, list[Axes]]:
    """Return panels with rows of so many inches, side by side, or one below the other where the figure is narrow."""
    if ax is not None:
        return figure_of(ax), [ax]
    height = 0.75 + rows
    figure = blank(NAMES + 3.6 * n_panels, 1.0 + height, is_rows=True)
    if is_narrow(figure):
        figure.set_figheight(points(1.0) * (1.6 + height * n_panels))
        return figure, list(figure.subplots(n_panels, 1, squeeze=False, sharex=True)[:, 0])
    return figure, list(figure.subplots(1, n_panels, squeeze=False)[0])


def _limits(values: np.ndarray) -> tuple[float, float]:
    """Return limits that hold all values and 1, with room on both sides."""
    logs = np.log10(values[np.isfinite(values) & (values > 0)])
    low, high = logs.min(initial=-0.5), logs.max(initial=0.5)
    room = 0.06 * (high - low)
    return 10 ** (low - room), 10 ** (high + room)


def _ratio_axis(axes: Axes, limits: tuple[float, float], n_rows: int) -> None:
    axes.set_xscale("log")
    axes.set(xlim=limits, ylim=(n_rows - 0.5, -0.5))
    axes.xaxis.set_major_locator(FixedLocator(_ticks(*limits)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _times(value)))
    axes.axvspan(limits[0], 1.0, color="0.96", zorder=0, linewidth=0)
    axes.axvline(1.0, color="0.15", linewidth=1.6, zorder=1)
    axes.grid(visible=True, axis="x", color="0.88", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.tick_params(axis="both", length=0)


def _ticks(low: float, high: float) -> list[float]:
    """Return 1 and round numbers on both sides of it, at most `MOST_TICKS` or so."""
    decades = np.log10(high / low)
    if decades < 2.5:
        wanted = [0.01, 0.03, 0.1, 0.3, 0.5, 1.0, 2.0, 3.0, 10.0, 30.0, 100.0]
        if decades > 0.8:
            wanted = [each for each in wanted if each not in (0.5, 2.0)]
        return [each for each in wanted if low <= each <= high]
    step = int(np.ceil(decades / MOST_TICKS))
    first = int(np.ceil(np.log10(low) / step))
    return [10.0 ** (step * k) for k in range(first, int(np.floor(np.log10(high) / step)) + 1)]


def _times(value: float) -> str:
    """Return a ratio as people say it: 0.1x, 1x, 1,000x."""
    return f"{value:,.0f}{TIMES}" if value >= 1 else f"{value:.3g}{TIMES}"


def _row(axes: Axes, place: int, row: pd.Series, style: dict[str, Any]) -> None:
    color = style["color"]
    is_apart = not row.ratio_low <= 1.0 <= row.ratio_high
    axes.plot(
        [row.ratio_low, row.ratio_high], [place, place], color=color, linewidth=points(2.6), solid_capstyle="round"
    )
    fill = color if is_apart else "white"
    axes.plot(
        row.ratio,
        place,
        "o",
        color=color,
        markerfacecolor=fill,
        markeredgewidth=points(1.8),
        markersize=points(8.5),
        zorder=3,
    )
    if np.isfinite(row.win):
        at = blended_transform_factory(axes.transAxes, axes.transData)
        text = f"{row.win:.0f} / {row.tie:.0f} / {row.loss:.0f}"
        axes.text(1.02, place, text, transform=at, va="center", fontsize=points(9), color="0.3")


def _emphasize(axes: Axes, of: Result, methods: list[str]) -> None:
    """Set the name of the method that the study declared beforehand, or else of the first one, in bold."""
    bold = of.primary.method if of.primary else methods[0]
    for label, method in zip(axes.get_yticklabels(), methods, strict=True):
        label.set_fontweight("bold" if method == bold else "normal")


def _head(axes: Axes, title: str) -> None:
    """Put the title of a panel, and below it which side is the better one."""
    side: dict[str, Any] = {
        "textcoords": "offset points",
        "xycoords": axes.get_xaxis_transform(),
        "fontsize": points(9),
    }
    axes.set_title(title, loc="left", pad=points(20))
    for words, x, to in (("\N{LEFTWARDS ARROW} better", -5, "right"), ("worse \N{RIGHTWARDS ARROW}", 5, "left")):
        axes.annotate(words, (1.0, 1.0), (x, 4), ha=to, va="bottom", color="0.3", annotation_clip=False, **side)


def task_ratios(table: pd.DataFrame, of: Result, method: str, baseline: str, ax: Axes | None = None) -> Figure:
    """A row per task and a panel per budget: one method's median error over that of the baseline.

    Tasks are sorted by the ratio at the largest budget. The name of a task of heavy tails ends with *, and that of one
    that is not smooth with +. Given axes get the panel of the largest budget. `table` comes from `by_task`.
    """
    budgets = sorted(table.budget.unique())[-1 if ax else 0 :]
    names = _sorted_tasks(table)
    limits = _limits(table.ratio.to_numpy(dtype=float))
    several = len(table.suite.unique()) > 1
    with styled(ax, font_size=9, axes_titlesize=10, axes_grid=False):
        size = 1.6 + 2.6 * len(budgets), 1.6 + TASK_ROW * max(len(names), 6)
        figure = figure_of(ax) if ax else blank(*size, is_rows=True)
        panels = [ax] if ax else list(figure.subplots(1, len(budgets), squeeze=False)[0])
        for budget, axes in zip(budgets, panels, strict=True):
            _ratio_axis(axes, limits, len(names))
            rows = table[table.budget == budget].set_index(["suite", "task"])
            for place, name in enumerate(names):
                if name in rows.index:
                    _task(axes, place, rows.loc[name])
            axes.set_yticks(range(len(names)), [])
            _head(axes, f"{budget:,} parameters")
        marked = table.drop_duplicates(["suite", "task"]).set_index(["suite", "task"])
        labels = [_name(marked.loc[name], name, several) for name in names]
        panels[0].set_yticks(range(len(names)), labels, fontsize=points(8))
        label_below(figure, _explain_tasks(table, method, baseline), 9, ax)
        put_title(figure, of.heading, ax)
    return figure


def _sorted_tasks(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the tasks, the lowest ratio at the largest budget first; those that lack it come last, by name."""
    last = table[table.budget == table.budget.max()].set_index(["suite", "task"]).ratio
    known = set(table.set_index(["suite", "task"]).index)
    return sorted(known, key=lambda name: (last.get(name, np.inf), natural(name[1]), name[0]))


def _task(axes: Axes, place: int, row: pd.Series) -> None:
    if not 0.0 < row.ratio < np.inf:  # an error of exactly zero has no ratio
        return
    side = np.sign(np.log(row.ratio)) if np.isnan(row.side) else row.side
    color = LOOKS[float(side)]
    axes.plot([1.0, row.ratio], [place, place], color=color, linewidth=2.2, solid_capstyle="butt")
    axes.plot(row.ratio, place, "o", color=color, markersize=4.5)


def _name(marks: pd.Series, name: tuple[str, str], several: bool) -> str:
    text = " ".join(name) if several else name[1]
    return plain(text + " *" * bool(marks.heavy_tailed) + " +" * bool(marks.not_smooth))


def _explain_tasks(table: pd.DataFrame, method: str, baseline: str) -> str:
    said = f"median error of {readable(method)} over that of {readable(baseline)}; "
    said += f"blue: {readable(method)} wins, orange: {readable(baseline)} wins"
    said += ", grey: a tie" * bool(table.side.notna().any())
    said += "; *: a few points hold most of the squares" * bool(table.heavy_tailed.any())
    return said + "; +: not smooth" * bool(table.not_smooth.any())
