"""References: simple predictors for comparison. They have no width and so no budget.

Targets are numbers (n,), or one-hot classes (n, n_classes); for classes the outputs are logits.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from kanbench.errors import require
from kanbench.methods.base import Method
from kanbench.methods.budget import Sizing
from kanbench.methods.solver import Solver

Array = NDArray[np.float64]

EQUATION = "equation"
RIDGES = tuple(10.0**power for power in range(-12, 3))
MOST_TERMS = 10_000
ROWS_AT_ONCE = 1_000  # limits the memory of the monomials


class TooManyTerms(ValueError):
    """A polynomial of so many inputs is no longer a simple predictor; the message gives its number of terms."""


@dataclass(frozen=True)
class Fitted:
    """A predictor (n, n_in) -> (n,) or (n, n_classes), and its ridge weight chosen on validation."""

    predict: Callable[[Array], Array]
    ridge: float = 0.0


@dataclass(frozen=True)
class Reference(Method):
    """A predictor that is fitted in one step; at most a ridge weight is chosen, on validation."""

    is_trained: ClassVar[bool] = False

    label: str

    @property
    def family(self) -> str:
        return "reference"

    def columns(self) -> dict[str, Any]:
        return {"depth": 0}

    def size(self, n_in: int, budget: int = 0, n_out: int = 1) -> Sizing:
        return Sizing(0, (), self.count(n_in, n_out), 0.0)

    @abstractmethod
    def count(self, n_in: int, n_out: int = 1) -> int:
        """Return the number of parameters."""

    @abstractmethod
    def flops(self, n_in: int, n_out: int = 1) -> int:
        """Return the FLOPs per row of the product with the weights."""

    @abstractmethod
    def fit(self, x: Array, y: Array, x_validation: Array, y_validation: Array) -> Fitted:
        """Fit to inputs x (n, n_in) and targets y; choose the ridge weight on the validation data."""


@dataclass(frozen=True)
class Polynomial(Reference):
    """A polynomial in the inputs up to `degree`, fitted by ridge regression.

    Minimizes the mean squared error plus ridge * |weights|^2, where the constant term is not penalized. Validation
    chooses among `ridges`. Ridge 0 is plain least squares, with the minimum-norm solution.
    """

    degree: int
    ridges: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        require(self.degree >= 0, "degree", "must not be negative", self.degree)
        require(len(self.ridges) > 0, "ridges", "must hold at least one weight", self.ridges)

    def count(self, n_in: int, n_out: int = 1) -> int:
        """Return the number of monomials of `n_in` inputs, including the constant."""
        return n_out * math.comb(n_in + self.degree, self.degree)

    def flops(self, n_in: int, n_out: int = 1) -> int:
        return 2 * n_out * (self.count(n_in) - 1)

    def monomials(self, x: Array) -> Array:
        """Evaluate all monomials but the constant: (n, n_in) -> (n, count - 1)."""
        n, n_in = x.shape
        chosen = (c for k in range(1, self.degree + 1) for c in combinations_with_replacement(range(n_in), k))
        columns = [x[:, list(inputs)].prod(axis=1) for inputs in chosen]
        return np.stack(columns, axis=1) if columns else np.empty((n, 0))

    def fit(self, x: Array, y: Array, x_validation: Array, y_validation: Array) -> Fitted:
        """Fit by a singular value decomposition. Raises `TooManyTerms` if there are over 10,000 monomials."""
        if self.count(x.shape[1]) > MOST_TERMS:
            raise TooManyTerms(
                f"{self.label} of {x.shape[1]} inputs has {self.count(x.shape[1]):,} terms; at most {MOST_TERMS:,}"
            )
        features = self.monomials(x)
        centre, level = features.mean(axis=0), y.mean(axis=0)
        left, sizes, right = np.linalg.svd(features - centre, full_matrices=False)
        along = left.T @ (y - level)

        scale = y.var(axis=0) if y.ndim == 2 else 1.0  # outputs count the same, whatever their units

        def predictor(ridge: float) -> Callable[[Array], Array]:
            weights = (_inverse(sizes, ridge * len(y), len(y)) * along.T) @ right

            def predict(at: Array) -> Array:
                parts = np.array_split(at, -(-len(at) // ROWS_AT_ONCE))
                return np.concatenate([level + (self.monomials(part) - centre) @ weights.T for part in parts])

            return predict

        def error(ridge: float) -> float:
            squares = np.square(predictor(ridge)(x_validation) - y_validation)
            return float((squares / scale).mean())

        best = self.ridges[0] if len(self.ridges) == 1 else min(self.ridges, key=error)
        return Fitted(predictor(best), best)


def _inverse(sizes: Array, penalty: float, n: int) -> Array:
    """Map singular values s to s / (s^2 + penalty), and to 0 those that are only rounding."""
    cut = max(n, len(sizes)) * np.finfo(float).eps * sizes.max(initial=0.0)
    large = sizes > cut
    return np.where(large, sizes, 0.0) / np.where(large, sizes**2 + penalty, 1.0)


@dataclass(frozen=True)
class ClassPrior(Reference):
    """The frequency of each class as its probability, with one added to every count, so that none is 0 (Laplace)."""

    def count(self, n_in: int, n_out: int = 1) -> int:
        return n_out

    def flops(self, n_in: int, n_out: int = 1) -> int:
        return 0

    def fit(self, x: Array, y: Array, x_validation: Array, y_validation: Array) -> Fitted:
        counts = y.sum(axis=0) + 1.0
        logits = np.log(counts / counts.sum())
        return Fitted(lambda at: np.tile(logits, (len(at), 1)))


@dataclass(frozen=True)
class Logistic(Reference):
    """Multinomial logistic regression: linear logits that minimize the mean cross-entropy plus ridge * |weights|^2.

    Validation chooses among `ridges` by its cross-entropy; biases are not penalized. The minimum is unique up to a
    constant in the biases. L-BFGS finds it, from the strongest penalty to the weakest.
    """

    ridges: tuple[float, ...]

    def count(self, n_in: int, n_out: int = 1) -> int:
        return (n_in + 1) * n_out

    def flops(self, n_in: int, n_out: int = 1) -> int:
        return 2 * n_in * n_out

    def fit(self, x: Array, y: Array, x_validation: Array, y_validation: Array) -> Fitted:
        weights, path = np.zeros((x.shape[1] + 1, y.shape[1])), {}
        for ridge in sorted(self.ridges, reverse=True):
            path[ridge] = weights = _logistic(x, y, ridge, weights)
        best = min(path, key=lambda ridge: _cross_entropy(_affine(x_validation, path[ridge]), y_validation)[0])
        return Fitted(partial(_affine, weights=path[best]), best)


def _affine(x: Array, weights: Array) -> Array:
    """Return the logits; the last row of the weights is the bias."""
    return x @ weights[:-1] + weights[-1]


def _cross_entropy(logits: Array, y: Array) -> tuple[float, Array]:
    """Return the mean cross-entropy over rows, and its derivative by the logits."""
    log_p = logits - logsumexp(logits, axis=1, keepdims=True)
    return -float((y * log_p).sum()) / len(y), (np.exp(log_p) - y) / len(y)


def _logistic(x: Array, y: Array, ridge: float, start: Array) -> Array:
    """Return the weights (n_in + 1, n_classes) that minimize the penalized cross-entropy."""

    def loss(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(start.shape)
        value, by_logits = _cross_entropy(_affine(x, weights), y)
        gradient = np.vstack([x.T @ by_logits + 2.0 * ridge * weights[:-1], by_logits.sum(axis=0)])
        return value + ridge * float(np.square(weights[:-1]).sum()), gradient.ravel()

    options = {"maxiter": 10_000, "maxfun": 20_000, "gtol": 1e-7, "ftol": 0.0}
    return minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options=options).x.reshape(start.shape)


REFERENCES: dict[str, tuple[Reference, ...]] = {  # a kind of task may add its own list
    "regression": (Polynomial("constant", 0), Polynomial("linear", 1), Polynomial("cubic ridge", 3, RIDGES)),
    "classification": (
        ClassPrior("class prior"),
        Logistic("logistic", tuple(10.0**power for power in range(-6, 1))),
    ),
}


def references_of(kind: str, budgets: Sequence[int], unknowns: Sequence[int] = ()) -> tuple[Method, ...]:
    """Return the references that a kind of grading names: fitted ones, or classical solvers for every budget.

    Args:
        kind: One of `REFERENCES`, or "equation".
        budgets: The numbers of parameters of a run, which are those of the unknowns of solvers.
        unknowns: Further numbers of unknowns, which show what solvers reach in the seconds of a training.
    """
    if kind == EQUATION:
        sizes = dict.fromkeys((*budgets, *unknowns))
        return tuple(Solver(size, is_spectral) for size in sizes for is_spectral in (False, True))
    return REFERENCES[kind]
