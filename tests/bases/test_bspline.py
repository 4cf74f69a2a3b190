"""B-splines against SciPy's, and against their textbook identities."""

import numpy as np
import pytest
import torch
from scipy import interpolate

from kanbench.bases import BSpline
from kanbench.bases.bspline import local_polynomials

DEGREES = pytest.mark.parametrize("degree", range(1, 6))
INTERVALS = pytest.mark.parametrize("intervals", [1, 2, 5, 11])
LOW, HIGH = -0.4, 1.7


def spline(degree, intervals):
    return BSpline(low=LOW, high=HIGH, degree=degree, intervals=intervals)


def knots(basis):
    """The uniform knots of the domain, extended by `degree` steps on each side."""
    step = (basis.high - basis.low) / basis.intervals
    return basis.low + step * np.arange(-basis.degree, basis.intervals + basis.degree + 1)


def scipy_elements(t, degree, x):
    """Every B-spline of the degree on the knots t, zero off its support: (n,) -> (n, len(t) - degree - 1)."""
    elements = [
        interpolate.BSpline.basis_element(t[i : i + degree + 2], extrapolate=False) for i in range(len(t) - degree - 1)
    ]
    return np.nan_to_num(np.stack([element(x) for element in elements], axis=-1))


def points(low, high, n=101, seed=0):
    return np.random.default_rng(seed).uniform(low, high, n)


def expand(basis, x):
    return basis.expand(torch.tensor(x)).numpy()


def derivative(basis, x):
    x = torch.tensor(x, requires_grad=True)
    columns = basis.expand(x).unbind(-1)
    return torch.stack([torch.autograd.grad(c.sum(), x, retain_graph=True)[0] for c in columns], dim=-1).numpy()


@DEGREES
@INTERVALS
def test_equals_the_design_matrix_of_scipy_inside_the_domain(degree, intervals):
    basis = spline(degree, intervals)
    x = points(LOW, HIGH)
    matrix = interpolate.BSpline.design_matrix(x, knots(basis), degree).toarray()
    np.testing.assert_allclose(expand(basis, x), matrix, atol=1e-12)


@DEGREES
@INTERVALS
def test_equals_the_basis_elements_of_scipy_everywhere(degree, intervals):
    basis = spline(degree, intervals)
    reach = (degree + 1) * (HIGH - LOW) / intervals
    x = points(LOW - reach, HIGH + reach, n=301)
    np.testing.assert_allclose(expand(basis, x), scipy_elements(knots(basis), degree, x), atol=1e-12)


@DEGREES
@INTERVALS
def test_sums_to_one_on_the_closed_domain(degree, intervals):
    x = np.concatenate([[-1.0, 1.0], points(-1.0, 1.0)])
    total = expand(BSpline(degree=degree, intervals=intervals), x).sum(-1)
    np.testing.assert_allclose(total, 1.0, atol=1e-12)


@DEGREES
def test_vanishes_beyond_degree_knot_steps_off_the_domain(degree):
    basis = spline(degree, 5)
    reach = degree * (HIGH - LOW) / 5
    off = reach + np.array([1e-9, 0.1, 10.0, 1e6])
    np.testing.assert_array_less(np.abs(expand(basis, np.concatenate([LOW - off, HIGH + off]))), 1e-8)


@pytest.mark.parametrize("degree", range(1, 6))
def test_reaches_degree_knot_steps_off_the_domain(degree):
    basis = spline(degree, 5)
    inside = (degree - 0.5) * (HIGH - LOW) / 5
    first, last = expand(basis, np.array([LOW - inside, HIGH + inside]))
    assert first[0] > 0
    assert last[-1] > 0
    assert np.count_nonzero(first) == np.count_nonzero(last) == 1


@pytest.mark.parametrize("degree", range(1, 6))
@INTERVALS
def test_derivative_is_a_difference_of_splines_of_one_degree_less(degree, intervals):
    basis = spline(degree, intervals)
    reach = (degree + 1) * (HIGH - LOW) / intervals
    x, t, n = points(LOW - reach, HIGH + reach, n=301), knots(basis), basis.n_terms
    lower = scipy_elements(t, degree - 1, x)
    rising = lower[:, :n] / (t[degree : degree + n] - t[:n])
    falling = lower[:, 1 : n + 1] / (t[degree + 1 : degree + n + 1] - t[1 : n + 1])
    np.testing.assert_allclose(derivative(basis, x), degree * (rising - falling), atol=1e-10)


@DEGREES
def test_at_most_degree_plus_one_functions_are_not_zero(degree):
    basis = spline(degree, 7)
    assert (np.count_nonzero(expand(basis, points(LOW, HIGH)), axis=-1) == degree + 1).all()


def test_the_three_quadratic_pieces_by_hand():
    # (1 - t)^2 / 2, (1 + 2 t - 2 t^2) / 2, t^2 / 2: ascending powers in rows, pieces in columns
    assert local_polynomials(2) == [[0.5, 0.5, 0.0], [-1.0, 1.0, 0.0], [0.5, -1.0, 0.5]]


def test_the_cubic_at_a_knot_by_hand():
    values = expand(BSpline(degree=3, intervals=2), np.array([0.0]))[0]
    np.testing.assert_allclose(values, [0.0, 1 / 6, 4 / 6, 1 / 6, 0.0], atol=1e-15)
