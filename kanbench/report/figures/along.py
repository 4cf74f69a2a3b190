"""Loss along training rows, noise or extrapolation."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kanbench.analysis.axes import AXIS_NAMES
from kanbench.analysis.scores import Records
from kanbench.report.figures.costs import line
from kanbench.report.figures.panels import Look, draw_families
from kanbench.report.figures.style import OVER_TASKS, tick_decades
from kanbench.report.result import Result


def loss_along(
    table: pd.DataFrame, records: Records, axis: str, title: str, mark: str | None, ax: Axes | None = None
) -> Figure:
    """The picture of `along` at one budget. A zero stands a third of a decade left of the least value above it."""
    of = Result.of(records)
    values = np.sort(table[axis].unique()).astype(float)
    zero = values[values > 0].min() / 10 ** (1 / 3) if (values > 0).any() else 1.0
    placed = table.assign(**{axis: table[axis].astype(float).where(table[axis] > 0, zero)})
    lines = {str(method): line(part.sort_values(axis), axis) for method, part in placed.groupby("method")}
    look = Look(title, AXIS_NAMES[axis], f"{of.measure}\n{OVER_TASKS}")
    figure = draw_families(lines, of, look, mark=mark, ax=ax)
    for axes in [ax] if ax else figure.axes:
        axes.set_xticks([value if value > 0 else zero for value in values], [f"{value:,g}" for value in values])
        axes.minorticks_off()
        tick_decades(axes.yaxis, *axes.get_ylim())
    return figure
