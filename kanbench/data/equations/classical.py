"""Classical solvers that stand beside networks: finite differences and spectral collocation."""

from collections.abc import Mapping

import numpy as np

from kanbench.data.equations.collocation import Grid, NoSolver, axis_of
from kanbench.data.equations.equation import Equation
from kanbench.data.equations.linearized import is_linear
from kanbench.data.equations.lines import Lines, time_of
from kanbench.data.formula import Array


def solve(
    equation: Equation, unknowns: int, points: Array, coefficients: Mapping[str, float], is_spectral: bool
) -> tuple[Array, int]:
    """Solve an equation on a grid with as many unknowns as a network has parameters.

    A linear equation is one linear system on a grid in all variables, also in time. A nonlinear one that marches in
    time is solved by the method of lines, whose unknowns are the values at one time. Any other takes Newton's method.

    Args:
        equation: The equation with its conditions.
        unknowns: The most values at nodes that the solver may have, those that conditions give among them.
        points: The points (n, D) where u is wanted.
        coefficients: The values of its coefficients.
        is_spectral: True for Chebyshev points, or Fourier modes along a periodic axis; False for finite differences of
            the second order with cubic interpolation.

    Returns:
        u at the points, and the number of unknowns.

    Raises:
        NoSolver: The equation is not of a kind that is solved here, or an axis would have less than five nodes.
    """
    time = time_of(equation)
    if time is not None and not is_linear(equation.interior, equation.box, coefficients):
        _check_march(equation, time, coefficients)
        order = equation.interior.order_in(time)
        axis = axis_of(equation, 1 - time, unknowns // order, is_spectral)
        return _march(Lines(equation, axis, time, coefficients), points), order * len(axis.nodes)
    n = int(round(unknowns ** (1.0 / equation.box.dimension), 9))
    axes = tuple(axis_of(equation, index, n, is_spectral) for index in range(equation.box.dimension))
    grid = Grid(equation, axes, coefficients)
    return grid.interpolate(grid.solve(), points), len(grid.points)


def _check_march(equation: Equation, time: int, coefficients: Mapping[str, float]) -> None:
    """Raise `NoSolver` for an equation that gives no rate of change, and for conditions that are not linear."""
    fastest = max(equation.interior.orders, key=lambda name: name.count(equation.box.names[time]))
    if not is_linear(equation.interior, equation.box, coefficients, by=fastest):
        raise NoSolver(f"the equation must be linear in {fastest}")
    if not all(is_linear(condition, equation.box, coefficients) for condition in equation.of_conditions):
        raise NoSolver("conditions must be linear in u and its derivatives")


def _march(lines: Lines, points: Array) -> Array:
    times, at_time = np.unique(points[:, lines.time], return_inverse=True)
    places, at_place = np.unique(points[:, lines.space], return_inverse=True)
    return (lines.solve(times) @ lines.axis.interpolation(places).T)[at_time, at_place]
