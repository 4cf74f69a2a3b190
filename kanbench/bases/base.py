"""The interface that every basis implements."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from kanbench.bases.derivatives import by_autograd
from kanbench.errors import require, require_finite


@dataclass(frozen=True)
class Basis(ABC):
    """A family of univariate functions on the domain [low, high].

    The fields of a basis are its hyperparameters, and `expand` is its mathematics. A basis holds no parameters: the
    coefficients live in the layer, so one formula counts parameters for every basis. If the functions themselves can be
    learned, they have `n_inner` inner parameters for each feature. The layer holds these, and `expand_with` takes them;
    see `LearnableBasis`.

    Every basis returns finite values and gradients for any finite input, also off the domain.

    `grows_by` names the field that can grow while every function of the family is kept; it is empty if there is none. A
    basis with movable knots takes them in `expand_on`, and the layer holds them.

    `sized_by` names the field that a search of shapes sets, and `sizes` are its values: three that are tried, and spare
    ones that replace those whose networks miss a budget. A basis without them is searched by the gain of its start.

    Args:
        low, high: the ends of the domain, in units of the input.

    Raises:
        ValueError: for a field out of its range; the message names the field, the rule and the value.

    Example:
        >>> import torch
        >>> from kanbench.bases import Chebyshev
        >>> Chebyshev(degree=4).expand(torch.zeros(10, 2)).shape
        torch.Size([10, 2, 4])
    """

    grows_by = ""
    sized_by = ""
    sizes = tuple[int, ...]()

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        """Raise `ValueError` for a field that is not finite, or if high does not exceed low by enough to tell them
        apart.
        """
        require_finite(self)
        require(self.high > self.low, "high", f"must be greater than low = {self.low}", self.high)
        least = max(1e-12, 1e-6 * max(abs(self.low), abs(self.high)))  # single precision tells these apart
        require(
            self.high - self.low >= least, "high", f"must exceed low = {self.low} by {least:.1g} at least", self.high
        )

    @property
    @abstractmethod
    def n_terms(self) -> int:
        """Number of functions in the family."""

    @abstractmethod
    def expand(self, x: Tensor) -> Tensor:
        """Evaluate every function at every point: (..., d) -> (..., d, n_terms), in the dtype of `x`."""

    @property
    def smoothness(self) -> float:
        """Number of derivatives that exist and are continuous; infinite unless a basis says otherwise."""
        return math.inf

    def derivatives(self, z: Tensor, order: int) -> list[Tensor]:
        """Return the functions and their derivatives, all in unit coordinates: (..., n) -> each (..., n_terms, n).

        Args:
            z: points in unit coordinates, those of `to_unit`.
            order: the highest derivative; above `smoothness` it is that of the pieces.
        """
        return by_autograd(lambda z: self.expand(self.from_unit(z)).mT, z, order)

    @property
    def n_inner(self) -> int:
        """Number of inner parameters for each feature; 0 if the functions are fixed."""
        return 0

    def expand_with(self, x: Tensor, inner: Tensor) -> Tensor:
        """Evaluate every function with inner parameters for each feature.

        (..., d), (..., d, n_inner) -> (..., d, n_terms). Leading axes broadcast, so every point can have parameters of
        its own. With zeros the result equals that of `expand`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no inner parameters")

    def expand_on(self, x: Tensor, knots: Tensor) -> Tensor:
        """Evaluate every function on knots for each feature: (..., d), (d, n_knots) -> (..., d, n_terms)."""
        raise NotImplementedError(f"{type(self).__name__} has no knots")

    def positions_in(self, larger: Self) -> list[int]:
        """Return the positions of this family's functions in a larger family that was grown from it."""
        return list(range(self.n_terms))

    def to_unit(self, x: Tensor) -> Tensor:
        """Map [low, high] affinely to [-1, 1], elementwise and without clamping."""
        if (self.low, self.high) == (-1.0, 1.0):
            return x
        half_width = (self.high - self.low) / 2
        return (x - self.low) / half_width - 1.0

    def from_unit(self, z: Tensor) -> Tensor:
        """Map [-1, 1] affinely to [low, high], the inverse of `to_unit`."""
        if (self.low, self.high) == (-1.0, 1.0):
            return z
        return self.low + (z + 1.0) * ((self.high - self.low) / 2)
