"""Functions as piecewise polynomials."""

import numpy as np
import pytest

from kanbench.page.pieces import DEGREE, fit_pieces, plain_pieces


def evaluate(terms, x):
    """By numpy, of pieces as the page has them."""
    values = np.zeros((len(terms), len(x)))
    for row, pieces in zip(values, terms, strict=True):
        for low, high, series in pieces:
            inside = (x >= low) & (x <= high)
            row[inside] = np.polynomial.Chebyshev(series or [0.0], [low, high])(x[inside])
    return values


def test_polynomials_are_one_piece():
    def family(x):
        return np.stack([x**k for k in range(1, DEGREE + 1)], axis=1)

    pieces = fit_pieces(family, [-1.0, 1.0])
    assert [piece.term for piece in pieces] == list(range(DEGREE))
    x = np.linspace(-1.0, 1.0, 50)
    assert evaluate(plain_pieces(pieces), x) == pytest.approx(family(x).T, abs=1e-10)


@pytest.mark.parametrize("kink", [0.1, -1 / 3])
def test_kinks_are_lost_in_tiny_pieces_and_only_where_they_are(kink):
    def family(x):
        return np.stack([np.abs(x - kink), np.maximum(x - kink, 0.0) ** 2, np.exp(-30 * x**2), np.sin(x)], axis=1)

    pieces = fit_pieces(family, [-1.5, -1.0, 1.0, 1.5])
    x = np.linspace(-1.5, 1.5, 20_001)
    assert np.abs(evaluate(plain_pieces(pieces), x) - family(x).T).max() < 3e-8
    counts = np.bincount([piece.term for piece in pieces])
    assert counts[3] < 10
    assert counts.max() < 80
    assert max(piece.error for piece in pieces) < 3e-8
