"""Fourier and Gaussian bases against their formulas in NumPy."""

import numpy as np
import pytest
import torch

from kanbench.bases import RBF, Fourier

X = np.random.default_rng(0).uniform(-3.0, 3.0, 80)
DOMAINS = pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.5, 3.0)])


def expand(basis, x):
    return basis.expand(torch.tensor(x)).numpy()


@DOMAINS
@pytest.mark.parametrize("harmonics", [1, 2, 7, 20])
@pytest.mark.parametrize("periods", [1.0, 2.0, 0.7])
def test_fourier_columns_are_sines_then_cosines(low, high, harmonics, periods):
    w = 2 * np.pi / (periods * (high - low))
    angle = w * np.multiply.outer(X - (low + high) / 2, np.arange(1, harmonics + 1))
    expected = np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)
    np.testing.assert_allclose(expand(Fourier(low, high, harmonics, periods), X), expected, atol=1e-12)


@DOMAINS
@pytest.mark.parametrize("periods", [1.0, 2.0])
def test_fourier_repeats_after_periods_times_the_domain(low, high, periods):
    basis = Fourier(low, high, 5, periods)
    period = periods * (high - low)
    for shift in (-3, 1, 10):
        np.testing.assert_allclose(expand(basis, X + shift * period), expand(basis, X), atol=1e-12)
    assert np.abs(expand(basis, X + period / 2) - expand(basis, X)).max() > 1.0


def test_fourier_closes_on_the_domain_at_one_period_only():
    ends = np.array([-1.0, 1.0])
    first, last = expand(Fourier(periods=1.0), ends)
    np.testing.assert_allclose(first, last, atol=1e-14)
    first, last = expand(Fourier(periods=2.0), ends)
    assert np.abs(first - last).max() == pytest.approx(2.0)


def test_fourier_terms_are_orthogonal_over_one_period():
    basis = Fourier(harmonics=6, periods=2.0)
    features = expand(basis, np.arange(64) / 64 * 4.0)
    np.testing.assert_allclose(features.T @ features / 64, np.eye(12) / 2, atol=1e-13)


@DOMAINS
@pytest.mark.parametrize("centres", [2, 3, 8])
@pytest.mark.parametrize("width", [0.5, 1.0, 2.0])
def test_rbf_equals_its_formula(low, high, centres, width):
    centre = np.linspace(low, high, centres)
    h = width * (high - low) / (centres - 1)
    expected = np.exp(-((np.subtract.outer(X, centre) / h) ** 2))
    np.testing.assert_allclose(expand(RBF(low, high, centres, width), X), expected, atol=1e-15, rtol=1e-12)


@DOMAINS
def test_rbf_peaks_at_its_centres(low, high):
    basis = RBF(low, high, centres=6)
    values = expand(basis, np.linspace(low, high, 6))
    np.testing.assert_allclose(np.diag(values), 1.0, atol=1e-14)
    assert (values.argmax(axis=-1) == np.arange(6)).all()


@DOMAINS
def test_rbf_vanishes_far_away(low, high):
    far = np.array([-1e6, low - 100.0, high + 100.0, 1e6])
    assert expand(RBF(low, high), far).max() < 1e-15
