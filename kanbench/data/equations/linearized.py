"""The linear map that a residual is near given values of u and its derivatives."""

from collections.abc import Mapping

import numpy as np

from kanbench.data.equations.box import Box
from kanbench.data.equations.expression import Expression
from kanbench.data.formula import Array

STEP = 6e-6  # of the central differences: the third root of the rounding of a number


def residual_at(
    expression: Expression, points: Array, box: Box, jet: Mapping[str, Array], coefficients: Mapping[str, float]
) -> Array:
    """Return the residual at points (n, D) for values of u and its derivatives there, (n,) each."""
    known = box.values(points) | dict(coefficients) | {name: jet[name] for name in expression.orders}
    return np.broadcast_to(np.asarray(expression(known), dtype=np.float64), (len(points),))


def partials(
    expression: Expression, points: Array, box: Box, jet: Mapping[str, Array], coefficients: Mapping[str, float]
) -> dict[str, Array]:
    """Return the derivative of the residual by u and by each of its derivatives: central differences, (n,) each."""
    found = {}
    for name in expression.orders:
        step = STEP * np.maximum(1.0, np.abs(jet[name]))
        above, below = (
            residual_at(expression, points, box, {**jet, name: jet[name] + sign * step}, coefficients)
            for sign in (1.0, -1.0)
        )
        found[name] = (above - below) / (2.0 * step)
    return found


def is_linear(expression: Expression, box: Box, coefficients: Mapping[str, float], by: str | None = None) -> bool:
    """Return True if a residual is linear in u and its derivatives: its derivatives are the same at random values.

    With `by` it must be linear in that derivative alone: the others have the same random values both times.
    """
    generator = np.random.default_rng(0)
    points = box.draw(generator, 20)
    jets = [{name: scale * generator.standard_normal(20) for name in expression.orders} for scale in (1.0, 3.0)]
    if by is not None:
        jets[1] = jets[0] | {by: jets[1][by]}
    first, second = (partials(expression, points, box, jet, coefficients) for jet in jets)
    names = expression.orders if by is None else (by,)
    return all(np.allclose(first[name], second[name], rtol=1e-6, atol=1e-9) for name in names)
