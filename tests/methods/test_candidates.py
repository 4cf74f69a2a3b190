"""The shapes that a search tries: the same number of depths and sizes for every kind of method."""

from collections import Counter
from dataclasses import fields
from itertools import pairwise

import pytest
import torch

from kanbench.bases import BASES, BSpline
from kanbench.methods import KANMethod, MLPMethod, OwnMethod
from kanbench.models import MLP, Aggregation, BaseBranch

KANS = {name: KANMethod(basis=cls()) for name, cls in BASES.items()}


@pytest.mark.parametrize("method", [*KANS.values(), MLPMethod()], ids=[*KANS, "mlp"])
def test_nine_shapes_are_three_depths_times_three_sizes_and_few_of_them_are_a_fair_sample(method):
    every = method.candidates()
    shapes = [(each.depth, each.searched_size) for each in every]
    sizes = {size for _, size in shapes[:9]}
    assert len(set(shapes)) == len(shapes) >= 15
    assert set(shapes[:9]) == {(depth, size) for depth in (1, 2, 3) for size in sizes}
    for i in (0, 3, 6):
        assert {depth for depth, _ in shapes[i : i + 3]} == {1, 2, 3}
        assert {size for _, size in shapes[i : i + 3]} == sizes
    assert not {size for _, size in shapes[9:12]} & sizes or shapes[9][0] == 4


@pytest.mark.parametrize("cls", BASES.values(), ids=BASES)
def test_a_basis_that_says_its_sizes_can_have_each_of_them(cls):
    assert cls.sized_by in {each.name for each in fields(cls)}
    terms = [KANMethod(basis=cls())._sized(size).n_terms for size in sorted(cls.sizes)]
    assert terms == sorted(set(terms))
    assert len(cls.sizes) >= 3


def test_switches_of_the_user_are_kept_and_the_line_is_named_without_what_is_searched():
    method = KANMethod(
        depth=2, basis=BSpline(degree=2, intervals=9), aggregation=Aggregation.mean, base_branch=BaseBranch.silu
    )
    assert method.line == "KAN BSpline degree=2 mean base_branch=silu"
    for each in method.candidates():
        assert (each.basis.degree, each.aggregation, each.base_branch) == (2, Aggregation.mean, BaseBranch.silu)
        assert each.line == method.line
    assert MLPMethod(depth=3, activation="silu", gain=2.0).line == "MLP silu"
    assert {each.activation for each in MLPMethod(activation="silu").candidates()} == {"silu"}


def test_a_basis_without_a_size_is_searched_by_the_gain_of_its_start():
    class Plain(BSpline):
        sized_by, sizes = "", ()

    every = KANMethod(basis=Plain()).candidates()
    assert {each.gain for each in every[:9]} == {0.15, 0.3, 0.6}
    assert Counter(each.depth for each in every[:9]) == {1: 3, 2: 3, 3: 3}


def test_a_basis_that_grows_in_stages_has_no_other_sizes():
    with pytest.raises(ValueError, match=r"^stages must be empty in a search of shapes"):
        KANMethod(basis=BSpline(intervals=5), stages=(3, 5)).candidates()


class Dense(torch.nn.Sequential):
    def __init__(self, widths, bias=1):
        super().__init__(*(torch.nn.Linear(a, b) for a, b in pairwise(widths)))


def test_own_models_are_searched_by_lists_of_their_arguments_and_by_depth():
    method = OwnMethod(target=Dense, shapes=[{"bias": 1}, {"bias": 2}, {"bias": 3}, {"bias": 4}], key="1")
    every = method.candidates()
    assert {(each.depth, each.kwargs["bias"]) for each in every[:9]} == {(d, b) for d in (1, 2, 3) for b in (1, 2, 3)}
    assert {each.kwargs["bias"] for each in every[9:12]} == {4}
    assert {each.line for each in every} == {f"Dense bias={b} {method.hash[:6]}" for b in (1, 2, 3, 4)}
    assert [each.depth for each in OwnMethod(target=Dense, key="1").candidates()] == [1, 2, 3, 4]
    with pytest.raises(ValueError, match=r"kwargs must be a mapping"):
        OwnMethod(target=Dense, shapes=[3], key="1")


@pytest.mark.parametrize("activation", ["tanh", "relu", "bspline"])
@pytest.mark.parametrize("fourier", [0, 4])
def test_the_gain_is_a_factor_of_the_starting_weights_and_of_no_bias(activation, fourier):
    def start(gain):
        method = MLPMethod(2, activation, fourier=fourier, gain=gain)
        return method.build(2, 7, torch.Generator().manual_seed(0), torch.float64).state_dict()

    plain, doubled = start(1.0), start(2.0)
    for name, value in plain.items():
        assert torch.equal(doubled[name], 2.0 * value if name.endswith("weight") else value)


def test_a_network_takes_the_gain_as_well():
    torch.manual_seed(0)
    plain = MLP([2, 3, 1])
    torch.manual_seed(0)
    assert torch.equal(MLP([2, 3, 1], gain=0.5)[0].weight, 0.5 * plain[0].weight)


@pytest.mark.parametrize("gain", [0.0, -1.0, 1e4, float("nan")])
def test_a_gain_out_of_range_is_refused(gain):
    with pytest.raises(ValueError, match=r"^gain must be"):
        MLPMethod(gain=gain)
