"""Pictures of solutions of equations: u, what it should be, and the difference."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from kanbench.report.figures.canvas import blank, styled

Array = NDArray[np.float64]
LEAST = 1e-6  # of the largest error: smaller ones have the color of this one


def draw_solution(title: str, variables: tuple[str, ...], points: Array, u: Array, reference: Array) -> Figure:
    """Draw u, the reference and the absolute error over one variable, or over two as maps.

    Args:
        title: The title of the figure.
        variables: The names of the variables.
        points: The points of a grid, (n, D), the last variable running fastest.
        u: The solution that was found, (n,).
        reference: The solution as it should be, (n,).

    Raises:
        ValueError: There are more than two variables.
    """
    if len(variables) > 2:
        raise ValueError(f"a picture shows one variable or two, and there are {len(variables)}: {', '.join(variables)}")
    with styled():
        figure = blank(10.0, 3.2)
        figure.suptitle(title, x=0.01, ha="left", fontsize="large")
        if len(variables) == 1:
            _lines(figure, variables[0], points[:, 0], u, reference)
        else:
            _maps(figure, variables, points, u, reference)
    return figure


def _lines(figure: Figure, name: str, x: Array, u: Array, reference: Array) -> None:
    left, right = figure.subplots(1, 2)
    left.plot(x, reference, color="0.6", linewidth=3.0, label="reference")
    left.plot(x, u, linewidth=1.2, label="u")
    left.set(xlabel=name, ylabel="u")
    left.legend()
    right.semilogy(x, np.maximum(np.abs(u - reference), np.finfo(float).tiny), linewidth=1.0)
    right.set(xlabel=name, ylabel="absolute error")


def _maps(figure: Figure, variables: tuple[str, ...], points: Array, u: Array, reference: Array) -> None:
    axes_of = [np.unique(points[:, index]) for index in range(2)]
    shape = tuple(len(each) for each in axes_of)
    first, second, third = figure.subplots(1, 3, sharey=True)
    limit = float(np.abs(reference).max())
    for axes, name, values in ((first, "u", u), (second, "reference", reference)):
        _map(axes, name, axes_of, values.reshape(shape), cmap="RdBu_r", vmin=-limit, vmax=limit)
    error = np.abs(u - reference).reshape(shape)
    largest = max(float(error.max()), np.finfo(float).tiny)
    _map(third, "absolute error", axes_of, np.maximum(error, LEAST * largest), norm=LogNorm(LEAST * largest, largest))
    first.set_ylabel(variables[0])
    for axes in (first, second, third):
        axes.set_xlabel(variables[1])


def _map(axes: Axes, title: str, axes_of: list[Array], values: Array, **colors: object) -> None:
    """Draw values over the second variable, across, and the first one, upward."""
    mesh = axes.pcolormesh(axes_of[1], axes_of[0], values, shading="nearest", rasterized=True, **colors)  # type: ignore[arg-type]
    axes.set_title(title)
    axes.grid(False)
    figure = axes.get_figure()
    assert figure is not None
    figure.colorbar(mesh, ax=axes)
