import numpy as np
import pytest
from numpy.testing import assert_allclose

from kanbench.estimators.scaling import Scaling

X = np.array([[1.0, -4.0, 7.0], [3.0, 0.0, 7.0], [2.0, 4.0, 7.0]])


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 10.0), (-3.0, 1.0)])
def test_ranges_go_to_the_domain_and_a_constant_to_its_middle(low, high):
    middle = (low + high) / 2
    expected = [[low, low, middle], [high, middle, middle], [middle, high, middle]]
    assert_allclose(Scaling.to_domain(X, low, high)(X), expected, atol=1e-12)


def test_targets_get_variance_one_and_a_constant_is_zero():
    scaling = Scaling.to_unit_variance(X)
    z = scaling(X)
    assert_allclose(z.mean(axis=0), 0.0, atol=1e-12)
    assert_allclose(z.var(axis=0), [1.0, 1.0, 0.0], atol=1e-12)
    assert_allclose(scaling.inverse(z), X)
    assert (scaling.inverse(z + 0.5)[:, 2] == 7.0).all()


@pytest.mark.parametrize("make", [lambda x: Scaling.to_domain(x, -2.0, 3.0), Scaling.to_unit_variance])
def test_the_pairs_are_the_maps(make):
    scaling = make(X)
    scale, shift = np.array(scaling.pairs).T
    assert_allclose(scale * X + shift, scaling(X), atol=1e-12)
    scale, shift = np.array(scaling.inverse_pairs).T
    assert_allclose(scale * scaling(X) + shift, scaling.inverse(scaling(X)), atol=1e-12)


@pytest.mark.parametrize("size", [1e307, 1e200, 1e-200, 1e-290])
def test_huge_and_tiny_numbers_are_scaled_as_others(size):
    x = X[:, :2] * size
    assert_allclose(Scaling.to_domain(x, -1.0, 1.0)(x), Scaling.to_domain(X, -1.0, 1.0)(X)[:, :2], atol=1e-12)
    assert_allclose(Scaling.to_unit_variance(x)(x), Scaling.to_unit_variance(X)(X)[:, :2], atol=1e-12)


def test_a_large_offset_costs_no_digits():
    stamps = 1.7e9 + X[:, :1]
    assert_allclose(Scaling.to_domain(stamps, -1.0, 1.0)(stamps), Scaling.to_domain(X, -1.0, 1.0)(X)[:, :1], atol=1e-6)
