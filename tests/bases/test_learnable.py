"""Bases that are learned themselves: against closed forms at any inner parameters, and by what training finds."""

import math

import numpy as np
import pytest
import sympy
import torch
from scipy.integrate import quad
from scipy.interpolate import BSpline as SciPySpline

from kanbench.bases import (
    BSpline,
    Fourier,
    FreeKnots,
    GaussianDerivative,
    MexicanHat,
    Morlet,
    Rational,
    ReLUBumps,
    Sine,
)
from kanbench.bases.learnable import FLOOR, stretch
from kanbench.models import KANLayer
from kanbench.training import LevenbergMarquardt, train

GENERATOR = np.random.default_rng(0)
X = GENERATOR.uniform(-1.5, 1.5, 40)
DOMAINS = pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.5, 3.0)])


def expand_with(basis, x, inner):
    """One feature: (n,), (n_inner,) -> (n, n_terms)."""
    return basis.expand_with(torch.tensor(x).unsqueeze(-1), torch.tensor(inner, dtype=torch.float64)).squeeze(1).numpy()


def unit(basis, x):
    return 2.0 * (x - basis.low) / (basis.high - basis.low) - 1.0


def test_a_stretch_is_positive_one_at_zero_and_linear_far_up():
    values = stretch(torch.tensor([-1e6, -3.0, 0.0, 1e6], dtype=torch.float64)).tolist()
    assert values[0] == FLOOR
    assert values[1] > FLOOR
    assert values[2] == pytest.approx(1.0, rel=1e-14)
    assert values[3] == pytest.approx((1.0 - FLOOR) * 1e6 / math.log(2.0), rel=1e-6)


def gaussian_derivative(order):
    u = sympy.Symbol("u")
    return sympy.lambdify(u, sympy.diff(sympy.exp(-(u**2) / 2), u, order))


@DOMAINS
@pytest.mark.parametrize(
    ("family", "mother"),
    [
        (MexicanHat, lambda u: -gaussian_derivative(2)(u)),
        (GaussianDerivative, gaussian_derivative(1)),
        (Morlet, lambda u: np.real(np.exp(5j * u - u**2 / 2))),
    ],
)
def test_wavelets_are_scaled_and_shifted_mothers(low, high, family, mother):
    basis = family(low, high, wavelets=5, width=1.5)
    stretches, shifts = GENERATOR.normal(size=(2, 5))
    factor = FLOOR + (1 - FLOOR) * np.log1p(np.exp(stretches)) / np.log(2)
    u = (unit(basis, X)[:, np.newaxis] - np.linspace(-1, 1, 5) - shifts) / (1.5 * 0.5 * factor)
    ours = expand_with(basis, X, np.concatenate([stretches, shifts]))
    np.testing.assert_allclose(ours, mother(u), atol=1e-14)


@pytest.mark.parametrize("family", [MexicanHat, GaussianDerivative, Morlet])
def test_wavelets_have_no_mean(family):
    def value(u):
        return family().mother(torch.tensor(u, dtype=torch.float64)).item()

    assert quad(value, -12.0, 12.0, limit=200)[0] == pytest.approx(0.0, abs=1e-5)


@DOMAINS
def test_relu_bumps_equal_their_formula(low, high):
    basis = ReLUBumps(low, high, intervals=4, overlap=2)
    z, start = unit(basis, X)[:, np.newaxis], -1.0 + 0.5 * np.arange(-2, 4)
    end = start + 1.5
    bumps = (np.maximum(end - z, 0) * np.maximum(z - start, 0)) ** 2 * 16 / (end - start) ** 4
    np.testing.assert_allclose(basis.expand(torch.tensor(X)).numpy(), bumps, atol=1e-14)
    trained = ReLUBumps(low, high, intervals=4, overlap=2, trainable=True)
    shifts = np.linspace(-0.3, 0.4, 6)
    moved = expand_with(trained, X, np.concatenate([np.zeros(6), shifts]))
    bumps = (np.maximum(end + shifts - z, 0) * np.maximum(z - start - shifts, 0)) ** 2 * 16 / 1.5**4
    np.testing.assert_allclose(moved, bumps, atol=1e-14)
    assert (basis.n_inner, trained.n_inner) == (0, 12)


@DOMAINS
@pytest.mark.parametrize(("numerator", "denominator"), [(7, 4), (0, 2), (2, 5)])
def test_rationals_are_monomials_over_a_denominator_that_they_share(low, high, numerator, denominator):
    basis = Rational(low, high, numerator, denominator)
    z, b = unit(basis, X).clip(-1, 1), GENERATOR.normal(size=denominator)
    q = np.polynomial.Polynomial([0.0, *b])(z) + z**2
    expected = z[:, np.newaxis] ** np.arange(numerator + 1) / (1 + np.abs(q))[:, np.newaxis]
    np.testing.assert_allclose(expand_with(basis, X, b), expected, atol=1e-13)


