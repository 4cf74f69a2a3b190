"""Symbolic layers against a loop over edges, inside ensembles, and made from KAN layers."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.mathtext import MathTextParser
from torch.func import vmap

from kanbench.bases import BSpline, Chebyshev
from kanbench.errors import UnknownName
from kanbench.interpret import (
    LIBRARY,
    Fit,
    SymbolicLayer,
    attribute,
    fit_edge,
    select,
    snap,
    snap_network,
    without_edges,
)
from kanbench.models import KAN, Aggregation, BaseBranch, EdgeScale, KANLayer, Squash
from kanbench.training import Adam, Ensemble, LevenbergMarquardt, train

float64 = torch.float64
MIXED = {(0, 0): "sin", (2, 0): "x^2", (1, 1): "exp", (2, 1): "sin"}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def named(name, *constants):
    return Fit(LIBRARY[name], *constants, 1.0)


def layer(names=MIXED, seed=0, **options):
    constants = torch.randn(len(names), 4, generator=seeded(seed), dtype=float64).tolist()
    fits = {edge: named(name, *four) for (edge, name), four in zip(names.items(), constants, strict=True)}
    return SymbolicLayer(3, 2, fits, dtype=float64, **options), fits


def inputs(*shape, seed=1):
    return torch.rand(*shape, generator=seeded(seed), dtype=float64) * 2 - 1


def test_a_layer_is_the_sum_of_its_edges():
    bias = torch.tensor([0.3, -1.0], dtype=float64)
    module, fits = layer(bias=bias)
    x = inputs(4, 5, 3)
    expected = torch.zeros(4, 5, 3, 2, dtype=float64)
    for (i, j), fit in fits.items():
        expected[..., i, j] = fit.c * fit.function.torch(fit.a * x[..., i] + fit.b) + fit.d
    torch.testing.assert_close(module.edge_outputs(x), expected, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(module(x), expected.sum(-2) + bias, rtol=1e-13, atol=1e-13)
    assert module.active.tolist() == [[True, False], [False, True], [True, True]]
    assert sum(p.numel() for p in module.parameters()) == 4 * 4 + 2


def test_an_edge_that_is_zero_is_part_of_the_bias():
    constant = named("0", 1.0, 0.0, 0.0, 0.7)
    module = SymbolicLayer(2, 2, {(0, 1): constant, (1, 1): constant}, dtype=float64)
    assert not module.active.any()
    torch.testing.assert_close(module(inputs(3, 2)), torch.tensor([[0.0, 1.4]] * 3, dtype=float64))
    assert sum(p.numel() for p in module.parameters()) == 2


def test_the_rest_of_the_edges_may_be_of_a_kan_layer():
    edges = [(i, j) for i in range(3) for j in range(2) if (i, j) not in MIXED]
    basis = Chebyshev(degree=3)
    rest = KANLayer(3, 2, basis, bias=False, squash=Squash.tanh, edges=edges, generator=seeded(), dtype=float64)
    alone, _ = layer()
    module, _ = layer(rest=rest)
    x = inputs(7, 3)
    torch.testing.assert_close(module(x), alone(x) + rest(x), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(module.edge_outputs(x).sum(-2) + module.bias, module(x))
    assert module.active.all()
    assert not alone.active.all()


def test_an_ensemble_of_layers_is_each_layer_and_its_jacobian_is_autograd():
    def network(seed):
        head = SymbolicLayer(2, 1, {(0, 0): named("exp", 0.3, 0.1, 1.0, 0.0), (1, 0): named("tanh", 1, 0, 1, 0)})
        return torch.nn.Sequential(layer(seed=seed)[0], head.double())

    models = [network(seed) for seed in range(3)]
    ensemble, x = Ensemble(models), inputs(3, 6, 3)
    values = torch.stack([model(points).squeeze(-1) for model, points in zip(models, x, strict=True)])
    torch.testing.assert_close(ensemble.predict(ensemble.start, x), values, rtol=1e-13, atol=1e-13)
    by_autograd = torch.autograd.functional.jacobian(lambda t: ensemble.predict(t[None], x[:1])[0], ensemble.start[0])
    torch.testing.assert_close(ensemble.jacobians(ensemble.start, x)[0], by_autograd, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(vmap(models[0])(x), models[0](x))


def test_levenberg_marquardt_takes_all_constants_to_machine_precision():
    draw = np.random.default_rng(0)

    def near(name, a, b, c, d):
        return named(name, *(v * draw.uniform(0.9, 1.1) + draw.uniform(-0.1, 0.1) * (v == 0) for v in (a, b, c, d)))

    def network():
        first = {(0, 0): near("sin", math.pi, 0, 1, 0), (1, 0): near("x^2", 1, 0, 1, 0)}
        last = {(0, 0): near("exp", 1, 0, 1, 0)}
        return torch.nn.Sequential(SymbolicLayer(2, 1, first, dtype=float64), SymbolicLayer(1, 1, last, dtype=float64))

    ensemble, x = Ensemble([network() for _ in range(8)]), inputs(8, 300, 2)
    y = torch.exp(torch.sin(math.pi * x[..., 0]) + x[..., 1] ** 2)
    assert (ensemble.losses(ensemble.start, x, y).sqrt() > 0.01).all()
    optimizer = LevenbergMarquardt(steps=80)
    state = optimizer.start(ensemble, ensemble.start, torch.full((8,), torch.nan), [])
    optimizer.advance(ensemble, state, x, y, 30)
    assert (state.loss.sqrt() < 1e-10).all()


@pytest.mark.parametrize("aggregation", [Aggregation.sum, Aggregation.mean])
def test_snapping_names_the_functions_that_a_layer_holds(aggregation):
    options = {"base_branch": BaseBranch.linear, "edge_scale": EdgeScale.basis}
    kan = KANLayer(2, 2, Chebyshev(degree=2), aggregation, **options, generator=seeded(), dtype=float64)
    coefficients = torch.zeros(2, 3, 2, dtype=float64)  # of T_1, T_2 and the base branch x
    coefficients[0, :, 0] = torch.tensor([0.5, 0.0, 1.0])
    coefficients[1, :, 0] = torch.tensor([0.2, 1.5, -1.0])
    coefficients[1, :, 1] = torch.tensor([0.0, -2.0, 0.0])
    with torch.no_grad():
        kan.coefficients.copy_(coefficients)
        kan.scale.mul_(1.5)
        kan.bias.copy_(torch.tensor([0.1, -0.2]))
    x = inputs(200, 2)
    module = snap(kan, x, library=select(["0", "x", "x^2", "x^3", "abs", "exp", "tanh"]))
    assert dict(zip(module.edges, (f.name for f in module.functions), strict=True)) == {
        (0, 0): "x",
        (1, 0): "x^2",
        (1, 1): "x^2",
    }
    torch.testing.assert_close(module(x), kan(x), rtol=1e-9, atol=1e-9)
    assert torch.equal(module.active, torch.tensor([[True, False], [True, True]]))
    by_hand = snap(kan, x, {(1, 0): "sin"}, select(["x", "sin"]))
    assert by_hand.functions[by_hand.edges.index((1, 0))].name == "sin"


def test_what_cannot_be_snapped_is_refused():
    kan = KANLayer(2, 1, Chebyshev(degree=2), edges=[(0, 0)], generator=seeded(), dtype=float64)
    x = inputs(50, 2)
    with pytest.raises(ValueError, match=r"edge must be one that the layer has, got \(1, 0\)"):
        snap(kan, x, {(1, 0): "sin"})
    with pytest.raises(UnknownName, match="unknown library function 'sinus'; did you mean sin"):
        snap(kan, x, {(0, 0): "sinus"})
    constant = torch.zeros_like(x)
    with pytest.raises(ValueError, match=r"edge \(0, 0\) needs a function that fits, got 'sin: y is constant"):
        snap(kan, constant, {(0, 0): "sin"})


def test_layers_that_cannot_be_are_refused():
    fit = fit_edge(inputs(20), inputs(20), LIBRARY["x"])
    with pytest.raises(ValueError, match=r"edge must join one of 2 inputs to one of 1 outputs, got \(0, 1\)"):
        SymbolicLayer(2, 1, {(0, 1): fit})
    with pytest.raises(ValueError, match=r"edge \(0, 0\) needs a function that fits, got 'no'"):
        SymbolicLayer(2, 1, {(0, 0): replace(fit, reason="no")})
    with pytest.raises(ValueError, match="rest must have no bias"):
        SymbolicLayer(2, 1, {(0, 0): fit}, rest=KANLayer(2, 1))


def named_polynomials():
    """A KAN of Chebyshev polynomials that holds h = x^2 - y / 2 - 1 / 2, and 3 h^2 - 3 / 2."""
    kan = KAN([2, 1, 1], Chebyshev(degree=2), squash=Squash.none, generator=seeded(), dtype=float64)
    with torch.no_grad():
        for layer in kan:
            layer.coefficients.zero_()
            layer.bias.zero_()
        kan[0].coefficients[0, 1, 0], kan[0].coefficients[1, 0, 0] = 0.5, -0.5  # T_2 = 2 x^2 - 1
        kan[1].coefficients[0, 1, 0] = 1.5
    return kan


def test_a_snapped_network_is_the_network_of_its_functions():
    kan, x = named_polynomials(), inputs(300, 2)
    library = select(["x", "x^2", "exp", "sin", "tanh"])
    model = snap_network(kan, x, library=library)
    assert [[f.name for f in layer.functions] for layer in model] == [["x", "x^2"], ["x^2"]]
    torch.testing.assert_close(model(x), kan(x), rtol=1e-9, atol=1e-9)
    by_hand = snap_network(kan, x, {(0, 1, 0): "sin", (1, 0, 0): "exp"}, library)
    assert [[f.name for f in layer.functions] for layer in by_hand] == [["sin", "x^2"], ["exp"]]
    assert [layer.edges for layer in by_hand] == [((1, 0), (0, 0)), ((0, 0),)]


def test_later_layers_are_fitted_on_what_the_network_feeds_them():
    kan, x = named_polynomials(), inputs(300, 2)
    poor = snap_network(kan, x, {(0, 0, 0): "sin"}, select(["x", "x^2", "sin"]))  # no sine is x^2
    good = snap_network(kan, x, library=select(["x", "x^2", "sin"]))
    assert (poor[0](x) - kan[0](x)).abs().max() > 1e-6
    torch.testing.assert_close(poor[1].constants, good[1].constants)


def trained_network():
    """A KAN that 400 steps of Adam taught exp(sin(pi x) + y^2), not to the end; its samples and targets."""
    start = seeded()
    x = 2 * torch.rand(500, 2, generator=start, dtype=float64) - 1
    y = torch.exp(torch.sin(torch.pi * x[:, 0]) + x[:, 1] ** 2)
    y = (y - y.mean()) / y.std()
    model = KAN([2, 3, 1], BSpline(intervals=5), generator=start, dtype=float64)
    train(model, x, y, Adam(steps=400, rates=(0.02,)))
    return model, x, y


def test_an_input_that_matters_is_not_lost():
    model, x, y = trained_network()
    scores = attribute(model, x).edges
    network = snap_network(model, x)
    for score, layer in zip(scores, network, strict=True):
        assert layer.active[score > 0.03].all()
    assert (network(x).squeeze(1) - y).square().mean() < 0.05  # without x it is 0.3
    careless = snap_network(model, x, threshold=2.0)
    assert not careless[0].active[0].all()
    assert (careless(x).squeeze(1) - y).square().mean() > 0.2
    assert "0" in [choice.fit.name for choice in careless.choices]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.5])
def test_edges_are_left_out_where_the_threshold_allows_all_of_them(seed, threshold):
    model = KAN([2, 2, 1], BSpline(intervals=4), generator=seeded(seed), dtype=float64)
    x = inputs(200, 2)
    scores = attribute(model, x)
    network = snap_network(model, x, library=select(["x", "x^2"]), weight=8.0, threshold=threshold)
    assert len(network.choices) == 6
    for depth, of_layer in enumerate(scores.edges):
        choices = sorted((c for c in network.choices if c.edge[0] == depth), key=lambda choice: choice.attribution)
        assert [c.attribution for c in choices] == pytest.approx(of_layer.flatten().sort().values.tolist())
        total = 0.0
        for choice in choices:
            total += choice.attribution
            assert (choice.fit.name == "0") == (total <= threshold)  # at this weight "0" is always the first


@pytest.mark.slow
def test_an_input_over_many_small_edges_is_not_lost():
    model = KAN([2, 60, 1], Chebyshev(degree=2), squash=Squash.none, generator=seeded(), dtype=float64)
    x = inputs(300, 2)
    with torch.no_grad():
        for layer in model:
            layer.coefficients.zero_()
            layer.coefficients[:, 0] = 1.0  # all edges are lines
            layer.coefficients[:, 1] = 0.05  # nearly
    assert max(edges.max().item() for edges in attribute(model, x).edges) < 0.03
    network = snap_network(model, x, weight=4.0)
    assert (network(x) - model(x)).square().mean().sqrt() < 0.1 * model(x).std()


def test_what_a_name_costs_is_what_it_moves_the_output_by():
    model, x = KAN([2, 2, 1], BSpline(intervals=4), generator=seeded(), dtype=float64), inputs(200, 2)
    network = snap_network(model, x, library=select(["x", "x^2", "sin"]))
    before = model(x)
    for choice in network.choices:
        depth, i, j = choice.edge
        hidden = x
        for index, layer in enumerate(model):
            edges = layer.edge_outputs(hidden)
            if index == depth:
                edges[:, i, j] = choice.fit(hidden[:, i])
            hidden = edges.sum(-2) + layer.bias
        assert choice.cost == pytest.approx(((hidden - before).square().mean().sqrt() / before.std()).item())
        if depth == 1:  # nothing comes after it
            lost = choice.attribution * math.sqrt(1 - choice.fit.r2) * math.sqrt(199 / 200)
            assert choice.cost == pytest.approx(lost, rel=1e-6)
        assert choice.rival.name != choice.fit.name
    together = (network(x) - before).square().mean().sqrt() / before.std()
    assert network.choices.cost == pytest.approx(together.item())


def test_choices_print_with_their_rivals():
    kan, x = named_polynomials(), inputs(300, 2)
    network = snap_network(kan, x, {(0, 1, 0): "sin"}, select(["x", "x^2", "sin"]))
    lines = str(network.choices).splitlines()
    assert lines[0].split() == ["edge", "function", "R^2", "cost", "rival", "R^2", "cost", "attribution"]
    assert lines[1].startswith("(0, 0, 0)  x^2       1.000000")
    assert lines[2].startswith("(0, 1, 0)  sin")
    assert " x " in lines[2]  # which would have been chosen
    assert lines[-1].startswith("All names together cost ")
    alone = snap_network(kan, torch.zeros_like(x)).choices  # constants, to which nothing else fits
    assert [(choice.fit.name, choice.rival) for choice in alone] == [("0", None)] * 3
    assert "none" in str(alone)
    with pytest.raises(ValueError, match=r"threshold must not be negative, got -0\.1"):
        snap_network(kan, x, threshold=-0.1)


def test_a_snapped_layer_knows_the_range_of_its_inputs():
    kan, x = named_polynomials(), 3.0 * inputs(300, 2)
    network = snap_network(kan, x)
    for layer, seen in zip(network, (x, kan[0](x)), strict=True):
        ends = torch.stack([seen.min(dim=0).values, seen.max(dim=0).values], dim=1)
        assert torch.equal(torch.tensor(layer.ranges, dtype=float64), ends)


def test_a_squash_is_part_of_the_edges_behind_it():
    layer = KANLayer(1, 1, Chebyshev(degree=2), squash=Squash.tanh, generator=seeded(), dtype=float64)
    with torch.no_grad():
        layer.coefficients.copy_(torch.tensor([[[0.7], [0.0]]]))
    x = 2.0 * inputs(200, 1)
    module = snap(layer, x)
    assert [f.name for f in module.functions] == ["tanh"]
    torch.testing.assert_close(module(x), 0.7 * torch.tanh(x), rtol=1e-6, atol=1e-6)


def test_a_network_that_has_no_such_edge_is_refused():
    kan, x = named_polynomials(), inputs(50, 2)
    with pytest.raises(ValueError, match=r"edge \(layer, input, output\) must be one that the network has, got \(2, 0"):
        snap_network(kan, x, {(2, 0, 0): "sin"})
    for edge in [(1, 0, 3), (0, -1, 0), (0, 0)]:
        with pytest.raises(ValueError, match=rf"must be one that the network has, got {re.escape(str(edge))}"):
            snap_network(kan, x, {edge: "sin"})
    with pytest.raises(ValueError, match=r"must be one that the network has, got \(0, 1, 0\)"):
        snap_network(without_edges(kan, [(0, 1, 0)]), x, {(0, 1, 0): "sin"})
    with pytest.raises(ValueError, match="layer 0 must be a KANLayer, got 'SymbolicLayer'"):
        snap_network(snap_network(kan, x), x)


def test_every_function_has_a_label_that_can_be_drawn():
    fits = {(i, 0): named(name, 1.0, 0.0, 1.0, 0.0) for i, name in enumerate(LIBRARY)}
    labels = SymbolicLayer(len(LIBRARY), 1, fits).edge_labels
    assert len(labels) == len(LIBRARY) - 1  # all but "0"
    assert labels[list(LIBRARY).index("x^2"), 0] == "$x^{2}$"
    for label in labels.values():
        MathTextParser("path").parse(label)
