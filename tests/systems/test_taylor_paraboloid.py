"""Taylor edges by their formula, and the laws of parameter counts."""

import pytest
import torch
from rich.console import Console
from torch.nn.functional import silu

from kanbench.systems import TaylorParaboloid
from kanbench.systems.taylor_paraboloid import block_means, count_kan, count_mlp, exponent
from kanbench.systems.watch import kan_layers


def test_edges_are_w_times_silu_plus_powers_and_start_near_zero():
    model = TaylorParaboloid(std=1e-3).model()
    assert [tuple(layer.coefficients.shape) for layer in kan_layers(model)] == [(2, 10, 4), (4, 10, 4), (4, 10, 1)]
    numbers = torch.cat([p.flatten() for p in model.parameters()])
    assert len(numbers) == (2 * 4 + 4 * 4 + 4) * (10 + 1)
    assert numbers.std().item() == pytest.approx(1e-3, rel=0.15)
    x = 2 * torch.rand(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 1
    layer = kan_layers(model)[0]
    expected = torch.zeros(50, 4, dtype=torch.float64)
    for i in range(2):
        for o in range(4):
            polynomial = sum(layer.coefficients[i, j, o] * x[:, i] ** j for j in range(10))
            expected[:, o] += layer.scale[i, o] * (silu(x[:, i]) + polynomial)
    torch.testing.assert_close(layer(x), expected, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize(("width", "depth", "intervals"), [(1, 1, 1), (3, 2, 5), (8, 4, 7), (16, 3, 20)])
def test_built_models_have_the_parameters_of_the_closed_forms(width, depth, intervals):
    assert count_mlp(width, depth) == width**2 * depth + width * depth
    assert count_kan(width, depth, intervals) == width**2 * depth * (intervals + 3) + width * depth


def test_the_exponent_of_a_power_is_its_power():
    assert exponent((1, 2, 4, 8), [3 * n**2 for n in (1, 2, 4, 8)]) == pytest.approx(2.0)


def test_block_means_leave_out_what_does_not_fill_a_block():
    assert block_means([1.0] * 20 + [3.0] * 20 + [99.0] * 5) == [1.0, 3.0]


def test_a_short_run_checks_what_it_says():
    findings = TaylorParaboloid(hidden=(2,), std=0.1, samples=40, batch=20, epochs=40).run(Console(quiet=True))
    falls, converged, *laws = findings.checks
    first, second = block_means(findings.numbers["mse"][1:])
    assert falls.holds == (second < first)
    ends = [norms[-1] / max(norms) for norms in zip(*findings.numbers["gradient_norms"], strict=True)]
    assert converged.holds == (max(ends) < 0.01)
    assert all(law.holds for law in laws)
    assert len(findings.numbers["gradient_norms"]) == 41


@pytest.mark.parametrize("settings", [{"std": 1e-300}, {"rate": 1000.0}, {"std": 1000.0, "rate": 100.0}])
def test_a_network_that_stands_still_or_diverges_has_not_learned(settings):
    found = TaylorParaboloid(epochs=40, samples=20, batch=20, **settings).run(Console(quiet=True))
    assert not found.hold
    assert found.answer.startswith("The Taylor KAN does not learn the paraboloid")
