"""Under the metric of functions a step does not know which basis wrote a function down."""

import pytest
import torch
from scipy.integrate import quad

from kanbench import KAN, MLP
from kanbench.bases import BASES
from kanbench.models import Initialization, KANLayer
from kanbench.models.starts import function_gram
from kanbench.training import Ensemble, LevenbergMarquardt
from kanbench.training.optimizers.metric import Metric, function_metric
from kanbench.training.steps import states

SPANS = {  # all functions of an edge and a constant: polynomials of degree 5
    **{name: BASES[name](degree=5) for name in ("taylor", "chebyshev", "legendre", "gegenbauer", "jacobi", "hermite")},
    "bernstein": BASES["bernstein"](degree=5),
    "chebyshev with a constant": BASES["chebyshev"](degree=5, constant=True),
}


def network(basis, seed=4, shape=(2, 3, 2, 1), **switches):
    draws = torch.Generator().manual_seed(seed)
    switches = {"initialization": Initialization.functions, "gain": 1.0} | switches
    return KAN(shape, basis, generator=draws, dtype=torch.float64, **switches)


def data():
    draws = torch.Generator().manual_seed(5)
    x = 2.0 * torch.rand(1, 200, 2, generator=draws, dtype=torch.float64) - 1.0
    return x, torch.exp(torch.sin(3.0 * x[..., 0]) + x[..., 1] ** 2)


def predictions(basis, metric, steps=6):
    ensemble, (x, y) = Ensemble([network(basis)]), data()
    optimizer = LevenbergMarquardt(steps=steps, metric=metric)
    parts = states(optimizer, ensemble, x, y, rates=torch.zeros(1), parts=[1] * steps)
    return torch.stack([ensemble.predict(state.theta, x) for state in parts])


@pytest.mark.parametrize("name", SPANS)
def test_bases_of_one_span_start_from_the_same_functions_and_take_the_same_steps(name):
    ours, legendre = (predictions(basis, Metric.functions) for basis in (SPANS[name], SPANS["legendre"]))
    assert not torch.allclose(legendre[0], legendre[-1], rtol=0.1)
    torch.testing.assert_close(ours[0], legendre[0], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(ours, legendre, rtol=1e-5, atol=1e-6)


def test_in_coefficients_the_same_start_leads_elsewhere():
    ours, legendre = (predictions(SPANS[name], Metric.coefficients) for name in ("taylor", "legendre"))
    assert (ours[-1] - legendre[-1]).abs().max() > 1e-2


@pytest.mark.parametrize("name", ["legendre", "bspline", "fourier", "rbf", "bernstein"])
def test_the_gram_matrix_is_the_mean_square_of_what_a_change_adds_to_a_node(name):
    layer = KANLayer(2, 1, BASES[name](), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    change = torch.randn(2 * layer.basis.n_terms + 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    if name in ("bspline", "bernstein"):  # they sum to one: the constant of an edge against the bias is no change
        nothing = torch.zeros(2, len(change), dtype=torch.float64)
        nothing[0, : layer.basis.n_terms] = nothing[1, layer.basis.n_terms : -1] = 1.0
        nothing[:, -1] = -1.0
        change -= torch.linalg.lstsq(nothing.T, change.unsqueeze(1)).solution.squeeze(1) @ nothing
    of_edges, bias = change[:-1].view(2, -1), change[-1].item()

    def edge(i, power):
        def value(t):
            return float(layer.basis.expand(torch.tensor([[t]], dtype=torch.float64))[0, 0] @ of_edges[i]) ** power

        return quad(value, -1, 1, limit=200)[0] / 2

    means = [edge(i, 1) for i in range(2)]
    variances = [edge(i, 2) - means[i] ** 2 for i in range(2)]
    by_hand = sum(variances) + (bias + sum(means)) ** 2
    assert (change @ function_gram(layer) @ change).item() == pytest.approx(by_hand, rel=0.01)


def test_functions_that_cancel_have_a_length_of_their_own_so_that_the_metric_can_be_inverted():
    gram = function_gram(KANLayer(3, 2, BASES["bspline"](), dtype=torch.float64))  # splines of an edge sum to one
    torch.linalg.cholesky(gram)


@pytest.mark.parametrize("name", ["taylor", "bspline", "fourier", "rbf"])
def test_random_functions_have_mean_zero_and_the_variance_of_the_gain(name):
    layer = KANLayer(
        3, 400, BASES[name](), "mean", initialization="functions", gain=0.7,
        generator=torch.Generator().manual_seed(3), dtype=torch.float64,
    )  # fmt: skip
    draws = torch.Generator().manual_seed(6)
    x = 2.0 * torch.rand(20_000, 3, generator=draws, dtype=torch.float64) - 1.0
    nodes = layer(x).detach()
    assert nodes.mean(dim=0).abs().max().item() < 0.06
    assert nodes.var(dim=0).mean().sqrt().item() == pytest.approx(0.7, rel=0.05)


def test_parameters_of_mlps_keep_the_identity():
    ensemble = Ensemble([MLP([2, 4, 1], generator=torch.Generator(), dtype=torch.float64)])
    assert torch.equal(function_metric(ensemble)[0], torch.eye(ensemble.n_params, dtype=torch.float64))


def test_edges_with_a_magnitude_have_no_start_by_functions():
    with pytest.raises(ValueError, match="initialization must not be functions beside an edge_scale, got 'edge'"):
        network(BASES["taylor"](), edge_scale="edge")


def test_functions_without_a_bias_have_no_place_for_their_mean():
    with pytest.raises(ValueError, match="initialization must not be functions without a bias"):
        network(BASES["taylor"](), bias=False)