@DOMAINS
def test_sines_start_as_fourier_and_move_their_frequencies(low, high):
    basis = Sine(low, high, waves=3)
    np.testing.assert_allclose(
        basis.expand(torch.tensor(X)), Fourier(low, high, 3, periods=2.0).expand(torch.tensor(X)), atol=1e-12
    )
    w = np.array([0.3, -2.0, 9.0]) + np.pi / 2 * np.arange(1, 4)
    angle = np.multiply.outer(unit(basis, X), w)
    ours = expand_with(basis, X, [0.3, -2.0, 9.0])
    np.testing.assert_allclose(ours, np.concatenate([np.sin(angle), np.cos(angle)], axis=1), atol=1e-12)


@DOMAINS
@pytest.mark.parametrize("degree", [1, 3, 4])
def test_free_knots_start_as_uniform_splines_and_are_scipys_splines_on_any(low, high, degree):
    basis = FreeKnots(low, high, degree, intervals=4)
    uniform = BSpline(low, high, degree, intervals=4).expand(torch.tensor(X))
    np.testing.assert_allclose(basis.expand(torch.tensor(X)), uniform, atol=1e-13)
    inner = np.array([0.5, -2.0, 3.0])
    knots = basis.knots(torch.tensor(inner)).numpy()
    z = unit(basis, X)
    elements = [
        SciPySpline.basis_element(knots[t : t + degree + 2], extrapolate=False)(z) for t in range(basis.n_terms)
    ]
    np.testing.assert_allclose(expand_with(basis, X, inner), np.nan_to_num(np.stack(elements, -1)), atol=1e-13)


def test_free_knots_stay_apart_and_between_the_ends():
    knots = FreeKnots(intervals=4).knots(torch.tensor([[0.0, 0.0, 0.0], [-1e3, 1e3, 0.0], [1e6, -1e6, -1e6]]).double())
    assert (knots.diff(dim=-1) > 2 * FLOOR / 4 - 1e-12).all()
    np.testing.assert_array_equal(knots[:, [3, 7]], [[-1.0, 1.0]] * 3)
    shares = np.exp([0.0, 0.7, -0.2, 0.1]) / np.exp([0.0, 0.7, -0.2, 0.1]).sum()
    inside = FreeKnots(intervals=4).knots(torch.tensor([0.7, -0.2, 0.1]).double())[4:7]
    np.testing.assert_allclose(inside, -1 + 2 * np.cumsum(FLOOR / 4 + (1 - FLOOR) * shares)[:3])


def fitted(basis, function):
    """One edge, trained on a function of [-1, 1]: the layer, and its mean squared error."""
    x = torch.linspace(-1.0, 1.0, 200, dtype=torch.float64).unsqueeze(1)
    layer = KANLayer(1, 1, basis, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return layer, train(layer, x, function(x), LevenbergMarquardt(steps=100))


def test_training_finds_the_frequency_of_a_wave():
    layer, error = fitted(Sine(waves=1), lambda x: 0.7 * torch.sin(2.3 * x + 0.4) + 0.2)
    assert error < 1e-20
    assert abs(layer.inner.item() + math.pi / 2) == pytest.approx(2.3, abs=1e-8)


def test_training_finds_the_kink_of_a_broken_line():
    layer, error = fitted(FreeKnots(degree=1, intervals=2), lambda x: (x - 0.37).abs())
    assert error < 1e-12
    assert layer.basis.knots(layer.inner)[0, 2].item() == pytest.approx(0.37, abs=1e-5)


def test_training_finds_the_denominator_of_a_rational_function():
    layer, error = fitted(Rational(numerator=1, denominator=2), lambda x: (1 + 2 * x) / (1 + 3 * x.square()))
    assert error < 1e-16
    np.testing.assert_allclose(layer.inner.detach(), [[0.0, 2.0]], atol=1e-6)


def test_training_finds_the_scale_and_the_place_of_a_wavelet():
    layer, error = fitted(MexicanHat(wavelets=3, width=0.4), lambda x: MexicanHat().mother((x - 0.1) / 0.5))
    assert error < 1e-20
    np.testing.assert_allclose(layer.coefficients.detach().flatten(), [0.0, 1.0, 0.0], atol=1e-10)
    assert 0.4 * stretch(layer.inner[0, 1]).item() == pytest.approx(0.5)
    assert layer.inner[0, 4].item() == pytest.approx(0.1)
