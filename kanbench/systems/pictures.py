"""Figures that several systems draw, in the common style."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kanbench.report.figures.canvas import STYLE

Lines = Mapping[str, Sequence[float]]


def learning_curves(title: str, *panels: tuple[str, Lines]) -> Figure:
    """Draw panels side by side, each a quantity of every epoch from 0 on, on a log axis."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.2 + 4.4 * len(panels), 3.8), layout="constrained")
        for axes, (quantity, lines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            draw_lines(axes, lines)
            axes.set(xlabel="epoch", ylabel=quantity, yscale="log")
        figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def draw_lines(axes: Axes, lines: Lines) -> None:
    """Draw each line against its index; several lines get a legend."""
    for (label, line), color in zip(lines.items(), sns.color_palette("colorblind"), strict=False):
        axes.plot(line, label=label, color=color, linewidth=1.6)
    if len(lines) > 1:
        axes.legend(fontsize=10)
