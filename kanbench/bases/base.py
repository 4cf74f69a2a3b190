"""The contract that every basis keeps."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from kanbench.errors import require, require_finite


@dataclass(frozen=True)
class Basis(ABC):
    """A family of univariate functions on the domain [low, high].

    The fields of a basis are its hyperparameters; `expand` is its mathematics. A basis holds no parameters: the
    coefficients live in the layer, so one formula counts parameters for every basis. Functions that can be learned
    themselves have `n_inner` inner parameters for each feature, which the layer holds as well and which
    `expand_with` takes; see `LearnableBasis`.

    Every basis returns finite values and gradients for any finite input, off the domain included.

    `grows_by` names the field that can grow with every function of the family kept, or nothing. A basis whose
    functions have knots that can move takes them in `expand_on`; the layer holds them.
    """

    grows_by = ""

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        """Raises `ValueError` that names the field, the rule and the value."""
        require_finite(self)
        require(self.high > self.low, "high", f"must be greater than low = {self.low}", self.high)
        least = max(1e-12, 1e-6 * max(abs(self.low), abs(self.high)))  # which single precision tells apart
        require(
            self.high - self.low >= least, "high", f"must exceed low = {self.low} by {least:.1g} at least", self.high
        )

    @property
    @abstractmethod
    def n_terms(self) -> int:
        """Number of functions in the family."""

    @abstractmethod
    def expand(self, x: Tensor) -> Tensor:
        """Every function at every point: (..., d) -> (..., d, n_terms), in the dtype of `x`."""

    @property
    def n_inner(self) -> int:
        """Number of inner parameters of a feature; 0: the functions are fixed."""
        return 0

    def expand_with(self, x: Tensor, inner: Tensor) -> Tensor:
        """`expand` with inner parameters of each feature's own: (..., d), (..., d, n_inner) -> (..., d, n_terms).

        Leading axes broadcast, so that every point can have parameters of its own too. At zero it equals `expand`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no inner parameters")

    def expand_on(self, x: Tensor, knots: Tensor) -> Tensor:
        """`expand` on knots of each feature's own: (..., d), (d, n_knots) -> (..., d, n_terms)."""
        raise NotImplementedError(f"{type(self).__name__} has no knots")

    def positions_in(self, larger: Self) -> list[int]:
        """Where the functions of this family stand in a larger one, grown from it."""
        return list(range(self.n_terms))

    def to_unit(self, x: Tensor) -> Tensor:
        """The affine map that takes [low, high] to [-1, 1], elementwise and without clamping."""
        if (self.low, self.high) == (-1.0, 1.0):
            return x
        half_width = (self.high - self.low) / 2
        return (x - self.low) / half_width - 1.0

    def from_unit(self, z: Tensor) -> Tensor:
        """The inverse of `to_unit`."""
        if (self.low, self.high) == (-1.0, 1.0):
            return z
        return self.low + (z + 1.0) * ((self.high - self.low) / 2)
