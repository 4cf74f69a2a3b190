"""Figures: frame -> Figure. One style, legible in print and on a slide; log axes throughout."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from kanbench.analysis.load import choose_rates

DASHES = {"": "-", "sum": "-", "mean": (0, (4, 1.5)), "sum_over_sqrt": (0, (1, 1.2))}
MARKERS = ("o", "s", "^", "D", "v", "P", "*", "X")
MLP_DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.2)), "-.", (0, (6, 1.2, 1, 1.2, 1, 1.2)))
REFERENCE_DASHES = ("-.", (0, (1, 1)), (0, (6, 1.5)))
STYLE = {
    **sns.axes_style("whitegrid"),
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.edgecolor": "0.6",
    "grid.color": "0.9",
    "legend.frameon": False,
}
Styles = dict[str, dict[str, Any]]
FEW = 4  # methods whose legend finds room among the lines
WIDE = 4  # columns of panels
PARAMETERS = "trainable parameters"
ERROR = "relative L2 error on test"
CLASS_ERROR = "cross-entropy on test over that of the class prior"


def method_styles(frame: pd.DataFrame) -> Styles:
    """Line styles by method: colour by basis, dashes by aggregation, greys for MLPs; markers tell the rest apart.

    References are thin lines without markers.
    """
    references = sorted(frame[frame.budget.isna()].method.unique())
    dashes = zip(references, cycle(REFERENCE_DASHES), strict=False)
    thin: Styles = {name: {"color": "0.45", "linestyle": dash, "linewidth": 1.2} for name, dash in dashes}
    frame = frame[frame.budget.notna()]
    facts = frame.drop_duplicates("method").fillna({"basis": "", "aggregation": ""}).sort_values(["basis", "method"])
    bases = [basis for basis in facts.basis.unique() if basis]
    colours = dict(zip(bases, sns.color_palette("colorblind", max(len(bases), 1)), strict=False))
    n_mlps = int((facts.basis == "").sum())
    greys = zip(np.linspace(0.2, 0.6, max(n_mlps, 1)), cycle(MLP_DASHES), strict=False)
    # A basis starts at a marker of its own and goes on from there for its variants of one aggregation.
    starts = {
        (row.basis, row.aggregation): bases.index(row.basis) % len(MARKERS) if row.basis else -1
        for row in facts.itertuples()
    }
    markers = {pair: cycle(MARKERS[start:] + MARKERS[:start]) for pair, start in starts.items()}
    styles: Styles = {}
    for row in facts.itertuples():
        grey, dash = (0.0, DASHES.get(row.aggregation, "-")) if row.basis else next(greys)
        styles[row.method] = {
            "color": colours[row.basis] if row.basis else str(grey),
            "marker": next(markers[row.basis, row.aggregation]),
            "linestyle": dash,
            "linewidth": 2.0,
        }
    return styles | thin


def readable(method: str) -> str:
    """A method's name as figures show it."""
    return method.replace("sum_over_sqrt", "sum/\N{SQUARE ROOT}n")


def loss_vs_parameters(summary: pd.DataFrame, frame: pd.DataFrame, title: str) -> Figure:
    """One line per method: geometric-mean error over tasks against parameters, with its 95 % interval."""
    styles = method_styles(frame)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.8), layout="constrained")
        axes = figure.subplots()
        of_budget = summary[~summary.reference].groupby("budget").params.median()  # where references are drawn
        for method, line in _in_order(summary):
            look = styles[method]
            if line.reference.all() and len(of_budget) == 1:
                axes.axhline(line.error.iloc[0], label=method, **look)
                continue
            sizes = line.budget.map(of_budget) if line.reference.all() else line.params
            axes.plot(sizes, line.error, label=method, markersize=6, **look)
            axes.fill_between(sizes, line.error_low, line.error_high, color=look["color"], alpha=0.18, linewidth=0)
        _log_log(axes, list(summary[~summary.reference].params.dropna().unique()))
        if len(of_budget) == 1:
            axes.set_xlim(of_budget.iloc[0] / 2, of_budget.iloc[0] * 2)
        axes.set(xlabel=f"{PARAMETERS} (median over tasks)", ylabel=f"{error_name(frame)}\n(geometric mean over tasks)")
        axes.set_title(title, loc="left")
        legend = {"title": "95 % bootstrap interval shaded", "title_fontsize": 9, "fontsize": 10, "handlelength": 3.5}
        if len(styles) > FEW:
            figure.set_figwidth(9.6)
            figure.legend(loc="outside right upper", **legend)
        else:
            axes.legend(**legend)
    return figure


