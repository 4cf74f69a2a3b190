"""References: predictors in closed form, beside which every method can be read. They have no width, so no budget."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from kanbench.bases.base import require

Array = NDArray[np.float64]

RIDGES = tuple(10.0**power for power in range(-12, 3))
MOST_TERMS = 10_000
ROWS_AT_ONCE = 1_000  # of monomials, which are many


class TooManyTerms(ValueError):
    """A polynomial of so many inputs is no simple predictor any more; the message says how large it is."""


@dataclass(frozen=True)
class Fitted:
    """A predictor (n, n_in) -> (n,), and the ridge weight that validation chose for it."""

    predict: Callable[[Array], Array]
    ridge: float


@dataclass(frozen=True)
class Reference:
    """All monomials of the inputs up to `degree`, by least squares with the penalty ridge * |weights|^2.

    What is minimised is the mean squared error plus the penalty, which the constant term is free of. Validation
    chooses among `ridges`; nothing else is chosen. Ridge 0 is plain least squares, the shortest solution of many.
    """

    label: str
    degree: int
    ridges: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        require(self.degree >= 0, "degree", "must not be negative", self.degree)
        require(len(self.ridges) > 0, "ridges", "must hold at least one weight", self.ridges)

    def count(self, n_in: int) -> int:
        """Monomials of `n_in` inputs, the constant among them."""
        return math.comb(n_in + self.degree, self.degree)

    def flops(self, n_in: int) -> int:
        """Of the product with the weights, per row."""
        return 2 * (self.count(n_in) - 1)

    def monomials(self, x: Array) -> Array:
        """All but the constant: (n, n_in) -> (n, count - 1)."""
        n, n_in = x.shape
        chosen = (c for k in range(1, self.degree + 1) for c in combinations_with_replacement(range(n_in), k))
        columns = [x[:, list(inputs)].prod(axis=1) for inputs in chosen]
        return np.stack(columns, axis=1) if columns else np.empty((n, 0))

    def fit(self, x: Array, y: Array, x_validation: Array, y_validation: Array) -> Fitted:
        """Weights for x (n, n_in), y (n,), the ridge chosen on the other two.

        Raises `TooManyTerms` if there are over 10,000 monomials.
        """
        if self.count(x.shape[1]) > MOST_TERMS:
            raise TooManyTerms(
                f"{self.label} of {x.shape[1]} inputs has {self.count(x.shape[1]):,} terms; at most {MOST_TERMS:,}"
            )
        features = self.monomials(x)
        centre, level = features.mean(axis=0), y.mean()
        left, sizes, right = np.linalg.svd(features - centre, full_matrices=False)
        along = left.T @ (y - level)

        def predictor(ridge: float) -> Callable[[Array], Array]:
            weights = (_inverse(sizes, ridge * len(y), len(y)) * along) @ right

            def predict(at: Array) -> Array:
                parts = np.array_split(at, -(-len(at) // ROWS_AT_ONCE))
                return np.concatenate([level + (self.monomials(part) - centre) @ weights for part in parts])

            return predict

        def error(ridge: float) -> float:
            return float(np.square(predictor(ridge)(x_validation) - y_validation).mean())

        best = self.ridges[0] if len(self.ridges) == 1 else min(self.ridges, key=error)
        return Fitted(predictor(best), best)


def _inverse(sizes: Array, penalty: float, n: int) -> Array:
    """Singular values s -> s / (s^2 + penalty), and 0 for those that rounding alone has made."""
    cut = max(n, len(sizes)) * np.finfo(float).eps * sizes.max(initial=0.0)
    large = sizes > cut
    return np.where(large, sizes, 0.0) / np.where(large, sizes**2 + penalty, 1.0)


REFERENCES = (Reference("constant", 0), Reference("linear", 1), Reference("cubic ridge", 3, RIDGES))
