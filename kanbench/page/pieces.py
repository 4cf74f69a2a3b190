"""Functions as piecewise polynomials, which the page can evaluate without knowing the basis."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

DEGREE, CLOSE_ENOUGH, MOST_HALVINGS = 16, 1e-11, 24
DIGITS = 12  # after the decimal point
NODES = np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))
CHECKS = np.linspace(-1.0, 1.0, 4 * DEGREE + 1)
TO_COEFFICIENTS = np.linalg.inv(chebyshev.chebvander(NODES, DEGREE))
AT_CHECKS = chebyshev.chebvander(CHECKS, DEGREE)

Array = np.ndarray
Family = Callable[[Array], Array]  # points (n,) -> values (n, n_terms)


@dataclass(frozen=True)
class Piece:
    """Function number `term` on [low, high], as a Chebyshev series on [-1, 1], with the largest error found."""

    term: int
    low: float
    high: float
    coefficients: Array
    error: float


def fit_pieces(family: Family, ends: list[float]) -> list[Piece]:
    """Fit every function of a family on the intervals between `ends`, which are halved until the series are accurate.

    Smooth functions need few pieces; near a kink the pieces are halved until it lies in a tiny one. Pieces are sorted
    by function and position.
    """
    terms = np.arange(family(np.array(ends[:1])).shape[1])
    found = [piece for low, high in pairwise(ends) for piece in _on(family, low, high, terms, MOST_HALVINGS)]
    return sorted(found, key=lambda piece: (piece.term, piece.low))


def _on(family: Family, low: float, high: float, terms: Array, halvings: int) -> Iterator[Piece]:
    middle, half = (low + high) / 2, (high - low) / 2
    values = family(middle + half * np.concatenate([NODES, CHECKS]))[:, terms]
    coefficients = TO_COEFFICIENTS @ values[: DEGREE + 1]
    errors = np.abs(AT_CHECKS @ coefficients - values[DEGREE + 1 :]).max(axis=0)
    done = (errors <= CLOSE_ENOUGH) | (halvings == 0)
    for k in np.flatnonzero(done):
        yield Piece(int(terms[k]), low, high, coefficients[:, k], float(errors[k]))
    if not done.all():
        yield from _on(family, low, middle, terms[~done], halvings - 1)
        yield from _on(family, middle, high, terms[~done], halvings - 1)


def plain_pieces(pieces: list[Piece]) -> list[list[list[Any]]]:
    """Group the pieces by function, each as [low, high, coefficients] without trailing zeros."""
    terms: list[list[list[Any]]] = [[] for _ in range(pieces[-1].term + 1)]
    for piece in pieces:
        series = np.trim_zeros(np.round(piece.coefficients, DIGITS), "b").tolist()
        terms[piece.term].append([piece.low, piece.high, series])
    return terms
