"""Affine maps between the units of a user and those of a network."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """The map x -> scale * x + shift of each column; `scale` and `shift` are (n_columns,)."""

    scale: Array
    shift: Array

    @classmethod
    def to_domain(cls, x: Array, low: float, high: float) -> Self:
        """Return the map of the range of each column of x (n, n_columns) to [low, high]; a constant goes to the
        middle.
        """
        least, most = x.min(axis=0), x.max(axis=0)
        width = most / 2 - least / 2  # halves, since the difference of two huge numbers may not be finite
        scale = (high - low) / 2 / np.where(width > 0, width, 1.0)
        return cls(scale, (low + high) / 2 - scale * (least / 2 + most / 2))

    @classmethod
    def to_unit_variance(cls, y: Array) -> Self:
        """Return the map of each column of y (n, n_columns) to mean 0 and variance 1; a constant goes to 0."""
        spread = y.std(axis=0)
        scale = 1.0 / np.where(spread > 0, spread, 1.0)
        return cls(scale, -scale * y.mean(axis=0))

    def __call__(self, x: Array) -> Array:
        """Map values of the user: (n, n_columns) -> same shape."""
        return self.scale * x + self.shift

    def inverse(self, z: Array) -> Array:
        """Map values back: (n, n_columns) -> same shape."""
        return (z - self.shift) / self.scale

    @property
    def pairs(self) -> list[tuple[float, float]]:
        """A pair (scale, shift) for each column."""
        return list(zip(self.scale.tolist(), self.shift.tolist(), strict=True))
