"""The domain of an equation: the product of the ranges of its variables."""

from dataclasses import dataclass

import numpy as np

from kanbench.data.formula import Array
from kanbench.data.formula_task import Variable


@dataclass(frozen=True)
class Box:
    """The product of the ranges of some variables, in their own units."""

    variables: tuple[Variable, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(variable.name for variable in self.variables)

    @property
    def dimension(self) -> int:
        return len(self.variables)

    @property
    def lows(self) -> Array:
        return np.array([variable.low for variable in self.variables], dtype=np.float64)

    @property
    def highs(self) -> Array:
        return np.array([variable.high for variable in self.variables], dtype=np.float64)

    def values(self, points: Array) -> dict[str, Array]:
        """Return the columns of points (n, D) by the names of the variables."""
        return {name: points[:, index] for index, name in enumerate(self.names)}

    def unit(self, points: Array) -> Array:
        """Return points (n, D) on the cube [-1, 1]^D, as networks take them."""
        return 2.0 * (points - self.lows) / (self.highs - self.lows) - 1.0

    def draw(self, generator: np.random.Generator, n: int) -> Array:
        """Return points that are uniform in the box, (n, D)."""
        return generator.uniform(self.lows, self.highs, size=(n, self.dimension))

    def grid(self, n: int) -> Array:
        """Return the points of a grid with at least n cells, its edges among them, (points, D)."""
        return product(
            [np.linspace(low, high, self.per_axis(n)) for low, high in zip(self.lows, self.highs, strict=True)]
        )

    def per_axis(self, n: int) -> int:
        """Return the number of points along each axis of a grid with at least n cells: 101 in 2D for 10,000."""
        return max(1, int(np.ceil(round(n ** (1.0 / self.dimension), 9)))) + 1


def product(axes: list[Array]) -> Array:
    """Return the points of the grid of some axes, the last one running fastest: (points, D)."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