def small_multiples(frame: pd.DataFrame, title: str, columns: int = 6) -> Figure:
    """One panel per task: median error over seeds against parameters, with the range of the seeds."""
    styles = method_styles(frame)
    chosen = choose_rates(frame)
    chosen = chosen[chosen.status != "skipped"]
    tasks = list(dict.fromkeys(chosen.task))
    columns = min(columns, len(tasks))
    rows = -(-len(tasks) // columns)
    is_narrow = columns < WIDE  # a legend finds no room beside the title
    size = (2.9 * columns + 2.8, 2.4 * rows + 1.0) if is_narrow else (2.1 * columns + 0.6, 1.8 * rows + 1.2)
    with mpl.rc_context(STYLE | {"font.size": 9, "axes.titlesize": 10}):
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for task, axes in zip(tasks, panels.flat, strict=False):
            _task_panel(axes, chosen[chosen.task == task], styles)
            axes.set_title(task, loc="left")
        for axes in panels.flat[len(tasks) :]:
            axes.set_axis_off()
        for column in range(columns):  # the lowest panel of each column carries the ticks
            lowest = panels[(len(tasks) - 1 - column) // columns, column]
            lowest.tick_params(labelbottom=True)
        _log_log(panels[0, 0], sorted(chosen.budget.dropna().unique()))
        figure.supxlabel(PARAMETERS, fontsize=11)
        measure = fill(error_name(frame), 32 if rows == 1 else 60)
        figure.supylabel(f"{measure}\n(median and range over seeds)", fontsize=11 if rows > 1 else 10)
        shown = [zip(*axes.get_legend_handles_labels(), strict=True) for axes in panels.flat]
        legend = {label: handle for panel in shown for handle, label in panel}
        ncols = 1 if is_narrow else min(len(legend), 4)
        figure.legend(
            list(legend.values()),
            list(legend),
            loc="outside right upper" if is_narrow else "outside upper right",
            ncols=ncols,
            fontsize=10,
        )
        figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def error_name(frame: pd.DataFrame) -> str:
    """What the score of these records is."""
    is_classes = "test_rel_cross_entropy" in frame and frame.test_rel_cross_entropy.notna().any()
    return CLASS_ERROR if is_classes else ERROR


def _task_panel(axes: Axes, part: pd.DataFrame, styles: Styles) -> None:
    for method, of_method in part.groupby("method", sort=False):
        look = styles[method] | {"linewidth": 0.7 * styles[method]["linewidth"]}
        if of_method.budget.isna().all():
            axes.axhline(of_method.score.median(), label=method, **look)
            continue
        by_size = of_method.groupby("params").score
        median, low, high = by_size.median(), by_size.min(), by_size.max()
        axes.plot(median.index, median, label=method, markersize=3.5, **look)
        axes.fill_between(median.index, low, high, color=look["color"], alpha=0.15, linewidth=0)


def _in_order(summary: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Methods with their lines, the lowest error at the largest budget first."""
    lines = [(method, line.sort_values("budget")) for method, line in summary.dropna(subset="error").groupby("method")]
    return sorted(lines, key=lambda entry: entry[1].error.iloc[-1])


def _log_log(axes: Axes, sizes: Sequence[float]) -> None:
    axes.set(xscale="log", yscale="log")
    log_sizes(axes, sizes)


def log_sizes(axes: Axes, sizes: Sequence[float]) -> None:
    """Tick the given sizes, of which none that would touch its neighbour, in plain digits."""
    ticks = sorted({round(float(size)) for size in sizes})
    kept: list[int] = []
    for tick in ticks:
        if not kept or tick > 1.25 * kept[-1]:
            kept.append(tick)
    axes.xaxis.set_major_locator(FixedLocator(kept))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def save(figure: Figure, stem: Path) -> Path:
    """Write `stem`.png and `stem`.svg; returns the former."""
    png, svg = stem.with_suffix(".png"), stem.with_suffix(".svg")
    with mpl.rc_context({"svg.hashsalt": "kanbench"}):  # the same picture is the same file
        figure.savefig(png, dpi=160)
        figure.savefig(svg, metadata={"Date": None})
    return png
