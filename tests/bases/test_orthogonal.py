"""Orthogonal polynomials and Bernstein's against SciPy, and their inner products against quadrature."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from scipy.interpolate import BPoly
from scipy.special import eval_gegenbauer, eval_hermitenorm, eval_jacobi, eval_legendre

from kanbench.bases import Bernstein, Chebyshev, Fourier, Gegenbauer, Hermite, Jacobi, Legendre, Taylor

X = np.concatenate([np.random.default_rng(0).uniform(-1.0, 1.0, 60), [-1.0, 0.0, 1.0]])
OFF = np.array([-1e3, -1.5, -1.0000001, 1.0000001, 2.0, 1e3])
DEGREES = pytest.mark.parametrize("degree", [1, 2, 3, 8, 15])

ORACLES = {
    Legendre(): eval_legendre,
    Jacobi(): lambda n, x: eval_jacobi(n, 1.0, 1.0, x),
    Jacobi(alpha=0.0, beta=0.0): eval_legendre,
    Jacobi(alpha=-0.5, beta=-0.5): lambda n, x: eval_jacobi(n, -0.5, -0.5, x),
    Jacobi(alpha=2.5, beta=-0.3): lambda n, x: eval_jacobi(n, 2.5, -0.3, x),
    Gegenbauer(): special.eval_chebyu,
    Gegenbauer(order=0.3): lambda n, x: eval_gegenbauer(n, 0.3, x),
    Gegenbauer(order=3.0): lambda n, x: eval_gegenbauer(n, 3.0, x),
    Hermite(): lambda n, x: eval_hermitenorm(n, 3.0 * x) / np.sqrt(special.factorial(n)),
    Hermite(reach=0.7): lambda n, x: eval_hermitenorm(n, 0.7 * x) / np.sqrt(special.factorial(n)),
}
FAMILIES = pytest.mark.parametrize("family", ORACLES, ids=str)


def expand(basis, x):
    return basis.expand(torch.tensor(x)).numpy()


def slopes(basis, at):
    """Derivatives by autograd: (n,) -> (n, n_terms)."""
    x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    columns = basis.expand(x).unbind(-1)
    return torch.stack([torch.autograd.grad(c.sum(), x, retain_graph=True)[0] for c in columns], dim=-1).numpy()


@FAMILIES
@DEGREES
@pytest.mark.parametrize("constant", [False, True])
def test_equals_scipy(family, degree, constant):
    orders = np.arange(0 if constant else 1, degree + 1)
    expected = ORACLES[family](orders, X[:, np.newaxis])
    ours = expand(replace(family, degree=degree, constant=constant), X)
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())


@FAMILIES
def test_is_clamped_off_the_domain_where_slopes_are_zero(family):
    np.testing.assert_array_equal(expand(family, OFF), expand(family, np.sign(OFF)))
    np.testing.assert_array_equal(slopes(family, OFF), 0.0)


def test_slopes_at_the_ends_in_closed_form():
    n = np.arange(1, 9)
    np.testing.assert_allclose(slopes(Legendre(degree=8), [1.0])[0], n * (n + 1) / 2)
    np.testing.assert_allclose(slopes(Gegenbauer(degree=8), [1.0])[0], n * (n + 1) * (n + 2) / 3)
    np.testing.assert_allclose(slopes(Jacobi(degree=8), [1.0])[0], (n + 3) / 2 * n * (n + 1) / 2)


def test_slopes_of_hermite_are_the_family_itself():
    family = Hermite(degree=8)
    below = np.concatenate([np.ones((len(X), 1)), expand(family, X)[:, :-1]], axis=1)
    np.testing.assert_allclose(slopes(family, X), 3.0 * np.sqrt(np.arange(1, 9)) * below, atol=1e-12)


@pytest.mark.parametrize(
    ("family", "rule"),
    [
        (Legendre(constant=True), lambda n: special.roots_legendre(n)),
        (Jacobi(constant=True, alpha=1.5, beta=0.5), lambda n: special.roots_jacobi(n, 1.5, 0.5)),
        (Gegenbauer(constant=True, order=0.7), lambda n: special.roots_gegenbauer(n, 0.7)),
    ],
    ids=["legendre", "jacobi", "gegenbauer"],
)
def test_is_orthogonal_by_its_weight(family, rule):
    points, weights = rule(20)
    values = expand(family, points)
    gram = values.T @ (weights[:, np.newaxis] * values)
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-12)


def test_hermite_is_orthonormal_by_the_normal_distribution():
    points, weights = special.roots_hermitenorm(12)  # within six standard deviations
    values = expand(Hermite(degree=8, constant=True, reach=6.0), points / 6.0)
    gram = values.T @ (weights[:, np.newaxis] * values) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(gram, np.eye(9), atol=1e-12)


@DEGREES
def test_bernstein_equals_scipy(degree):
    columns = [BPoly(np.eye(degree + 1)[:, k : k + 1], [-1.0, 1.0])(X) for k in range(degree + 1)]
    np.testing.assert_allclose(expand(Bernstein(degree=degree), X), np.stack(columns, axis=-1), atol=1e-13)


@settings(max_examples=30, deadline=None)
@given(degree=st.integers(1, 12), x=st.floats(-3.0, 3.0))
def test_bernstein_sums_to_one_everywhere(degree, x):
    values = expand(Bernstein(degree=degree), [x])
    assert values.min() >= 0.0
    assert values.sum() == pytest.approx(1.0)


def test_families_of_one_degree_span_the_same_functions():
    families = [Taylor(degree=8, constant=True), Chebyshev(degree=8, constant=True), Bernstein(degree=8)]
    families += [replace(each, degree=8, constant=True) for each in ORACLES]
    assert [family.n_terms for family in families] == [9] * len(families)
    values = [expand(family, X) for family in families]
    for each in values:
        target = each @ np.ones(9)
        for other in values:
            fit = other @ np.linalg.lstsq(other, target, rcond=None)[0]
            np.testing.assert_allclose(fit, target, atol=1e-8 * np.abs(target).max())
    fourier = expand(Fourier(), X)
    assert np.linalg.lstsq(fourier, values[0] @ np.ones(9), rcond=None)[1][0] > 1e-4
