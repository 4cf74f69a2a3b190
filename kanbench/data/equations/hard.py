"""Hard constraints: a form of the solution that keeps conditions exactly, whatever the network is."""

from dataclasses import dataclass

import numpy as np

from kanbench.data.equations.box import Box
from kanbench.data.equations.conditions import INSIDE, Condition
from kanbench.data.equations.expression import UNKNOWN, Expression
from kanbench.errors import shown

TRIED = 50  # points
CLOSE = 1e-9


@dataclass(frozen=True)
class HardForm:
    """The form u = boundary + factor * network, two formulas over the variables.

    The factor vanishes where conditions give u, and the boundary has the values of u there.
    """

    boundary: str
    factor: str

    def keeps(self, condition: Condition, expression: Expression, box: Box) -> bool:
        """Return True if every function of this form keeps a condition; it must be one for u at a place."""
        if condition.is_periodic or condition.where == INSIDE or expression.orders != (UNKNOWN,):
            return False
        points = condition.draw(box, np.random.default_rng(0), TRIED)
        boundary, factor = (self._at(text, points, box) for text in (self.boundary, self.factor))
        left = np.broadcast_to(expression(box.values(points) | {UNKNOWN: boundary}), len(points))
        size = max(1.0, float(np.abs(boundary).max()))
        return bool((np.abs(factor) < CLOSE).all() and (np.abs(left) < CLOSE * size).all())

    def require_free(self, box: Box) -> None:
        """Raise `ValueError` if u is the boundary alone, or not a number, at random points within the domain."""
        points = box.draw(np.random.default_rng(0), TRIED)
        factor = self._at(self.factor, points, box)
        fixed = int((~np.isfinite(factor) | (factor == 0.0)).sum())
        if fixed:
            rule = "must be finite and not zero within the domain, or no network could change u there"
            raise ValueError(f"hard: the factor {shown(self.factor)} {rule}; at {fixed} of {TRIED} points it is not")

    def expressions(self, box: Box) -> tuple[Expression, Expression]:
        """Return the boundary and the factor. Raises `FormulaError` for what is no formula over the variables."""
        return Expression(self.boundary, box.names), Expression(self.factor, box.names)

    def _at(self, text: str, points: np.ndarray, box: Box) -> np.ndarray:
        return np.broadcast_to(np.asarray(Expression(text, box.names)(box.values(points)), dtype=float), len(points))
