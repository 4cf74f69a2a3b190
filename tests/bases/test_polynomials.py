"""Chebyshev and Taylor polynomials against NumPy, and at the ends of the domain."""

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev

from kanbench.bases import Chebyshev, Taylor

X = np.concatenate([np.random.default_rng(0).uniform(-1.0, 1.0, 60), [-1.0, 0.0, 1.0]])
OFF = np.array([-1e3, -1.5, -1.0000001, 1.0000001, 2.0, 1e3])
DEGREES = pytest.mark.parametrize("degree", [1, 2, 3, 8, 15])
CONSTANT = pytest.mark.parametrize("constant", [False, True])


def expand(basis, x):
    return basis.expand(torch.tensor(x)).numpy()


def gradients(basis, at, dtype=torch.float64):
    x = torch.tensor(at, dtype=dtype, requires_grad=True)
    columns = basis.expand(x).unbind(-1)
    return torch.stack([torch.autograd.grad(c, x, retain_graph=True)[0] for c in columns]).double().numpy()


def chebyshev_matrix(x, degree, constant):
    return chebyshev.chebvander(x, degree)[..., 0 if constant else 1 :]


def taylor_matrix(x, degree, constant):
    return np.power.outer(x, np.arange(0 if constant else 1, degree + 1))


FAMILIES = pytest.mark.parametrize(
    ("family", "matrix"), [(Chebyshev, chebyshev_matrix), (Taylor, taylor_matrix)], ids=["chebyshev", "taylor"]
)


@FAMILIES
@DEGREES
@CONSTANT
def test_equals_numpy(family, matrix, degree, constant):
    basis = family(degree=degree, constant=constant)
    np.testing.assert_allclose(expand(basis, X), matrix(X, degree, constant), atol=1e-13)


@FAMILIES
@CONSTANT
def test_is_clamped_off_the_domain(family, matrix, constant):
    basis = family(degree=6, constant=constant)
    np.testing.assert_array_equal(expand(basis, OFF), expand(basis, np.sign(OFF)))
    np.testing.assert_allclose(expand(basis, OFF), matrix(np.sign(OFF), 6, constant), atol=1e-13)


@FAMILIES
def test_another_domain_is_scaled_to_the_unit_one(family, matrix):
    basis = family(low=2.0, high=6.0, degree=5)
    np.testing.assert_allclose(expand(basis, 4.0 + 2.0 * X), matrix(X, 5, False), atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_chebyshev_slope_at_the_ends_is_n_squared(dtype):
    n = np.arange(1, 13)
    np.testing.assert_allclose(gradients(Chebyshev(degree=12), 1.0, dtype), n**2)
    np.testing.assert_allclose(gradients(Chebyshev(degree=12), -1.0, dtype), (-1.0) ** (n + 1) * n**2)


def test_taylor_slope_at_the_ends_is_n():
    n = np.arange(1, 13)
    np.testing.assert_allclose(gradients(Taylor(degree=12), 1.0), n)
    np.testing.assert_allclose(gradients(Taylor(degree=12), -1.0), (-1.0) ** (n + 1) * n)


def test_chebyshev_is_the_cosine_of_a_multiple_angle():
    angle = np.linspace(0.0, np.pi, 50)
    expected = np.cos(np.multiply.outer(angle, np.arange(1, 10)))
    np.testing.assert_allclose(expand(Chebyshev(degree=9), np.cos(angle)), expected, atol=1e-13)
