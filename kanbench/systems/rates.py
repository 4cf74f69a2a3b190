"""Convergence rates: exponents fitted to errors, the exponents of a theorem, and their figure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter
from rich.table import Table
from scipy import stats

from kanbench.report.figures.canvas import STYLE
from kanbench.systems.findings import columns


class Exponent(NamedTuple):
    """The slope of log error against log G, and the half-width of its 95 % interval."""

    value: float
    half_width: float


@dataclass(frozen=True)
class Rate:
    """Errors of one target by splines of one degree, found in one way; errors[m] holds that in C^m for every grid."""

    target: str
    way: str
    degree: int
    grids: tuple[int, ...]
    errors: list[list[float]]

    @property
    def expected(self) -> list[int]:
        """The exponents of the theorem: -(k + 1 - m) for m = 0 .. k."""
        return [m - self.degree - 1 for m in range(len(self.errors))]

    @property
    def exponents(self) -> list[Exponent]:
        """The fitted exponents, one for every m."""
        return [exponent(self.grids, errors) for errors in self.errors]

    @property
    def misses(self) -> list[float]:
        """The distance of each exponent from the theorem's."""
        return [abs(found.value - expected) for found, expected in zip(self.exponents, self.expected, strict=True)]

    def numbers(self) -> dict[str, Any]:
        """The rate as plain data."""
        return asdict(self) | {"expected": self.expected, "exponents": [e._asdict() for e in self.exponents]}


def exponent(grids: Sequence[int], errors: Sequence[float]) -> Exponent:
    """Fit an exponent by least squares in logarithms, with an interval by Student's t.

    Deviations from the line are curvature rather than noise, so the interval tells how straight the line is.
    """
    fit = stats.linregress(np.log(grids), np.log(errors))
    return Exponent(float(fit.slope), float(fit.stderr * stats.t.ppf(0.975, len(grids) - 2)))


def rates_table(rates: Sequence[Rate]) -> Table:
    """Return a table of exponents with their intervals; each target and way is named once."""
    most = max(rate.degree for rate in rates)
    table = columns("target", "k", *(f"m = {m}" for m in range(most + 1)), right=most + 1)
    before = ""
    for rate in rates:
        cells = [f"{found.value:.2f}±{found.half_width:.2f}" for found in rate.exponents]
        name = f"{rate.target}{rate.way and ', '}{rate.way}"
        table.add_row(name if name != before else "", f"{rate.degree}", *cells)
        before = name
    return table


def draw_rates(rows: Sequence[Sequence[Rate]], random: Sequence[float]) -> Figure:
    """Draw a row for each target and way and a column for each degree; `random` joins the last panel."""
    with mpl.rc_context(STYLE | {"font.size": 9, "axes.titlesize": 10}):
        figure = Figure(figsize=(0.8 + 3.0 * len(rows[0]), 0.6 + 2.5 * len(rows)), layout="constrained")
        panels = figure.subplots(len(rows), len(rows[0]), sharex=True, squeeze=False)
        for row, panel_row in zip(rows, panels, strict=True):
            for rate, axes in zip(row, panel_row, strict=True):
                _panel(axes, rate)
                axes.set_title(f"{rate.target}, degree {rate.degree}", loc="left")
            panel_row[0].set_ylabel(f"{row[0].way}\nerror" if row[0].way else "error")
        last = panels[-1, -1]
        last.set_ylim(bottom=min(rows[-1][-1].errors[0]) ** 2 / max(rows[-1][-1].errors[0]))  # room for the legend
        last.plot(rows[-1][-1].grids, random, "x--", color="0.4", label="m = 0, random starts")
        last.legend(fontsize=7, frameon=True)
        figure.supxlabel("intervals G", fontsize=11)
        figure.suptitle("Errors in $C^m$, and the exponents fitted to them", x=0.01, ha="left", fontsize=12)
    return figure


def _panel(axes: Axes, rate: Rate) -> None:
    grids = np.asarray(rate.grids, dtype=float)
    for m, (errors, fit) in enumerate(zip(rate.errors, rate.exponents, strict=True)):
        color = sns.color_palette("colorblind")[m]
        middle = np.exp(np.mean(np.log(errors)) + fit.value * (np.log(grids) - np.log(grids).mean()))
        axes.plot(grids, errors, "o", color=color, markersize=4)
        axes.plot(grids, middle, color=color, linewidth=1.2, label=f"m = {m}: {fit.value:.2f}")
    axes.set(xscale="log", yscale="log")
    axes.xaxis.set_major_locator(FixedLocator(rate.grids))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.legend(fontsize=7)
