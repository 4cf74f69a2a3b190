"""Lines of many methods that can be told apart: one panel per family, the others in grey behind it, labels at the ends.

Twenty lines in one plot are a tangle; three in color before seventeen in grey are a comparison.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from kanbench.analysis.kinds import MLP
from kanbench.analysis.scores import Records
from kanbench.analysis.stats import Array
from kanbench.report.figures.canvas import blank, columns_of, figure_of, points, styled
from kanbench.report.figures.style import Styles, label_below, place_in, plain, put_title, readable, tick_budgets
from kanbench.report.result import Result

TOGETHER = 5  # methods that share one panel
BEHIND, MARKED = "0.85", "0.15"
LABEL_GAP = 0.062  # of the height of a panel that has its own height
PANEL = 3.7  # inches: the height of a panel that stands alone
MOST_LABELS = 0.5  # of the width of a panel
LEAST_WIDTH = 2.2  # inches of a panel


@dataclass(frozen=True)
class Line:
    """A curve with its interval: four arrays (n,); the interval may be NaN."""

    x: Array
    y: Array
    low: Array
    high: Array


Lines = dict[str, Line]  # by method


@dataclass(frozen=True)
class Look:
    """The labels and scales that all panels of a figure share."""

    title: str
    x: str
    y: str
    log_y: bool = True
    sizes: Sequence[float] = ()  # ticks of x, where they are to be read exactly
    intervals: str = "over seeds"  # what is redrawn for the intervals
    profile: bool = False  # steps that all end at 1, so that names stand in a corner


def panels_of(records: Records, methods: Sequence[str]) -> dict[str, list[str]]:
    """Return methods by family, MLPs last; all in one family of no name if they are few."""
    if len(methods) <= TOGETHER:
        return {"": list(methods)}
    family = Result.of(records).family
    names = sorted({family[method] for method in methods}, key=lambda name: (name == MLP, name))
    return {name: [method for method in methods if family[method] == name] for name in names}


def draw_families(lines: Lines, of: Result, look: Look, *, mark: str | None = None, ax: Axes | None = None) -> Figure:
    """One panel per family; the method `mark` is a thin line of full contrast in every panel, to compare with.

    On given axes all methods share one panel.
    """
    methods = sorted(lines, key=lambda method: place_in(of.order, method))
    lines = {method: lines[method] for method in methods}
    family = panels_of(of, methods) if ax is None else {"": methods}
    columns = columns_of(2 if len(family) == 4 else min(len(family), 3), LEAST_WIDTH)
    rows = -(-len(family) // columns)
    size = (7.2, 4.8) if len(family) == 1 else (3.6 * columns + 0.6, 3.0 * rows + 0.9)
    with styled(ax, **({} if len(family) == 1 else {"font_size": 10, "axes_titlesize": 11})):
        figure = blank(*size) if ax is None else figure_of(ax)
        panels = (
            figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False) if ax is None else np.array([[ax]])
        )
        gap = LABEL_GAP * points(1.0) * (size[1] / figure.get_figheight() if ax is None else PANEL / _inches(ax)[1])
        width = figure.get_figwidth() / columns - 0.9 if ax is None else _inches(ax)[0]
        _scale(panels[0, 0], lines, look, _label_width(family, lines, mark) / max(width, 1.0))
        for (name, members), axes in zip(family.items(), panels.flat, strict=False):
            _draw_family(axes, name, members, lines, of.styles, look, mark, gap)
        for axes in panels.flat[len(family) :]:
            axes.set_axis_off()
        for column in range(columns):  # the lowest panel of each column carries the ticks
            panels[(len(family) - 1 - column) // columns, column].tick_params(labelbottom=True)
        has_intervals = any(np.isfinite(line.low).any() for line in lines.values())
        label_below(figure, look.x + _explain(columns, mark, look.intervals * has_intervals), ax=ax)
        if ax is None:
            figure.supylabel(look.y, fontsize=points(11))
        else:
            ax.set_ylabel(look.y)
        put_title(figure, look.title, ax)
    return figure


def _inches(ax: Axes) -> tuple[float, float]:
    """Return the width and the height of axes in inches."""
    box, dpi = ax.get_window_extent(), figure_of(ax).dpi
    return box.width / dpi, box.height / dpi


def _label_width(family: Mapping[str, list[str]], lines: Lines, mark: str | None) -> float:
    """Return the width of the longest name beside a line, in inches."""
    names = [_short(method, name) for name, members in family.items() for method in members]
    names += [readable(mark)] if mark in lines else []
    letters = max((len(line) for name in names for line in name.splitlines()), default=0)
    return letters * 0.6 * _label_size(lines) / 72


def _label_size(lines: Lines) -> float:
    return points(8.5 if len(lines) > TOGETHER else 10)


def _explain(columns: int, mark: str | None, intervals: str) -> str:
    others = f"behind each family the others in light grey{f', {readable(mark)} in black' if mark else ''}"
    said = [f"95 % bootstrap intervals {intervals}"] * bool(intervals) + [others] * (columns > 1)
    gap = ";\n" if columns < 3 else "; "
    return "\n" * bool(said) + gap.join(said)


def _draw_family(
    axes: Axes, name: str, members: list[str], lines: Lines, styles: Styles, look: Look, mark: str | None, gap: float
) -> None:
    drawstyle = "steps-post" if look.profile else "default"
    for method in (each for each in lines if each not in {*members, mark}):
        axes.plot(lines[method].x, lines[method].y, color=BEHIND, linewidth=0.9, zorder=1, drawstyle=drawstyle)
    labels = {method: _short(method, name) for method in members}
    colors = {method: styles[method]["color"] for method in members}
    if mark in lines and mark not in members:
        axes.plot(
            lines[mark].x,
            lines[mark].y,
            color=MARKED,
            linewidth=1.2,
            zorder=2,
            drawstyle=drawstyle,
            label=readable(mark),
        )
        labels[mark], colors[mark] = readable(mark), MARKED
    for method in members:
        line, style = lines[method], styles[method] | ({"marker": ""} if look.profile else {})
        style |= {"markersize": 5, "markeredgecolor": "white", "markeredgewidth": 0.6, "drawstyle": drawstyle}
        axes.plot(line.x, line.y, zorder=4, label=labels[method], **style)
        step: Literal["post"] | None = "post" if look.profile else None
        if len(line.x) == 1:
            axes.vlines(line.x, line.low, line.high, color=style["color"], linewidth=1.5, zorder=3)
        axes.fill_between(
            line.x, line.low, line.high, color=style["color"], alpha=0.16, linewidth=0, zorder=3, step=step
        )
    if look.profile:
        axes.legend(loc="upper left", fontsize=points(8.5), handlelength=2.6, borderaxespad=0.2)
    else:
        _label_ends(axes, lines, labels, colors, gap)
    axes.set_title(plain(name), loc="left")


def _scale(axes: Axes, lines: Lines, look: Look, labels: float) -> None:
    """Limits that hold every line and, to the right, its label, which takes this share of the width."""
    x = np.concatenate([line.x for line in lines.values()])
    heights = np.concatenate([np.concatenate([line.y, line.low, line.high]) for line in lines.values()])
    heights = heights[np.isfinite(heights) & ((heights > 0) | (not look.log_y))]
    axes.set_xscale("log")
    low, high = np.log10(x.min()), np.log10(x.max())
    span = max(high - low, 0.3)
    share = min(labels + 0.05, MOST_LABELS)
    room = 0.0 if look.profile else max(0.36, share / (1.0 - share))  # of the span, for the labels
    axes.set_xlim(10 ** (low - 0.04 * span), 10 ** (high + 0.02 + room * span))
    if look.log_y:
        axes.set_yscale("log")
        span = np.log10(heights.max() / heights.min()) or 1.0
        axes.set_ylim(heights.min() / 10 ** (0.05 * span), heights.max() * 10 ** (0.05 * span))
    elif look.profile:
        axes.set_ylim(-0.02, 1.04)
    else:
        margin = 0.05 * (np.ptp(heights) or 1.0)
        axes.set_ylim(heights.min() - margin, heights.max() + margin)
    if look.sizes:
        tick_budgets(axes, look.sizes)
    elif high - low < 3:  # a decade or two want more than two ticks
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high - low < 1.2 else (1.0, 3.0)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))


def _label_ends(axes: Axes, lines: Lines, labels: dict[str, str], colors: dict[str, str], gap: float) -> None:
    """Names beside the last points, moved apart where they would overlap."""
    to_axes = axes.transLimits
    ends = {method: (lines[method].x[-1], lines[method].y[-1]) for method in labels}
    scaled = axes.transScale
    heights = {method: to_axes.transform(scaled.transform(end))[1] for method, end in ends.items()}
    right = max(to_axes.transform(scaled.transform(end))[0] for end in ends.values())
    size = _label_size(lines)
    for method, height in spread(heights, gap).items():
        axes.annotate(
            labels[method],
            xy=ends[method],
            xytext=(right + 0.03, height),
            textcoords="axes fraction",
            color=colors[method],
            fontsize=size,
            va="center",
            arrowprops={
                "arrowstyle": "-",
                "color": colors[method],
                "linewidth": 0.5,
                "shrinkA": 1,
                "shrinkB": 3,
            },
        )


def spread(heights: Mapping[str, float], gap: float) -> dict[str, float]:
    """Heights between 0 and 1, at least `gap` apart, in the same order and near where they were."""
    order = sorted(heights, key=lambda name: heights[name])
    placed: list[float] = []
    for name in order:
        placed.append(max(heights[name], placed[-1] + gap if placed else gap / 2))
    ceiling = 1.0 - gap / 2
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - gap
    return dict(zip(order, placed, strict=True))


def _short(method: str, family: str) -> str:
    """A method's name without that of its family: "KAN Taylor mean" of "KAN Taylor" is "mean"."""
    return readable(method).removeprefix(family).strip() or ("sum" if family else method)
