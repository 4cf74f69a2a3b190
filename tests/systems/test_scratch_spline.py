"""Edges w_b silu(x) + w_s spline(x), against SciPy edge by edge."""

import numpy as np
import pytest
import torch
from rich.console import Console

from kanbench.systems import ScratchSpline
from kanbench.systems.scratch_spline import by_formula
from kanbench.systems.watch import kan_layers


@pytest.mark.parametrize(("degree", "intervals"), [(1, 4), (2, 7), (3, 5)])
def test_every_layer_equals_the_formula_on_its_grid_and_off_it(degree, intervals):
    model = ScratchSpline(hidden=(3,), degree=degree, intervals=intervals).model()
    x = np.random.default_rng(0).uniform(-4, 4, (200, 3))
    for layer in kan_layers(model):
        torch.nn.init.normal_(layer.scale, generator=torch.Generator().manual_seed(1))
        points = x[:, : layer.n_in]
        theirs = by_formula(layer, points)
        assert np.abs(theirs).max() > 0.1
        np.testing.assert_allclose(layer(torch.from_numpy(points)).detach().numpy(), theirs, atol=1e-13)


def test_an_edge_with_unit_weights_is_a_hand_computed_number():
    """At 0, the middle of 4 intervals of degree 1, one hat is 1; silu(0) = 0, and silu(2) = 2 / (1 + e^-2)."""
    (layer,) = kan_layers(ScratchSpline(hidden=(), degree=1, intervals=4).model())
    with torch.no_grad():
        layer.coefficients.copy_(torch.arange(12.0).view(2, 6, 1))
        layer.scale.fill_(0.5)
    found = layer(torch.tensor([[0.0, 2.0]], dtype=torch.float64)).item()
    assert found == pytest.approx(0.5 * 2.0 + 11.0 * 2.0 / (1.0 + np.exp(-2.0)), rel=1e-14)


def test_a_short_run_moves_the_control_points_and_lowers_the_error():
    short = ScratchSpline(hidden=(2,), samples=100, steps=20).run(Console(quiet=True))
    formula, moved, error = short.checks
    assert formula.holds
    assert moved.holds
    assert not error.holds  # twenty steps are not enough, and it says so
    assert short.numbers["mse"][-1] < 0.7 * short.numbers["mse"][0]


def test_a_training_that_has_hardly_begun_is_not_said_to_train():
    found = ScratchSpline(steps=1, samples=10).run(Console(quiet=True))
    assert not found.hold
    assert found.answer.startswith("Backpropagation does not train the splines as far")
