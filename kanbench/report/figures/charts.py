"""Comparisons that are no curves: critical differences, a heat map, sum against mean."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from kanbench.analysis.comparisons import aggregation_pairs
from kanbench.analysis.scores import Records, Scores
from kanbench.analysis.significance import PairTests, groups
from kanbench.errors import counted
from kanbench.report.figures.canvas import blank, figure_of, points, styled
from kanbench.report.figures.curves import ROW
from kanbench.report.figures.style import label_below, natural, place_in, plain, put_title, readable, tick_decades
from kanbench.report.result import Result

MOST_NAMES = 120  # of tasks below a heat map
DECADES = 3.0  # beyond a factor of 1000 the heat map tells no more apart


def critical_difference(
    scores: Scores, tests: PairTests, records: Records, title: str, ax: Axes | None = None
) -> Figure:
    """Mean ranks over tasks; bars tie neighbors among which no pair was found to differ.

    The bars come from pairwise Wilcoxon tests with Holm, after Friedman: there is no one critical distance.
    """
    styles = Result.of(records).styles
    bars = groups(tests)
    order = np.argsort(tests.mean_ranks, kind="stable")
    n_left = -(-len(order) // 2)
    depth = 0.5 + 0.16 * len(bars)  # below the axis, in inches
    with styled(ax):
        figure, axes = _room(8.6, 1.1 + depth + ROW * n_left, ax)
        axes.set(xlim=(0.9, len(order) + 0.1), ylim=(depth + ROW * n_left, -0.35))
        _rank_axis(axes, len(order))
        for place, index in enumerate(order):
            left = place < n_left
            row = place if left else len(order) - 1 - place
            rank, height = tests.mean_ranks[index], depth + ROW * row
            color = styles[scores.methods[index]]["color"]
            edge = 1.0 if left else float(len(order))
            axes.plot([rank, rank, edge], [0.0, height, height], color=color, linewidth=1.1, clip_on=False)
            axes.plot(rank, 0.0, marker="o", markersize=4, color=color, clip_on=False)
            name = readable(scores.methods[index])
            axes.annotate(
                f"{name}  {rank:.1f}" if left else f"{rank:.1f}  {name}",
                (edge, height), xytext=(-5 if left else 5, 0), textcoords="offset points", fontsize=points(10),
                ha="right" if left else "left", va="center", color=color, annotation_clip=False,
            )  # fmt: skip
        for i, bar in enumerate(bars):
            ends = [tests.mean_ranks[bar[0]] - 0.06, tests.mean_ranks[bar[-1]] + 0.06]
            axes.plot(ends, [0.25 + 0.16 * i] * 2, color="0.15", linewidth=3.2, solid_capstyle="round")
        put_title(figure, title, ax)
        label_below(figure, _tested(scores, tests.p), 9, ax)
    return figure


def _tested(scores: Scores, p: float) -> str:
    friedman = f"Friedman p = {p:.1g}, then " if len(scores.methods) > 2 else ""
    return (
        f"mean rank over {counted(len(scores.tasks), 'task')}, 1 is best; "
        "bars tie methods among which no pair differs\n"
        f"({friedman}Wilcoxon signed-rank on medians over seeds with Holm, 5 %)"
    )


def _rank_axis(axes: Axes, n_methods: int) -> None:
    axes.xaxis.tick_top()
    axes.xaxis.set_major_locator(MultipleLocator(1 if n_methods <= 20 else 5))
    axes.spines["top"].set_position(("data", 0.0))
    axes.spines[["left", "right", "bottom"]].set_visible(False)
    axes.tick_params(axis="x", length=4, top=True, color="0.6")
    axes.set_yticks([])
    axes.grid(visible=False)


def heat_map(scores: Scores, title: str, ax: Axes | None = None, order: Sequence[str] = ()) -> Figure:
    """Draw each method's median as a multiple of the lowest median of the task; tasks are in the order of their names.

    Methods are in the given order, and else by mean rank.
    """
    medians = np.maximum(scores.medians, np.finfo(float).tiny)
    names = _task_names(scores)
    by_name = sorted(range(len(names)), key=lambda task: natural(names[task]))
    ratios = np.log10(medians / medians.min(axis=0))[:, by_name]
    by_rank = np.argsort(pd.DataFrame(medians).rank().mean(axis=1), kind="stable")
    places = sorted(by_rank, key=lambda index: place_in(order, scores.methods[index]))
    rows, columns = ratios.shape
    with styled(ax, font_size=9, axes_grid=False):
        figure, axes = _room(max(2.6 + 0.3 * min(columns, MOST_NAMES), 6.0), 1.9 + ROW * max(rows, 5), ax)
        image = axes.imshow(ratios[places], cmap="cividis_r", vmin=0.0, vmax=DECADES, aspect="auto")
        best_rows, best_columns = np.nonzero(ratios[places] == 0.0)
        axes.plot(best_columns, best_rows, "o", color="0.1", markersize=3.5)
        if columns <= MOST_NAMES and _has_names(axes, columns):
            axes.set_xticks(range(columns), [plain(names[task]) for task in by_name], rotation=90)
            axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
        else:
            axes.set_xticks([])
            axes.set_xlabel(f"{counted(columns, 'task')} by name")
        axes.set_yticks(range(rows), [readable(scores.methods[i]) for i in places])
        axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
        axes.grid(visible=True, which="minor", color="white", linewidth=1.2)
        axes.tick_params(which="both", length=0)
        axes.spines[:].set_visible(False)
        bar = figure.colorbar(image, ax=axes, pad=0.01, aspect=30, extend="max", ticks=range(int(DECADES) + 1))
        bar.ax.set_yticklabels([f"{10**decade:,}\N{MULTIPLICATION SIGN}" for decade in range(int(DECADES) + 1)])
        bar.set_label("error over the lowest\nof the task (dot)")
        bar.outline.set_visible(False)
        put_title(figure, title, ax)
    return figure


def _has_names(axes: Axes, columns: int) -> bool:
    """Return whether each column is as wide as the name below it is high."""
    inches = figure_of(axes).get_figwidth() - 2.0
    return inches * 72 / columns >= points(8)


def _task_names(scores: Scores) -> list[str]:
    """Names of tasks, with their suites if there are several."""
    several = len({suite for suite, _ in scores.tasks}) > 1
    return [f"{suite} {task}" if several else task for suite, task in scores.tasks]


def sum_against(table: pd.DataFrame, records: Records, title: str, ax: Axes | None = None) -> Figure:
    """The error of other aggregations over that of sum: a point per task and budget, the mean with its interval."""
    found = Result.of(records)
    styles = found.styles
    names = {(plain, aggregation): other for plain, other, aggregation in aggregation_pairs(found.frame)}
    others = [names[row.method, row.aggregation] for row in table.itertuples()]
    generator = np.random.default_rng(0)  # of the jitter
    with styled(ax):
        figure, axes = _rows([readable(other) for other in others], title, ax)
        axes.set_xscale("log")
        axes.axvline(1.0, color="0.3", linewidth=1.0)
        for place, (row, other) in enumerate(zip(table.itertuples(), others, strict=True)):
            held = [scores for scores in found.by_budget.values() if {row.method, other} <= set(scores.methods)]
            ratios = np.concatenate(
                [np.median(scores.of(other), axis=1) / np.median(scores.of(row.method), axis=1) for scores in held]
            )
            jitter = place + generator.uniform(-0.28, 0.28, len(ratios))
            color = styles[other]["color"]
            axes.plot(ratios, jitter, "o", color=color, alpha=0.25, markersize=3, markeredgewidth=0)
            axes.plot([row.ratio_low, row.ratio_high], [place, place], color="0.1", linewidth=3.0)
            axes.plot(row.ratio, place, "D", color=color, markeredgecolor="0.1", markersize=7)
        tick_decades(axes.xaxis, *axes.get_xlim())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}\N{MULTIPLICATION SIGN}"))
        label_below(
            figure,
            "error over the error with sum; above 1 sum is better\n"
            "points: one task at one budget; diamonds: geometric mean, with its 95 % interval over tasks and seeds",
            10,
            ax,
        )
    return figure


def _room(width: float, height: float, ax: Axes | None) -> tuple[Figure, Axes]:
    """Return the given axes or those of a new figure of rows."""
    if ax is not None:
        return figure_of(ax), ax
    figure = blank(width, height, is_rows=True)
    return figure, figure.subplots()


def _rows(labels: list[str], title: str, ax: Axes | None) -> tuple[Figure, Axes]:
    figure, axes = _room(8.0, 1.4 + ROW * max(len(labels), 3), ax)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    put_title(figure, title, ax)
    sns.despine(ax=axes, left=True)
    axes.tick_params(axis="y", length=0)
    return figure, axes
