"""Pictures of solutions of equations: u as it should be, u that every method found, and the error. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from kanbench.report.figures.canvas import blank, points, styled
from kanbench.report.figures.style import plain, put_title
from kanbench.report.typeset import error as brief

Array = NDArray[np.float64]
TIME = "t"  # the variable that is drawn across, whatever its place
SOLUTION = "solution_"  # begins the names of these figures, which the name of the task ends
DRAWN = 2  # variables that a picture can show
ROW, WIDTH = 2.1, 9.0  # inches
LONGEST = 46  # letters of a line above a map
VALUES, ERRORS = "cividis", "RdBu_r"  # color maps that the color-blind can read


@dataclass(frozen=True)
class Found:
    """The u that the best member of a method found: (n,), with its relative L2 error, parameters and coefficients."""

    method: str
    u: Array
    error: float
    params: int
    seed: int
    coefficients: Mapping[str, float]

    @property
    def said(self) -> str:
        """The method with its parameters and what it found beside u."""
        others = [f"{name} = {value:.4g}" for name, value in self.coefficients.items()]
        return ", ".join([self.method, f"{self.params:,} parameters", *others])


@dataclass(frozen=True)
class Pictured:
    """An equation with what methods found for it, at the points of a grid (n, D), the last variable running fastest.

    said: the equation and its conditions, one to a line.   reference: u as it should be, (n,).
    """

    suite: str
    task: str
    said: tuple[str, ...]
    variables: tuple[str, ...]
    points: Array
    reference: Array
    found: tuple[Found, ...]

    @property
    def axes(self) -> list[Array]:
        """The values of each variable."""
        return [np.unique(self.points[:, index]) for index in range(len(self.variables))]


def draw_solutions(pictured: Pictured, styles: Mapping[str, dict[str, Any]] | None = None) -> Figure:
    """Draw u of every method and its error, over one variable as lines, or over two as maps with the reference on top.

    Args:
        pictured: The equation and its solutions.
        styles: The line styles of methods; lines have colors of their own without.

    Raises:
        ValueError: There are more than two variables.
    """
    names = pictured.variables
    if len(names) > DRAWN:
        raise ValueError(f"a picture shows one variable or two, and there are {len(names)}: {', '.join(names)}")
    with styled():
        return _lines(pictured, styles or {}) if len(names) == 1 else _maps(pictured)


def _lines(pictured: Pictured, styles: Mapping[str, dict[str, Any]]) -> Figure:
    figure = blank(WIDTH, 4.2)
    put_title(figure, f"{pictured.task}: {pictured.said[0]}")
    (x,), (left, right) = pictured.axes, figure.subplots(1, 2)
    (known,) = left.plot(x, pictured.reference, color="0.75", linewidth=5.0)
    handles = {"reference": known}
    for found in pictured.found:
        style = {"linewidth": 1.5} | {
            name: value for name, value in styles.get(found.method, {}).items() if name in ("color", "linestyle")
        }
        (line,) = left.plot(x, found.u, **style)
        error = np.abs(found.u - pictured.reference)
        right.semilogy(x, np.maximum(error, np.finfo(float).tiny), **(style | {"color": line.get_color()}))
        handles[f"{found.said}: error {brief(found.error, 2)}"] = line
    left.set(xlabel=pictured.variables[0], ylabel="u")
    right.set(xlabel=pictured.variables[0], ylabel="absolute error of u")
    _see_errors(right, pictured)
    names = [plain(name) for name in handles]
    figure.legend(list(handles.values()), names, loc="outside lower left", fontsize=points(10), ncols=1)
    return figure


def _see_errors(axes: Axes, pictured: Pictured) -> None:
    """Let the axis begin a little below the median of the smallest errors: at a crossing an error falls to nothing."""
    sizes = [np.abs(each.u - pictured.reference) for each in pictured.found]
    medians = [float(np.median(each[each > 0])) for each in sizes if (each > 0).any()]
    if medians:
        axes.set_ylim(min(medians) / 300, 3 * max(float(each.max()) for each in sizes))


def _maps(pictured: Pictured) -> Figure:
    """Draw a row of maps for every method below the reference: u in the same colors, each error in its own."""
    figure = blank(WIDTH, 0.4 + ROW * (1 + len(pictured.found)))
    put_title(figure, pictured.task)
    grid = figure.subplots(1 + len(pictured.found), 2, sharex=True, sharey=True, squeeze=False)
    low, high = float(pictured.reference.min()), float(pictured.reference.max())
    high = high if high > low else low + 1.0
    image = _map(grid[0, 0], "u, reference", pictured, pictured.reference, low, high)
    _write(grid[0, 1], pictured.said)
    for (left, right), found in zip(grid[1:], pictured.found, strict=True):
        _map(left, f"u, {plain(fill(found.said, LONGEST))}", pictured, found.u, low, high)
        error = found.u - pictured.reference
        largest = max(float(np.abs(error).max()), np.finfo(float).tiny)
        title = f"u - reference, relative L2 error {brief(found.error, 2)}"
        bar = figure.colorbar(_map(right, title, pictured, error, -largest, largest, ERRORS), ax=right, aspect=14)
        bar.formatter.set_powerlimits((-3, 4))  # type: ignore[attr-defined]
        bar.update_ticks()
    beyond = _extend(np.concatenate([found.u for found in pictured.found]), low, high)
    figure.colorbar(image, ax=list(grid[:, 0]), extend=beyond, aspect=14 * len(grid), label="u")
    _name_axes(grid, pictured.variables)
    return figure


def _write(axes: Axes, lines: tuple[str, ...]) -> None:
    """Write lines in the place of a map."""
    axes.set_axis_off()
    text = plain("\n".join(lines))
    axes.text(0.0, 0.95, text, transform=axes.transAxes, va="top", fontsize=points(10), linespacing=1.6)


def _name_axes(grid: NDArray[Any], variables: tuple[str, ...]) -> None:
    across, upward = _order(variables)
    for axes in grid[:, 0]:
        axes.set_ylabel(variables[upward])
    for axes in grid[-1]:
        axes.set_xlabel(variables[across])


def _order(variables: tuple[str, ...]) -> tuple[int, int]:
    """Return which variable is drawn across and which upward: time across, or else the first one."""
    return (1, 0) if variables[1] == TIME else (0, 1)


def _map(
    axes: Axes, title: str, pictured: Pictured, values: Array, low: float, high: float, colors: str = VALUES
) -> AxesImage:
    across, upward = _order(pictured.variables)
    both = pictured.axes
    square = values.reshape(len(both[0]), len(both[1]))
    image = axes.imshow(
        square if (upward, across) == (0, 1) else square.T,
        extent=(*_edges(both[across]), *_edges(both[upward])),
        cmap=colors, vmin=low, vmax=high, origin="lower", aspect="auto", interpolation="bilinear",
    )  # fmt: skip
    axes.set(xlim=both[across][[0, -1]], ylim=both[upward][[0, -1]])
    axes.set_title(title, loc="left", fontsize=points(10))
    axes.grid(False)
    return image


def _edges(axis: Array) -> tuple[float, float]:
    """Return where the first and the last pixel of an axis end, whose middles are its first and last value."""
    half = (axis[-1] - axis[0]) / (2 * max(len(axis) - 1, 1))
    return float(axis[0] - half), float(axis[-1] + half)


def _extend(values: Array, low: float, high: float) -> str:
    """Return at which ends of a color bar values lie beyond it by more than a hundredth of its range."""
    slack = 0.01 * (high - low)
    below, above = float(values.min()) < low - slack, float(values.max()) > high + slack
    return {(True, True): "both", (True, False): "min", (False, True): "max"}.get((below, above), "neither")
