"""Affine maps between the units of a user and those of a network."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pairs = list[tuple[float, float]]  # (scale, shift) for each column

LEAST = 1e-300  # a column that varies by less is constant, since 1 / LEAST is finite


@dataclass(frozen=True)
class Scaling:
    """The map x -> (x - center) / spread of each column, (n_columns,); a constant column has the spread 0."""

    center: Array
    spread: Array

    @classmethod
    def to_domain(cls, x: Array, low: float, high: float) -> Self:
        """Return the map of the range of each column of x (n, n_columns) to [low, high]; a constant goes to the
        middle.
        """
        least, most = x.min(axis=0) / 2, x.max(axis=0) / 2  # halves, since the difference of huge numbers is infinite
        spread = _or_zero((most - least) / ((high - low) / 2))
        return cls(least + most - (low + high) / 2 * _or_one(spread), spread)

    @classmethod
    def to_unit_variance(cls, y: Array) -> Self:
        """Return the map of each column of y (n, n_columns) to mean 0 and variance 1; a constant goes to 0."""
        size = _or_one(np.abs(y).max(axis=0))  # the square of a huge number is infinite
        is_constant = (y == y[0]).all(axis=0)
        mean = np.where(is_constant, y[0], (y / size).mean(axis=0) * size)
        return cls(mean, np.where(is_constant, 0.0, _or_zero((y / size).std(axis=0) * size)))

    def __call__(self, x: Array) -> Array:
        """Map values of the user: (n, n_columns) -> same shape."""
        return (x - self.center) / _or_one(self.spread)

    def inverse(self, z: Array) -> Array:
        """Map values back: (n, n_columns) -> same shape. A constant column is what it was, whatever z is."""
        return z * self.spread + self.center

    @property
    def pairs(self) -> Pairs:
        """The map as scale * x + shift."""
        scale = 1.0 / _or_one(self.spread)
        return list(zip(scale.tolist(), (-self.center * scale).tolist(), strict=True))

    @property
    def inverse_pairs(self) -> Pairs:
        """The inverse map as scale * z + shift."""
        return list(zip(self.spread.tolist(), self.center.tolist(), strict=True))


def _or_zero(spread: Array) -> Array:
    return np.where(spread > LEAST, spread, 0.0)


def _or_one(spread: Array) -> Array:
    return np.where(spread > LEAST, spread, 1.0)
