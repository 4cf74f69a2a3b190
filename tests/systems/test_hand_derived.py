"""The KAN derived by hand: its splines against SciPy, its gradients against autograd, its training."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from scipy.interpolate import BSpline as SciPySpline

from kanbench.systems import HandDerived
from kanbench.systems.by_hand import HandKAN, basis, slopes, uniform_knots
from kanbench.systems.hand_derived import distance, gradient_distance, twin
from kanbench.systems.watch import watched

INSIDE = np.linspace(-1.0, 1.0, 41)


def test_seven_cubic_functions_stand_on_four_intervals():
    knots = uniform_knots(7, 3)
    np.testing.assert_allclose(knots, np.arange(-2.5, 2.6, 0.5), rtol=1e-15)
    np.testing.assert_allclose(basis(np.array([0.0]), knots, 3)[0], np.array([0, 0, 1, 4, 1, 0, 0]) / 6, atol=1e-15)


@pytest.mark.parametrize(("n", "degree"), [(7, 3), (4, 1), (9, 2), (12, 5)])
def test_splines_and_their_slopes_equal_scipys(n, degree):
    knots = uniform_knots(n, degree)
    theirs = SciPySpline(knots, np.eye(n), degree)
    np.testing.assert_allclose(basis(INSIDE, knots, degree), theirs(INSIDE), atol=1e-13)
    between = INSIDE[:-1] + 1e-3  # a slope of degree 0 jumps at the knots
    np.testing.assert_allclose(slopes(between, knots, degree), theirs.derivative()(between), atol=1e-11)


@given(
    hidden=st.lists(st.integers(1, 3), max_size=3).map(tuple),
    degree=st.integers(2, 4),
    more=st.integers(1, 6),
    std=st.floats(0.05, 2.0),
    seed=st.integers(0, 99),
)
def test_closed_form_gradients_equal_autograd(hidden, degree, more, std, seed):
    model = HandDerived(hidden, functions=degree + more, degree=degree, std=std, seed=seed).model()
    sample, target = np.random.default_rng(seed).uniform(-1, 1, 2)
    loss = (model(torch.tensor([sample], dtype=torch.float64)) - target).square().sum()
    theirs = torch.autograd.grad(loss, list(model.parameters()))
    mine = twin(model).gradients(np.array([sample]), target)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b.numpy().transpose(0, 2, 1), rtol=1e-10, atol=1e-10)


def test_closed_form_gradients_equal_finite_differences():
    system = HandDerived((2, 2), std=0.5)
    (x, y), hand = system.data(), twin(system.model())
    sample, target, step = x[7].numpy(), y[7].item(), 1e-6
    for layer, gradient in enumerate(hand.gradients(sample, target)):
        for place in np.ndindex(*gradient.shape):
            losses = []
            for sign in (1, -1):
                moved = HandKAN([w.copy() for w in hand.weights], hand.degree)
                moved.weights[layer][place] += sign * step
                losses.append((moved.inputs(sample)[-1][0] - target) ** 2)
            assert gradient[place] == pytest.approx((losses[0] - losses[1]) / (2 * step), abs=1e-8)


@pytest.mark.parametrize(("hidden", "epochs"), [((2,), 30), ((2, 2), 5)])
def test_epochs_by_hand_and_in_kanbench_end_in_the_same_place(hidden, epochs):
    system = HandDerived(hidden, epochs=epochs)
    (x, y), model = system.data(), system.model()
    hand = twin(model)
    *_, last = watched(model, system.optimizer, x, y)
    for _ in range(epochs):
        hand.epoch(x.numpy(), y.numpy(), system.rate)
    assert distance(hand, model) < 1e-8
    assert distance(hand, system.model()) > 0.01  # both have moved
    assert hand.loss(x.numpy(), y.numpy()) == pytest.approx(last, rel=1e-10)


def test_the_target_and_its_samples():
    x, y = HandDerived().data()
    assert len(x) == 20
    assert (x[0].item(), x[-1].item()) == (-1.0, 1.0)
    assert y[0].item() == pytest.approx(np.sin(-4) / 2)
    assert y[-1].item() == pytest.approx(np.sin(4) * np.exp(-2) / 2)


@pytest.mark.parametrize("settings", [{"rate": 1000.0}, {"std": 1000.0}])
def test_a_training_that_ends_in_no_numbers_is_not_called_the_same(settings):
    found = HandDerived(epochs=5, **settings).run(Console(quiet=True))
    learns = found.checks[2]
    assert not learns.holds
    if not np.isfinite(found.numbers["largest_weight_distance"]):
        assert not found.checks[1].holds
        assert "is not the same" in found.answer


def test_a_distance_of_weights_that_are_no_numbers_is_none():
    model = HandDerived().model()
    hand = twin(model)
    hand.weights[0][0, 0, 0] = np.nan
    assert np.isnan(distance(hand, model))
    with torch.no_grad():
        next(model.parameters()).fill_(torch.nan)
    assert np.isnan(gradient_distance(model, *HandDerived().data()))
