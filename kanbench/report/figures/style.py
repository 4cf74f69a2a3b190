"""One style for all figures: colors, marks and dashes of methods, titles, legends, ticks; and how figures are saved."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from textwrap import fill, wrap
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    Locator,
    LogFormatterSciNotation,
    LogLocator,
    MaxNLocator,
    NullLocator,
)

from kanbench.analysis.kinds import MLP, families
from kanbench.report.figures.canvas import is_narrow, points
from kanbench.report.figures.colors import COLORS, colors_of

DASHES = {"": "-", "sum": "-", "mean": (0, (4, 1.5)), "sum_over_sqrt": (0, (1, 1.2))}
MARKERS = ("o", "s", "^", "D", "v", "P", "*", "X")
MLP_DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.2)), "-.", (0, (6, 1.2, 1, 1.2, 1, 1.2)))
REFERENCE_DASHES = ("-.", (0, (1, 1)), (0, (6, 1.5)))
Styles = dict[str, dict[str, Any]]
TITLE = 12  # points
OVER_TASKS = "(geometric mean over tasks)"
PARAMETERS = "trainable parameters"
FORMATS = ("png", "svg", "pdf")
DPI = 160  # of a PNG, unless the user's rcParams have another
LONGEST = 36  # letters of a method's name in one line


def method_styles(frame: pd.DataFrame) -> Styles:
    """Line styles by method: color by family, dashes by aggregation, greys for MLPs; markers tell the rest apart.

    References are thin lines without markers.
    """
    references = sorted(frame[frame.budget.isna()].method.unique())
    dashes = zip(references, cycle(REFERENCE_DASHES), strict=False)
    thin: Styles = {name: {"color": "0.45", "linestyle": dash, "linewidth": 1.2} for name, dash in dashes}
    frame = frame[frame.budget.notna()]
    facts = frame.assign(family=families(frame)).drop_duplicates("method").fillna({"aggregation": ""})
    facts = facts.assign(is_mlp=facts.family == MLP).sort_values(["is_mlp", "family", "method"])
    colors = colors_of(facts.family[~facts.is_mlp])
    greys = zip(np.linspace(0.2, 0.6, max(int(facts.is_mlp.sum()), 1)), cycle(MLP_DASHES), strict=False)
    # A family starts at a marker of its own and goes on from there: where there is one budget, no dashes are seen.
    places = list(COLORS.values())
    starts = {
        family: places.index(colors[family]) % len(MARKERS) if family in colors else -1 for family in facts.family
    }
    markers = {family: cycle(MARKERS[start:] + MARKERS[:start]) for family, start in starts.items()}
    styles: Styles = {}
    for row in facts.itertuples():
        grey, dash = next(greys) if row.is_mlp else (0.0, DASHES.get(row.aggregation, "-"))
        styles[row.method] = {
            "color": str(grey) if row.is_mlp else colors[row.family],
            "marker": next(markers[row.family]),
            "linestyle": dash,
            "linewidth": 2.0,
        }
    return styles | thin


def readable(method: str) -> str:
    """A method's name as figures show it: a legend of very long ones would leave no room for what it explains."""
    return plain(fill(method.replace("sum_over_sqrt", "sum/\N{SQUARE ROOT}n"), LONGEST))


def plain(text: str) -> str:
    """A text that people gave, as figures show it letter by letter: what is between $ is no formula of matplotlib."""
    return text.replace("$", r"\$")


