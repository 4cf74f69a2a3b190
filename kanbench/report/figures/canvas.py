"""The place where a figure is drawn: a new figure of some width, or axes of the user; and the style that holds there.

The user's rcParams come first: the style of the house only fills what is at matplotlib's default.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FONT = 11.0  # points: the size of text that figures are laid out for
NARROW, NARROW_FONT = 5.0, 8.0  # inches: narrower figures have smaller text, and their legend below
FLATTEST = 0.55  # of its own height, the height of a figure that is made narrower
STYLE = {
    **sns.axes_style("whitegrid"),
    "font.size": FONT,
    "axes.titlesize": 12,
    "axes.edgecolor": "0.6",
    "grid.color": "0.9",
    "legend.frameon": False,
}
_WIDTH: ContextVar[float | None] = ContextVar("width", default=None)
_SCALE: ContextVar[float] = ContextVar("scale", default=1.0)


@contextmanager
def figures_of(width: float | None) -> Iterator[None]:
    """Make the figures of the block this many inches wide; None gives each its own width."""
    token = _WIDTH.set(width)
    try:
        yield
    finally:
        _WIDTH.reset(token)


@contextmanager
def styled(ax: Axes | None = None, **changes: Any) -> Iterator[None]:
    """Draw in the style of the house, as far as the user has none; on given axes in the user's alone.

    Args:
        ax: given axes.
        changes: rcParams of this figure with _ for the dots; sizes of text are scaled as all others are.
    """
    own = {key for key in STYLE if mpl.rcParams[key] != mpl.rcParamsDefault[key]}
    is_narrow = (_WIDTH.get() or NARROW) < NARROW
    font = mpl.rcParams["font.size"] if ax or "font.size" in own else NARROW_FONT if is_narrow else FONT
    scale = font / FONT
    style = STYLE | {key.replace("_", "."): value for key, value in changes.items()}
    style |= {key: style[key] * scale for key in ("font.size", "axes.titlesize")}
    token = _SCALE.set(scale)
    try:
        with mpl.rc_context({} if ax else {key: value for key, value in style.items() if key not in own}):
            yield
    finally:
        _SCALE.reset(token)


def points(size: float) -> float:
    """Convert a size of text, in points where text is of `FONT`, to the size of text that holds."""
    return size * _SCALE.get()


def columns_of(wanted: int, least: float) -> int:
    """Return how many of the wanted columns of panels, each at least so many inches wide, have room."""
    width = _WIDTH.get()
    return wanted if width is None else max(1, min(wanted, int(width / least)))


def blank(width: float, height: float, is_rows: bool = False) -> Figure:
    """Return an empty figure of its own size, or of the width that the user asks for.

    Args:
        width, height: inches.
        is_rows: it is a list of rows, whose height follows from their text.
    """
    asked = _WIDTH.get()
    if asked is None:
        return Figure(figsize=(width, height), layout="constrained")
    scale = _SCALE.get() if is_rows else max(asked / width, FLATTEST)
    return Figure(figsize=(asked, height * scale), layout="constrained")


def is_narrow(figure: Figure) -> bool:
    """Return whether a figure has no room for a legend beside its axes."""
    return figure.get_figwidth() < NARROW


def figure_of(ax: Axes) -> Figure:
    """Return the whole figure that axes are in."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # only of axes that were removed
    return figure
