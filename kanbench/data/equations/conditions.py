"""Conditions that single out one solution of an equation: Dirichlet, Neumann, any other residual, and periodic ones."""

import re
from dataclasses import dataclass

import numpy as np

from kanbench.data.equations.box import Box
from kanbench.data.equations.expression import Expression
from kanbench.data.formula import Array, FormulaError
from kanbench.errors import shown

INSIDE = "inside"
PLACE = re.compile(r"\s*(\w+)\s*=\s*(.+?)\s*")


@dataclass(frozen=True)
class Condition:
    """A residual that vanishes on a face, on an edge or at a point of the domain.

    where: "t=0", or "x=0, y=1" for fewer dimensions, or "inside" for observations in the whole domain.
    residual: "u-(sin(pi*x))" for u = sin(pi x).
    weight: the factor of its mean square in the loss.
    A periodic condition has the name of a variable as `where`; its residual, u or a derivative, is the same at both
    ends of the range of that variable.
    """

    where: str
    residual: str
    is_periodic: bool = False
    weight: float = 1.0

    def fixed(self, box: Box) -> dict[int, float]:
        """Return the values of the variables that it fixes, by the numbers of the variables.

        Raises `ValueError` for an unknown variable and for a place off the domain.
        """
        if self.is_periodic or self.where == INSIDE:
            return {}
        found: dict[int, float] = {}
        for part in self.where.split(","):
            match = PLACE.fullmatch(part)
            if not match:
                raise ValueError(
                    f"where must be as in 't=0', or 'boundary' for all faces, or 'inside', got {shown(self.where)}"
                )
            index, value = self._index(match[1], box), _number(match[2])
            low, high = box.lows[index], box.highs[index]
            if not low <= value <= high:
                raise ValueError(f"where {shown(self.where)} is off the domain: {match[1]} is in [{low:g}, {high:g}]")
            found[index] = value
        return found

    def across(self, box: Box) -> int | None:
        """Return the number of the variable whose ends a periodic condition joins. Raises `ValueError` as `fixed`."""
        return self._index(self.where, box) if self.is_periodic else None

    def free(self, box: Box) -> tuple[int, ...]:
        """Return the numbers of the variables that vary over its rows."""
        bound = {self.across(box), *self.fixed(box)}
        return tuple(index for index in range(box.dimension) if index not in bound)

    def is_at_end(self, box: Box, index: int) -> bool:
        """Return True if it holds at an end of the range of a variable, for all values of the others or of some."""
        ends = (box.lows[index], box.highs[index])
        return self.across(box) == index or self.fixed(box).get(index) in ends

    def draw(self, box: Box, generator: np.random.Generator, n: int) -> Array:
        """Return n uniform rows of it, one if no variable is free: (rows, D), or (rows, 2 D) of pairs, if periodic."""
        points = box.draw(generator, n if self.free(box) else 1)
        for index, value in self.fixed(box).items():
            points[:, index] = value
        if (across := self.across(box)) is None:
            return points
        first, second = points, points.copy()
        first[:, across], second[:, across] = box.lows[across], box.highs[across]
        return np.concatenate([first, second], axis=1)

    def _index(self, name: str, box: Box) -> int:
        if name not in box.names:
            known = ", ".join(box.names)
            raise ValueError(f"where {shown(self.where)}: unknown variable {shown(name)}; known: {known}")
        return box.names.index(name)


def _number(text: str) -> float:
    """Return the value of a formula without variables, such as 2*pi."""
    expression = Expression(text, ())
    if expression.orders:
        raise FormulaError(f"formula {shown(text)} must be a number")
    return float(expression({}))
