"""Counts in closed form against built models, and widths against brute force."""

from dataclasses import fields, replace
from itertools import combinations, product
from typing import get_type_hints

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kanbench.bases import BASES, BSpline, Chebyshev, Taylor
from kanbench.methods import BudgetTooSmall, KANMethod, MLPMethod, solve_nodes
from kanbench.models import Activation, Aggregation, BaseBranch, EdgeScale, Initialization, Squash

OTHER = {int: lambda n: n + 1, float: lambda x: x + 0.5, bool: lambda b: not b}


def variants(basis):
    """The basis, and the basis with each field changed in turn."""
    hints = get_type_hints(type(basis))
    return [basis, *(replace(basis, **{n: OTHER[kind](getattr(basis, n))}) for n, kind in hints.items())]


EVERY_BASIS = [each for cls in BASES.values() for each in variants(cls())]

STARTS = [each for each in Initialization if each is not Initialization.functions]  # which some switches exclude
kans = st.builds(
    KANMethod,
    depth=st.integers(1, 3),
    base_branch=st.sampled_from(BaseBranch),
    bias=st.booleans(),
    edge_scale=st.sampled_from(EdgeScale),
    squash=st.sampled_from(Squash),
    initialization=st.sampled_from(STARTS),
    basis=st.sampled_from(EVERY_BASIS),
    aggregation=st.sampled_from(Aggregation),
)
mlps = st.builds(
    MLPMethod, depth=st.integers(1, 4), activation=st.sampled_from(Activation), fourier=st.sampled_from([0, 1, 5])
)
methods = kans | mlps


def trainable(method, n_in, nodes):
    model = method.build(n_in, nodes, torch.Generator().manual_seed(0), torch.float32)
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


@settings(max_examples=120, deadline=None)
@given(method=methods, n_in=st.integers(1, 8), more=st.integers(0, 24))
def test_count_is_what_the_built_model_trains(method, n_in, more):
    nodes = method.depth + more
    assert method.count(n_in, nodes) == trainable(method, n_in, nodes)


def test_hidden_layers_share_the_nodes_and_differ_by_one_at_most():
    assert MLPMethod(depth=2).shape(5, 7, 1) == [5, 4, 3, 1]
    assert MLPMethod(depth=3).shape(2, 11, 2) == [2, 4, 4, 3, 2]
    assert MLPMethod(depth=1).shape(2, 7, 1) == [2, 7, 1]
    # by hand: 3 * 4 + 5 * 3 + 4 weights and biases
    assert MLPMethod(depth=2).count(2, 7) == 31
    sizing = solve_nodes(MLPMethod(depth=2), 2, 30)
    assert (sizing.shape, sizing.width, sizing.nodes, sizing.params) == ((2, 4, 3, 1), 4, 7, 31)


@settings(max_examples=20, deadline=None)
@given(method=methods, n_in=st.integers(1, 8), more=st.integers(0, 12))
def test_built_models_map_inputs_to_one_number(method, n_in, more):
    model = method.build(n_in, method.depth + more, torch.Generator().manual_seed(0), torch.float64)
    assert model(torch.zeros(5, n_in, dtype=torch.float64)).shape == (5, 1)


@pytest.mark.parametrize("width", [1, 2, 5, 40])
def test_counts_by_hand(width):
    # 3 edges per hidden node, 8 terms each, a bias per node
    assert KANMethod(depth=1, basis=BSpline(degree=3, intervals=5)).count(2, width) == 25 * width + 1
    # 2 weights in, 1 weight out, a bias per node
    assert MLPMethod(depth=1).count(2, width) == 4 * width + 1
    # w hidden nodes with 8 coefficients more
    assert MLPMethod(depth=1, activation=Activation.bspline).count(2, width) == 12 * width + 1
    # 2 x 5 features in, 1 weight out, a bias per node; the frequencies are not trained
    assert MLPMethod(depth=1, fourier=5).count(2, width) == 12 * width + 1
    # 3 hidden layers: 2w + 2w^2 + w weights, a bias per node
    assert MLPMethod(depth=3).count(2, 3 * width) == 2 * width**2 + 6 * width + 1
    # edges 2w + w^2 + w, of 5 + 1 + 1 parameters
    switched = KANMethod(
        depth=2, basis=Taylor(degree=5), bias=False, base_branch=BaseBranch.silu, edge_scale=EdgeScale.basis
    )
    assert switched.count(2, 2 * width) == 7 * (width**2 + 3 * width)


