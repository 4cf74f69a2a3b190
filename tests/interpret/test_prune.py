"""Pruned networks: what did not matter is gone, and nothing else has changed."""

from copy import deepcopy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kanbench.bases import BASES
from kanbench.interpret import attribute, prune, without_edges, without_nodes
from kanbench.models import KAN, MLP, Aggregation, BaseBranch, EdgeScale, KANLayer, Squash

NO_PATH = "pruning would leave no path from an input to an output"

shapes = st.lists(st.integers(1, 4), min_size=2, max_size=4)
switches = st.fixed_dictionaries(
    {
        "basis": st.sampled_from([cls() for cls in BASES.values()]),
        "aggregation": st.sampled_from(Aggregation),
        "base_branch": st.sampled_from(BaseBranch),
        "edge_scale": st.sampled_from(EdgeScale),
        "squash": st.sampled_from(Squash),
        "bias": st.booleans(),
    }
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def samples(n, d, seed=1):
    return torch.rand(n, d, generator=seeded(seed), dtype=torch.float64) * 2 - 1


def network(shape, seed=0, **options):
    """Random parameters throughout, small enough to stay on the domain."""
    model = KAN(shape, generator=seeded(seed), dtype=torch.float64, **options)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            centre = 1.0 if "scale" in name else 0.0
            parameter.copy_(centre + 0.2 * torch.randn(parameter.shape, generator=seeded(seed), dtype=torch.float64))
    return model


def kill(model, alive):
    """Zero edges wherever `alive`, one bool (n_in, n_out) per layer, is false."""
    with torch.no_grad():
        for layer, mask in zip(model, alive, strict=True):
            layer.coefficients *= mask.unsqueeze(1)
            if layer.edge_scale is EdgeScale.edge:
                layer.scale *= mask


def count(model):
    return sum(p.numel() for p in model.parameters())


def on_paths(alive):
    """By products of matrices: edges and hidden nodes that a path from an input to an output leads through."""
    matrices = [mask.double() for mask in alive]
    reach = [torch.ones(len(alive[0]), dtype=torch.float64)]
    for matrix in matrices:
        reach.append(reach[-1] @ matrix)
    need = [torch.ones(alive[-1].shape[1], dtype=torch.float64)]
    for matrix in reversed(matrices):
        need.append(matrix @ need[-1])
    need.reverse()
    edges = [(a.unsqueeze(1) * m * b) > 0 for a, m, b in zip(reach, matrices, need[1:], strict=False)]
    return edges, [(a * b) > 0 for a, b in zip(reach, need, strict=True)][1:-1]


def per_edge(layer):
    base = layer.base_branch is not BaseBranch.none and layer.edge_scale is not EdgeScale.edge
    return layer.basis.n_terms + base + (layer.edge_scale is not EdgeScale.none)


@settings(max_examples=60, deadline=None)
@given(shape=shapes, options=switches, seed=st.integers(0, 10_000), density=st.floats(0.3, 0.9))
def test_without_dead_edges_and_nodes_the_outputs_stay_and_the_count_falls_by_the_closed_form(
    shape, options, seed, density
):
    model = network(shape, seed, **options)
    alive = [torch.rand(m.n_in, m.n_out, generator=seeded(seed)) < density for m in model]
    edges, hidden = on_paths(alive)
    kill(model, alive)
    x = samples(40, shape[0])
    if not any(mask.any() for mask in edges):
        with pytest.raises(ValueError, match=NO_PATH):
            prune(model, x, edge_threshold=0.0, node_threshold=0.0)
        return
    smaller = prune(model, x, edge_threshold=0.0, node_threshold=0.0)
    elsewhere = samples(50, shape[0], seed=2)
    torch.testing.assert_close(smaller(elsewhere), model(elsewhere), rtol=1e-12, atol=1e-12)
    widths = [int(nodes.sum()) for nodes in hidden]
    assert [layer.n_in for layer in smaller] == [shape[0], *widths]
    biases = sum(layer.n_out for layer in smaller if layer.bias is not None)
    inner = sum(layer.n_in for layer in smaller) * model[0].basis.n_inner
    assert count(smaller) == sum(int(m.sum()) * per_edge(model[0]) for m in edges) + inner + biases
    if options["bias"]:
        assert biases == sum(widths) + shape[-1]
    assert count(prune(smaller, x, edge_threshold=0.0, node_threshold=0.0)) == count(smaller)


def test_the_tour_prunes_to_one_node():
    model = network([2, 5, 1])
    alive = [torch.zeros(2, 5, dtype=torch.bool), torch.zeros(5, 1, dtype=torch.bool)]
    alive[0][:, 3] = alive[1][3] = True
    kill(model, alive)
    before = deepcopy(model.state_dict())
    smaller = prune(model, samples(30, 2))
    assert isinstance(smaller, KAN)
    assert [(layer.n_in, layer.n_out, layer.edges) for layer in smaller] == [(2, 1, None), (1, 1, None)]
    assert count(smaller) == 3 * model[0].basis.n_terms + 2
    assert smaller[0].is_linear
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    smaller[0].coefficients.data.zero_()
    assert model[0].coefficients.any()


@settings(max_examples=40, deadline=None)
@given(options=switches, seed=st.integers(0, 1000), data=st.data())
def test_removed_edges_leave_their_mean(options, seed, data):
    model, x = network([2, 3, 2], seed, **options), samples(20, 2)
    every = [(layer, i, j) for layer, (m, n) in enumerate([(2, 3), (3, 2)]) for i in range(m) for j in range(n)]
    gone = data.draw(st.lists(st.sampled_from(every), unique=True, min_size=1, max_size=3))
    averaged, zeroed = x, x
    for index, layer in enumerate(model):
        values, without = layer.edge_outputs(averaged), layer.edge_outputs(zeroed)
        for _, i, j in (edge for edge in gone if edge[0] == index):
            values[:, i, j] = values[:, i, j].mean()
            without[:, i, j] = 0.0
        bias = 0.0 if layer.bias is None else layer.bias
        averaged, zeroed = values.sum(1) + bias, without.sum(1) + bias
    torch.testing.assert_close(without_edges(model, gone, x)(x), averaged, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(without_edges(model, gone)(x), zeroed, rtol=1e-12, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(options=switches, seed=st.integers(0, 1000))
def test_removing_what_leads_to_an_output_keeps_its_mean(options, seed):
    model, x = network([2, 3, 1], seed, **options), samples(20, 2)
    for smaller in (without_edges(model, [(1, 2, 0)], x), without_nodes(model, [(1, 2)], x)):
        torch.testing.assert_close(smaller(x).mean(0), model(x).mean(0), rtol=1e-12, atol=1e-12)
        assert [layer.n_out for layer in smaller] == [2, 1]


def test_an_input_without_edges_stays_a_column():
    model, x = network([3, 2, 1]), samples(20, 3)
    smaller = without_nodes(model, [(0, 1)], x)
    moved = x.clone()
    moved[:, 1] = 0.3
    assert torch.equal(smaller(x), smaller(moved))
    assert smaller[0].n_in == 3
    assert smaller[0].active.tolist() == [[True, True], [False, False], [True, True]]


def test_thresholds_are_those_of_attribution():
    model, x = network([2, 4, 1], 3), samples(30, 2)
    scores = attribute(model, x)
    order = scores.nodes[1].sort().values
    smaller = prune(model, x, edge_threshold=0.0, node_threshold=float(order[1]))
    kept = scores.nodes[1] > order[1]
    assert smaller[0].n_out == 2
    assert torch.equal(smaller[0].coefficients, model[0].coefficients[..., kept])


def test_a_bias_appears_only_where_a_mean_is_left():
    model, x = network([2, 2, 1], bias=False), samples(20, 2)
    smaller = without_edges(model, [(0, 0, 0)], x)
    assert [layer.bias is None for layer in smaller] == [False, True]
    assert all(layer.bias is None for layer in without_edges(model, [(0, 0, 0)]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x: prune(m, x, edge_threshold=1.0), r"edge_threshold must be in \[0, 1\), got 1.0"),
        (lambda m, x: prune(m, x, node_threshold=-0.1), r"node_threshold must be in \[0, 1\), got -0.1"),
        (lambda m, x: prune(m, x, node_threshold=float("nan")), r"node_threshold must be in \[0, 1\), got nan"),
        (lambda m, x: prune(m, x[:1]), "x must hold at least two samples, got 1"),
        (lambda m, x: prune(m, x / 0.0), "x must be finite, got 'NaN or infinity'"),
        (lambda m, x: prune(m, x.float()), "x must be torch.float64, as the model is, got torch.float32"),
        (lambda m, x: prune(m[0], x), "model must be a sequence of layers, got 'KANLayer'"),
        (lambda m, x: without_edges(m, [(0, 1)]), r"edge must be \(layer, input, output\), got \(0, 1\)"),
        (lambda m, x: without_nodes(m, [(1,)]), r"node must be \(layer, node\), got \(1,\)"),
        (lambda m, x: prune(MLP([2, 1]), x), "layer 0 must be a KANLayer, got 'Affine'"),
        (lambda m, x: without_edges(m, [(0, 2, 0)]), r"edge \(layer, input, output\) must be .*, got \(0, 2, 0\)"),
        (lambda m, x: without_edges(m, [(0, 0, 0)] * 2), r"edge \(layer, input, output\) must be .*, got \(0, 0, 0\)"),
        (lambda m, x: without_edges(m, [(-1, 0, 0)]), r"edge \(layer, input, output\) must be .*, got \(-1, 0, 0\)"),
        (lambda m, x: without_nodes(m, [(2, 0)]), r"node \(layer, node\) must be .*, got \(2, 0\)"),
        (lambda m, x: without_nodes(m, [(1, 3)]), r"node \(layer, node\) must be .*, got \(1, 3\)"),
        (lambda m, x: without_nodes(m, [(0, 0), (0, 1)]), NO_PATH),
        (lambda m, x: prune(m, x * 0.0), NO_PATH),
    ],
)
def test_bad_requests_get_one_sentence(call, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        call(network([2, 3, 1]), samples(10, 2))


def test_any_sequence_of_layers_can_be_pruned():
    model = nn.Sequential(KANLayer(2, 2, edges=[(0, 0), (1, 0), (1, 1)]), KANLayer(2, 1)).double()
    smaller = without_edges(model, [(0, 1, 0)], samples(10, 2))
    assert smaller[0].edges == ((0, 0), (1, 1))
    assert type(smaller) is nn.Sequential
