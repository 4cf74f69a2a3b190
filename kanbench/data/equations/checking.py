"""A check that a function solves an equation, by finite differences of the function."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from kanbench.data.equations.box import Box
from kanbench.data.equations.expression import Expression
from kanbench.data.formula import Array

STEP = 1e-4  # of the differences, as a part of the range of a variable
MARGIN = 4  # steps: what the differences need beside a point
FIRST = np.array([1 / 280, -4 / 105, 1 / 5, -4 / 5, 0, 4 / 5, -1 / 5, 4 / 105, -1 / 280])
SECOND = np.array([-1 / 560, 8 / 315, -1 / 5, 8 / 5, -205 / 72, 8 / 5, -1 / 5, 8 / 315, -1 / 560])
NUDGE = 1e-6
TOLERANCE = 1e-3  # of a solution: the largest residual over the largest term
ROUNDING = 1e-14  # of differences, relative to u

Function = Callable[[Array], Array]  # points (n, D) -> (n,)


def derivatives_at(function: Function, points: Array, box: Box, indices: Sequence[tuple[int, ...]]) -> list[Array]:
    """Return derivatives of a function at points (n, D), by central differences of the eighth order.

    Args:
        function: It is evaluated up to four steps around the points.
        points: Where the derivatives are wanted.
        box: Its ranges give the steps.
        indices: The variables by which the function is differentiated, none, one or two of them.
    """
    steps = STEP * (box.highs - box.lows)
    offsets = np.arange(-MARGIN, MARGIN + 1)

    def along(direction: Array, weights: Array) -> Array:
        around = points[:, None, :] + offsets[:, None] * direction
        return function(around.reshape(-1, box.dimension)).reshape(len(points), -1) @ weights

    def second(*by: int) -> Array:
        direction = np.zeros(box.dimension)
        direction[list(by)] = steps[list(by)]
        return along(direction, SECOND)

    found = []
    for by in indices:
        if not by:
            found.append(function(points))
        elif len(by) == 1:
            found.append(along(steps * (np.arange(box.dimension) == by[0]), FIRST) / steps[by[0]])
        elif by[0] == by[1]:
            found.append(second(by[0]) / steps[by[0]] ** 2)
        else:
            mixed = second(*by) - second(by[0]) - second(by[1])
            found.append(mixed / 2.0 / steps[by[0]] / steps[by[1]])
    return found


def values_and_terms(
    function: Function, points: Array, box: Box, residual: Expression, coefficients: Mapping[str, float]
) -> tuple[Array, Array]:
    """Return the residual of a function at points (n, D), and the largest of its terms there, (n,) each.

    A term is what u or one of its derivatives contributes to first order, or what is left without them, or so much that
    the rounding of the differences is within the tolerance. Points at which any of them is not finite, such as those
    where the function ends, are left out.
    """
    known = box.values(points) | dict(coefficients)

    def at(jet: dict[str, Array]) -> Array:
        return np.broadcast_to(residual(known | jet), (len(points),))

    def rounding(by: tuple[int, ...]) -> float:
        steps = STEP * (box.highs - box.lows)[list(by)]
        return float(ROUNDING * np.abs(function(points)).max(initial=0.0) / steps.prod())

    with np.errstate(all="ignore"):
        jet = dict(zip(residual.orders, derivatives_at(function, points, box, residual.indices), strict=True))
        values, free = at(jet), at({name: np.zeros_like(value) for name, value in jet.items()})
        nudged = [(at(jet | {name: value * (1 + NUDGE)}) - values) / NUDGE for name, value in jet.items()]
        unsure = dict(zip(residual.orders, map(rounding, residual.indices), strict=True))
        noise = [(at(jet | {name: value + unsure[name]}) - values) / TOLERANCE for name, value in jet.items()]
    terms = np.abs([free, *nudged, *noise]).max(axis=0)
    finite = np.isfinite(values) & np.isfinite(terms)
    return values[finite], terms[finite]