def test_the_smallest_kan_of_the_paper_by_hand():
    # 3 edges of G + k = 6 terms, a weight of the base branch and a scale: edges x G would say 9
    basis = BSpline(degree=3, intervals=3)
    method = KANMethod(1, bias=False, basis=basis, base_branch=BaseBranch.silu, edge_scale=EdgeScale.basis)
    assert method.count(2, 1) == 24
    assert replace(method, bias=True).count(2, 1) == 26


@settings(max_examples=80, deadline=None)
@given(method=methods, n_in=st.integers(1, 8), data=st.data())
def test_solve_nodes_is_nearest(method, n_in, data):
    counts = {nodes: method.count(n_in, nodes) for nodes in range(method.depth, method.depth + 61)}
    least, *_, most = counts.values()
    assert list(counts.values()) == sorted(set(counts.values()))  # more nodes are more parameters
    budget = data.draw(st.integers(least, most))
    sizing = solve_nodes(method, n_in, budget)
    assert sizing.nodes == min(counts, key=lambda nodes: (abs(counts[nodes] - budget), nodes))
    assert sizing.params == counts[sizing.nodes]
    assert sizing.miss == pytest.approx((sizing.params - budget) / budget)


@settings(max_examples=40, deadline=None)
@given(method=methods, n_in=st.integers(1, 8), data=st.data())
def test_a_budget_under_the_least_by_a_quarter_is_refused(method, n_in, data):
    least = method.count(n_in, method.depth)
    budget = data.draw(st.integers(1, least))
    if least <= 1.25 * budget:
        assert solve_nodes(method, n_in, budget).nodes == method.depth
        return
    with pytest.raises(BudgetTooSmall) as refusal:
        solve_nodes(method, n_in, budget)
    for part in (f"budget of {budget} ", method.label, f"with {n_in} input", f"smallest model has {least}"):
        assert part in str(refusal.value)


@settings(max_examples=80, deadline=None)
@given(method=kans, other=kans)
def test_labels_of_distinct_kans_are_distinct(method, other):
    assume(method != other)
    assert method.label != other.label


def test_labels_of_all_switches_are_distinct():
    switches = (BaseBranch, [True, False], EdgeScale, Squash, STARTS, [0.3, 0.31], [BSpline(), Chebyshev()])
    every = [KANMethod(depth, *values) for depth in (1, 2) for values in product(*switches)]
    every = [replace(each, aggregation=aggregation) for each in every for aggregation in Aggregation]
    fourier = [(0, 3.0), (8, 3.0), (8, 1.0), (16, 3.0)]
    every += [MLPMethod(depth, activation, *each) for depth in (1, 2) for activation in Activation for each in fourier]
    every += [MLPMethod(gain=gain) for gain in (0.5, 2.0)]
    assert len({method.label for method in every}) == len(every)


def test_labels_of_all_bases_are_distinct():
    for one, other in combinations([KANMethod(basis=basis) for basis in EVERY_BASIS], 2):
        assert one.label != other.label


@pytest.mark.parametrize("cls", BASES.values(), ids=BASES)
def test_labels_name_the_fields_that_are_not_at_their_default(cls):
    default, *changed = variants(cls())
    for name, basis in zip(get_type_hints(cls), changed, strict=True):
        part = f"{name}={getattr(basis, name)}"
        assert part in KANMethod(basis=basis).label
        assert f"{name}=" not in KANMethod(basis=default).label
    method = KANMethod(depth=7, bias=False, gain=0.55, squash=Squash.none)
    for part in ("depth=7", "bias=False", "gain=0.55", "squash=none"):
        assert part in method.label
    assert "base_branch" not in method.label


@pytest.mark.parametrize("cls", [KANMethod, MLPMethod])
def test_methods_are_values_of_at_least_one_hidden_layer(cls):
    assert cls() == cls()
    assert hash(cls()) == hash(cls())
    assert "depth" in {each.name for each in fields(cls)}
    with pytest.raises(ValueError, match=r"^depth .*, got 0"):
        cls(depth=0)


def test_the_scale_of_no_random_features_makes_no_other_method():
    assert MLPMethod(fourier_scale=1.0) == MLPMethod()
    assert MLPMethod(fourier=8, fourier_scale=1.0) != MLPMethod(fourier=8)