def natural(name: str) -> list[str | int]:
    """The key by which names sort as people count: task 2 before task 10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def put_title(figure: Figure, title: str, ax: Axes | None = None) -> float:
    """The title at the top left, in as many lines as the width asks for; the height that it takes, in inches.

    On given axes it is their title.
    """
    size = points(TITLE)
    if ax is not None:
        ax.set_title(plain(title), loc="left", fontsize=size)
        return 0.0
    letters = int(figure.get_figwidth() * 72 / (0.6 * size))
    lines = [part for line in title.splitlines() for part in wrap(line, letters)]
    figure.suptitle(plain("\n".join(lines)), x=0.01, ha="left", fontsize=size)
    return len(lines) * 1.25 * size / 72


def label_below(figure: Figure, text: str, size: float = 11, ax: Axes | None = None) -> None:
    """Put a label below all panels, in lines that are no wider than the figure; on given axes below these."""
    if ax is not None:
        ax.set_xlabel(text)
        return
    letters = int(figure.get_figwidth() * 72 / (0.62 * points(size)))
    lines = [part for line in text.split("\n") for part in wrap(line, letters) or [""]]
    figure.supxlabel("\n".join(lines), fontsize=points(size))


def put_legend(figure: Figure, handles: Mapping[str, Any], under: float, heading: str, ax: Axes | None) -> None:
    """Put the legend on given axes, below a narrow figure, or at the right of others."""
    if ax is not None:
        ax.legend(list(handles.values()), [readable(method) for method in handles], title=heading.replace("\n", " "))
    elif is_narrow(figure):
        names = [readable(method) for method in handles]
        longest = max(map(len, names), default=1)
        columns = max(1, int(figure.get_figwidth() * 72 / (points(10) * (0.55 * longest + 4))))
        look = {"fontsize": points(10), "title_fontsize": points(9), "title": heading.replace("\n", " ")}
        figure.legend(list(handles.values()), names, loc="outside lower left", ncols=columns, handlelength=2.0, **look)
    else:
        legend_at_right(figure, handles, under, heading)


def legend_at_right(figure: Figure, handles: Mapping[str, Any], under: float, heading: str = "") -> None:
    """The legend of the whole figure, `under` inches from its top, where the title ends; axes keep to its left."""
    legend = figure.legend(
        list(handles.values()),
        [readable(method) for method in handles],
        loc="upper right",
        bbox_to_anchor=(1.0, 1.0 - under / figure.get_figheight()),
        fontsize=points(10),
        handlelength=3.5,
        title=heading,
        title_fontsize=points(9),
    )
    width = legend.get_window_extent().width / figure.bbox.width
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    engine.set(rect=(0.0, 0.0, 1.0 - width - 0.01, 1.0))


def explain_intervals(lows: pd.Series, how: str) -> str:
    """Return the legend's words about intervals, or nothing for a single seed, which has none."""
    return f"95 % bootstrap interval over seeds {how}" if lows.notna().any() else ""


def ordered_methods(summary: pd.DataFrame) -> list[str]:
    """Methods of a summary or a ranking, the lowest error at the largest budget first."""
    return [method for method, _ in in_order(summary)]


def in_order(summary: pd.DataFrame, order: Sequence[str] = ()) -> list[tuple[str, pd.DataFrame]]:
    """Return methods with their rows of a summary, in this order or the lowest error at the largest budget first."""
    lines = [(method, line.sort_values("budget")) for method, line in summary.dropna(subset="error").groupby("method")]
    lines.sort(key=lambda entry: entry[1].error.iloc[-1])
    return sorted(lines, key=lambda entry: place_in(order, entry[0]))


def place_in(order: Sequence[str], method: str) -> int:
    """Return the place of a method in a chosen order; methods that are not in it come after it."""
    return list(order).index(method) if method in order else len(order)


def tick_budgets(axes: Axes, budgets: Sequence[float]) -> None:
    """Tick the given sizes, of which none that would touch its neighbor and seven at most, in plain digits."""
    ticks = sorted({round(float(size)) for size in budgets})
    apart = max(1.25, (ticks[-1] / max(ticks[0], 1)) ** (1 / 6)) if ticks else 1.0
    kept: list[int] = []
    for tick in ticks:
        if not kept or tick >= apart * kept[-1]:
            kept.append(tick)
    axes.xaxis.set_major_locator(FixedLocator(kept))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def tick_decades(axis: Axis, low: float, high: float) -> None:
    """Tick powers of ten, or 1, 2 and 5 where the axis has less than two decades; nothing between.

    Where fewer than two of these are on the axis, round numbers at equal distances are ticked.
    """
    is_short = high < 100 * low
    locator: Locator = LogLocator(subs=(1.0, 2.0, 5.0) if is_short else (1.0,))
    if sum(low <= tick <= high for tick in locator.tick_values(low, high)) < 2:
        locator = MaxNLocator(4)
    axis.set_major_locator(locator)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}") if is_short else LogFormatterSciNotation())
    axis.set_minor_locator(NullLocator())


def save(figure: Figure, stem: Path, formats: Iterable[str] = FORMATS[:2]) -> Path:
    """Write a figure as `stem`.png, .svg and .pdf, or in those of these formats that are asked for.

    Returns:
        The path of the first.
    """
    dpi = mpl.rcParams["savefig.dpi"]
    paths = [stem.with_name(f"{stem.name}.{name}") for name in formats]
    with mpl.rc_context({"svg.hashsalt": "kanbench"}):  # the same picture is the same file
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # everything has found its place
        for path in paths:
            known = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
            figure.savefig(path, dpi=DPI if dpi == "figure" else dpi, metadata=known)
    return paths[0]
