"""Grid updates and extensions keep the function."""

import re
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kanbench.bases import BASES, RBF, BSpline, Chebyshev, Fourier, Hermite, Jacobi, Taylor
from kanbench.models import (
    KAN,
    MLP,
    Aggregation,
    BaseBranch,
    EdgeScale,
    KANLayer,
    Squash,
    extend,
    extend_all,
    update_grid,
    update_grids,
)

BOUND = 1e-6  # relative change, promised; below 1e-12 in fact
TIGHT = 1e-11
some = settings(max_examples=40, deadline=None)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def randomized(module, seed=1):
    generator = seeded(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return module


def data(seed, n=60):
    """Columns: spread, constant, binary, heavy-tailed, off the domain, narrow, nearly binary."""
    draw = np.random.default_rng(seed)
    return torch.tensor(
        np.stack(
            [
                draw.uniform(-1.0, 1.0, n),
                np.full(n, draw.uniform(-2.0, 2.0)),
                draw.integers(0, 2, n) * 1.0,
                draw.standard_cauchy(n),
                draw.uniform(0.5, 2.5, n),
                draw.uniform(-1.0, 1.0) + 1e-3 * draw.normal(size=n),
                draw.integers(0, 2, n) + 1e-12 * draw.normal(size=n),
            ],
            axis=1,
        )
    )


def change(old, new, x):
    """The largest change, relative to the largest value."""
    before, after = old(x), new(x)
    return ((after - before).abs().max() / before.abs().max()).item()


switches = st.fixed_dictionaries(
    {
        "aggregation": st.sampled_from(Aggregation),
        "base_branch": st.sampled_from(BaseBranch),
        "bias": st.booleans(),
        "edge_scale": st.sampled_from(EdgeScale),
        "squash": st.sampled_from(Squash),
    }
)
splines = st.builds(BSpline, degree=st.integers(1, 5), intervals=st.integers(1, 12), low=st.floats(-2.0, -0.5))


@some
@given(options=switches, basis=splines, seed=st.integers(0, 10**6), mix=st.floats(0, 1), more=st.integers(0, 30))
def test_update_and_extension_keep_the_function_of_a_layer(options, basis, seed, mix, more):
    x = data(seed)
    old = randomized(KANLayer(7, 3, basis, **options, dtype=torch.float64), seed)
    state = {name: value.clone() for name, value in old.state_dict().items()}
    updated = update_grid(old, x, mix=mix)
    assert change(old, updated, x) < TIGHT
    assert change(old, update_grid(old, x, mix=mix, intervals=basis.intervals), x) < TIGHT
    extended = extend(old, basis.intervals + more, x, mix=mix)
    assert extended.basis.intervals == basis.intervals + more
    assert change(old, extended, x) < TIGHT
    again = extend(update_grid(extended, x, mix=1.0 - mix), 100, x, mix=mix)
    assert change(old, again, x) < BOUND
    assert all(torch.equal(state[name], value) for name, value in old.state_dict().items())


@settings(max_examples=15, deadline=None)
@given(options=switches, seed=st.integers(0, 10**6), mix=st.floats(0, 1))
def test_they_keep_the_function_of_a_network(options, seed, mix):
    x = data(seed)
    old = randomized(KAN([7, 3, 2, 1], BSpline(intervals=3), **options, dtype=torch.float64), seed)
    for new in (update_grid(old, x, mix=mix), extend(old, 5), extend(old, 12, x), extend(old, 7, x, mix=mix)):
        assert change(old, new, x) < BOUND
        assert isinstance(new, KAN)


@some
@given(basis=splines, intervals=st.integers(0, 30))
def test_extension_without_data_keeps_the_whole_line(basis, intervals):
    old = randomized(KANLayer(2, 3, basis, dtype=torch.float64))
    x = torch.linspace(-10.0, 10.0, 2001, dtype=torch.float64).unsqueeze(1).repeat(1, 2)
    assert change(old, extend(old, basis.intervals + intervals), x) < TIGHT


def test_a_multiple_stays_uniform_where_no_input_is_off_the_domain():
    x = torch.rand(50, 2, generator=seeded(), dtype=torch.float64) * 2 - 1
    old = randomized(KAN([2, 3, 1], BSpline(intervals=5), dtype=torch.float64))
    assert [layer.knots is None for layer in extend(old, 10, x)] == [True, True]
    assert [layer.knots is None for layer in extend(old, 10)] == [False, True]  # tanh before the second alone
    assert [layer.knots is None for layer in extend(old, 10, 1.1 * x)] == [False, True]
    assert [layer.knots is None for layer in extend(old, 12, x)] == [False, False]
    assert change(old, extend(old, 10, x), x) < TIGHT


def test_extension_composes():
    x = torch.rand(50, 2, generator=seeded(), dtype=torch.float64) * 2 - 1
    old = randomized(KAN([2, 3, 1], BSpline(intervals=3), dtype=torch.float64))
    grown = old
    for intervals in (5, 10, 20, 50):
        grown = extend(grown, intervals)
        assert change(old, grown, x) < TIGHT
    once = extend(extend(old, 6, x), 24, x)
    torch.testing.assert_close(once[0].coefficients, extend(old, 24, x)[0].coefficients, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_updated_splines_have_all_their_continuous_derivatives(degree):
    layer = randomized(KANLayer(1, 1, BSpline(degree=degree), bias=False, dtype=torch.float64))
    x = torch.rand(200, 1, generator=seeded(), dtype=torch.float64) * 0.9 - 0.7
    new = update_grid(extend(layer, 8), x, mix=1.0)
    knots, h = new.knots[0, degree:-degree], 1e-10

    def derivative(z, order):
        value = new(z.unsqueeze(-1)).squeeze(-1)
        for _ in range(order):
            value = torch.autograd.grad(value.sum(), z, create_graph=True)[0]
        return value.detach()

    for order in range(degree):
        sides = [derivative((knots + side).clone().requires_grad_(), order) for side in (-h, h)]
        scale = max(derivative(x[:, 0].clone().requires_grad_(), order + 1).abs().max().item(), 1.0)
        torch.testing.assert_close(sides[0], sides[1], rtol=1e-7, atol=1e-7 * scale)


def test_an_update_brings_the_knots_to_the_data():
    layer = randomized(KANLayer(1, 2, BSpline(intervals=10), dtype=torch.float64))
    x = torch.rand(500, 1, generator=seeded(), dtype=torch.float64) * 0.2 + 0.5
    inner = update_grid(layer, x).knots[0, 3:-3]
    assert inner.min() > 0.48
    assert inner.max() < 0.72
    assert len(inner) == 11


def test_data_off_the_domain_takes_more_intervals_unless_they_are_fixed():
    layer = randomized(KANLayer(1, 2, BSpline(intervals=2), dtype=torch.float64))
    x = torch.linspace(-2.5, 0.5, 50, dtype=torch.float64).unsqueeze(1)  # over the knots -2, -1, 0
    assert update_grid(layer, x).basis.intervals == 4
    stays = update_grid(layer, x, intervals=2)
    assert stays.basis.intervals == 2
    torch.testing.assert_close(stays.knots[0], layer.basis.uniform_knots())
    assert change(layer, stays, x) < TIGHT


GROWN = [
    (Chebyshev(degree=4), 9),
    (Chebyshev(degree=3, constant=True), 4),
    (Taylor(degree=4), 9),
    (Taylor(degree=3, constant=True), 4),
    (Jacobi(degree=3, alpha=0.5, beta=2.0), 6),
    (Hermite(degree=4, constant=True), 5),
    (Fourier(harmonics=3), 7),
    (Fourier(harmonics=1, periods=1.0), 2),
]


@pytest.mark.parametrize(("basis", "size"), GROWN, ids=str)
@pytest.mark.parametrize("edge_scale", EdgeScale)
def test_other_families_grow_by_zeros(basis, size, edge_scale):
    basis = replace(basis, low=-0.5, high=2.0)
    old = KAN([2, 3, 1], basis, base_branch=BaseBranch.silu, edge_scale=edge_scale, dtype=torch.float64)
    randomized(old)
    new = extend(old, size)
    assert getattr(new[0].basis, basis.grows_by) == size
    x = torch.linspace(-3.0, 5.0, 101, dtype=torch.float64).unsqueeze(1).repeat(1, 2)
    torch.testing.assert_close(new(x), old(x), rtol=1e-13, atol=1e-13)
    assert new[0].coefficients.count_nonzero() == old[0].coefficients.count_nonzero()


def test_a_network_may_hold_layers_among_others():
    model = nn.Sequential(nn.Linear(3, 4), KANLayer(4, 2, BSpline(intervals=2)), nn.Linear(2, 1)).double()
    x = torch.randn(40, 3, generator=seeded(), dtype=torch.float64)
    for new in (extend(model, 7), update_grid(model, x)):
        assert change(model, new, x) < TIGHT
        assert new[1].knots is not None


def test_several_models_share_the_shape_and_keep_their_own_functions():
    models = [
        randomized(KAN([2, 3, 1], BSpline(intervals=3), squash=Squash.none, dtype=torch.float64), s) for s in range(3)
    ]
    scale = torch.tensor([0.1, 1.0, 3.0], dtype=torch.float64).view(3, 1, 1)
    x = scale * torch.randn(3, 40, 2, generator=seeded(), dtype=torch.float64)
    for together in (update_grids(models, x), extend_all(models, 6, x), extend_all(models, 6, x, mix=0.5)):
        assert len({tuple(layer.basis.intervals for layer in model) for model in together}) == 1
        assert len({tuple(layer.knots is None for layer in model) for model in together}) == 1
        assert all(change(*each) < TIGHT for each in zip(models, together, x, strict=True))


def test_single_precision_and_gradients_survive():
    layer = KANLayer(2, 3, BSpline(intervals=4), generator=seeded())
    x = torch.rand(100, 2, generator=seeded()) * 0.5
    new = extend(update_grid(layer, x, mix=0.9), 20, x)
    assert {tensor.dtype for tensor in new.state_dict().values()} == {torch.float32}
    assert change(layer, new, x) < 1e-5
    new(x).square().sum().backward()
    assert new.coefficients.grad.isfinite().all()


X = torch.rand(20, 2, generator=seeded(), dtype=torch.float64)
SPLINES = KAN([2, 3, 1], BSpline(intervals=5), dtype=torch.float64)
REFUSALS = {
    "intervals must not shrink from 5, got 4": lambda: extend(SPLINES, 4),
    "intervals must not shrink from 5, got 2": lambda: update_grid(SPLINES, X, intervals=2),
    "degree must not shrink from 8, got 7": lambda: extend(KAN([2, 1], Chebyshev(degree=8)), 7),
    "intervals must be a whole number, got 7.5": lambda: extend(SPLINES, 7.5),
    "x must be torch.float64, as the model is, got torch.float32": lambda: extend(SPLINES, 9, X.float()),
    "x must be a tensor, got 'list'": lambda: update_grid(SPLINES, X.tolist()),
    "mix must be in [0, 1], got 1.5": lambda: update_grid(SPLINES, X, mix=1.5),
    "mix must be in [0, 1], got nan": lambda: extend(SPLINES, 9, X, mix=float("nan")),
    "mix must be 0 where there is no x to follow, got 0.5": lambda: extend(SPLINES, 9, mix=0.5),
    "x must be finite wherever it enters a layer, got 2 values that are not": lambda: update_grid(
        SPLINES, X.masked_fill(X[0] == X, torch.nan)
    ),
    "dtype must be float32 or float64 where knots follow data, got torch.bfloat16": lambda: update_grid(
        deepcopy(SPLINES).bfloat16(), X.bfloat16()
    ),
    "dtype must be float32 or float64 where knots follow data, got torch.float16": lambda: extend(
        deepcopy(SPLINES).half(), 7, X.half()
    ),
    "x must have 2 columns, got 3": lambda: update_grid(SPLINES, torch.zeros(4, 3, dtype=torch.float64)),
    "x must have at least one row, got 0": lambda: update_grid(SPLINES, X[:0]),
    "x must hold data for each of 2 models, got 1": lambda: update_grids([SPLINES, SPLINES], [X]),
    "model must hold a KAN layer, got 'MLP'": lambda: extend(MLP([2, 3, 1]), 9),
    "RBF cannot be extended: no larger family holds its functions": lambda: extend(KAN([2, 1], RBF()), 20),
    "a grid update moves the knots of splines; Fourier has none": lambda: update_grid(
        KAN([2, 1], Fourier()), X.float()
    ),
}


@pytest.mark.parametrize(("sentence", "act"), REFUSALS.items(), ids=list(REFUSALS))
def test_refuses_in_one_sentence(sentence, act):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        act()


def test_every_basis_says_what_grows():
    assert {name: cls.grows_by for name, cls in BASES.items()} == {
        "bspline": "intervals",
        "chebyshev": "degree",
        "fourier": "harmonics",
        "rbf": "",
        "taylor": "degree",
        "legendre": "degree",
        "jacobi": "degree",
        "gegenbauer": "degree",
        "hermite": "degree",
        "bernstein": "",
        "relu_bumps": "",
        "mexican_hat": "",
        "morlet": "",
        "gaussian_derivative": "",
        "rational": "",
        "sine": "",
        "free_knots": "",
    }


@pytest.mark.parametrize("operation", [lambda m, x: extend(m, 7, x), update_grid], ids=["extend", "update"])
def test_a_pruned_layer_keeps_its_edges_and_its_function(operation):
    edges = [(0, 0), (2, 1)]
    layer = KANLayer(3, 2, edges=edges, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    x = torch.rand(200, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64) * 0.5
    changed = operation(layer, x)
    assert changed.edges == layer.edges
    assert changed.coefficients.shape == (2, changed.basis.n_terms)
    torch.testing.assert_close(changed(x), layer(x), rtol=1e-10, atol=1e-10)


class UsedTwice(nn.Module):
    """A network that uses its layer in two places, each with inputs of another range."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(0.2 * self.layer(3.0 * x))


class CalledByName(UsedTwice):
    def forward(self, x):
        return self.layer(x=0.3 * x)


class SeenByItsEdges(UsedTwice):
    """The layer is used once as such, and once edge by edge."""

    def forward(self, x):
        return self.layer(0.2 * x) + self.layer.edge_outputs(3.0 * x).sum(-2)


class WithAnIdleLayer(UsedTwice):
    """No data reach the other layer."""

    def __init__(self, layer):
        super().__init__(layer)
        self.idle = randomized(KANLayer(1, 1, dtype=torch.float64), 7)


class Normalized(UsedTwice):
    """Its statistics run on while it is in training mode."""

    def __init__(self, layer):
        super().__init__(layer)
        self.normalize = nn.BatchNorm1d(1, dtype=torch.float64)

    def forward(self, x):
        return self.layer(self.normalize(x))


@pytest.mark.parametrize("kind", [UsedTwice, CalledByName, SeenByItsEdges, WithAnIdleLayer, Normalized])
@pytest.mark.parametrize(
    "operation",
    [update_grid, lambda m, x: update_grid(m, x, mix=1.0), lambda m, x: extend(m, 10, x), lambda m, x: extend(m, 7, x)],
    ids=["update", "to the quantiles", "finer", "between"],
)
def test_a_network_that_uses_its_layer_in_its_own_way_keeps_its_function(kind, operation):
    model = kind(randomized(KANLayer(1, 1, BSpline(intervals=5), dtype=torch.float64)))
    x = torch.rand(200, 1, generator=seeded(), dtype=torch.float64) * 2 - 1
    new = operation(model, x)
    assert change(model.eval(), new.eval(), x) < TIGHT
    if kind is WithAnIdleLayer:
        assert change(model.idle, new.idle, 2 * x) < TIGHT


def test_an_update_of_a_layer_that_is_used_twice_reaches_over_the_inputs_of_both_uses():
    model = UsedTwice(randomized(KANLayer(1, 1, BSpline(intervals=5), bias=False, dtype=torch.float64)))
    x = torch.rand(200, 1, generator=seeded(), dtype=torch.float64) * 2 - 1
    inner = update_grid(model, x).layer.knots[0, 3:-3]
    assert inner.min() <= 3 * x.min()
    assert inner.max() >= 3 * x.max()
    in_sequence = nn.Sequential(model.layer, nn.Tanh(), model.layer)
    assert change(in_sequence, update_grid(in_sequence, 3 * x), 3 * x) < TIGHT
