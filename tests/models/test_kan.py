"""KAN layers against an explicit loop over edges, their initialization and their manners as modules."""

import inspect
import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kanbench.bases import BASES, BSpline, Chebyshev, Taylor
from kanbench.methods import KANMethod
from kanbench.models import (
    KAN,
    MLP,
    Activation,
    Aggregation,
    BaseBranch,
    EdgeScale,
    Initialization,
    KANLayer,
    Squash,
    update_grid,
)

BASE = {BaseBranch.linear: lambda x: x, BaseBranch.silu: lambda x: x / (1 + np.exp(-x))}
AGGREGATE = {
    Aggregation.sum: sum,
    Aggregation.mean: np.mean,
    Aggregation.sum_over_sqrt: lambda e: sum(e) / len(e) ** 0.5,
}

switches = st.fixed_dictionaries(
    {
        "basis": st.sampled_from([cls() for cls in BASES.values()]),
        "aggregation": st.sampled_from(Aggregation),
        "base_branch": st.sampled_from(BaseBranch),
        "bias": st.booleans(),
        "edge_scale": st.sampled_from(EdgeScale),
        "squash": st.sampled_from(Squash),
    }
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def layer(*shape, seed=0, **options):
    return KANLayer(*shape, generator=seeded(seed), dtype=torch.float64, **options)


def randomized(module, seed=1):
    """The module with every parameter drawn anew, so that none stays at a zero or a one."""
    generator = seeded(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return module


def phi(layer, x, i, j):
    """The function on the edge from input i to output j, at one number x."""
    c = layer.coefficients[i, :, j].detach().numpy()
    n_terms = layer.basis.n_terms
    scale = 1.0 if layer.edge_scale is EdgeScale.none else layer.scale[i, j].item()
    functions = functions_of(layer, x, i)
    spline = sum(c[t] * functions[t] for t in range(n_terms))
    if layer.base_branch is BaseBranch.none:
        return scale * spline
    base = BASE[layer.base_branch](x)
    return scale * (base + spline) if layer.edge_scale is EdgeScale.edge else c[n_terms] * base + scale * spline


def functions_of(layer, x, i):
    """The basis of input i at one number x."""
    if layer.inner is None:
        return layer.basis.expand(torch.tensor(x)).tolist()
    return layer.basis.expand_with(torch.tensor([x]), layer.inner[i])[0].tolist()


def double_loop(layer, x):
    """(batch, n_in) -> (batch, n_out), edge by edge."""
    n_in, _, n_out = layer.coefficients.shape
    x = np.tanh(x) if layer.squash is Squash.tanh else x
    bias = layer.bias.tolist() if layer.bias is not None else [0.0] * n_out
    return np.array(
        [
            [
                AGGREGATE[layer.aggregation]([phi(layer, row[i], i, j) for i in range(n_in)]) + bias[j]
                for j in range(n_out)
            ]
            for row in x
        ]
    )


@settings(max_examples=60, deadline=None)
@given(options=switches, n_in=st.integers(1, 4), n_out=st.integers(1, 3))
def test_layer_equals_a_loop_over_edges(options, n_in, n_out):
    module = randomized(layer(n_in, n_out, **options))
    x = np.random.default_rng(n_in).uniform(-1.3, 1.3, (4, n_in))
    np.testing.assert_allclose(module(torch.tensor(x)).detach().numpy(), double_loop(module, x), atol=1e-11)


@settings(max_examples=10, deadline=None)
@given(options=switches)
def test_network_composes_layers_and_squashes_between_them_only(options):
    module = randomized(KAN([2, 3, 2, 1], **options, generator=seeded(), dtype=torch.float64))
    x = y = np.random.default_rng(0).uniform(-1.0, 1.0, (3, 2))
    for depth, each in enumerate(module):
        inputs = np.tanh(y) if depth > 0 and options["squash"] is Squash.tanh else y
        each.squash = Squash.none
        y = double_loop(each, inputs)
        each.squash = options["squash"] if depth > 0 else Squash.none
    np.testing.assert_allclose(module(torch.tensor(x)).detach().numpy(), y, rtol=1e-9, atol=1e-9)


def test_squash_is_on_by_default_between_layers_of_a_network():
    assert [each.squash for each in KAN([2, 3, 3, 1])] == [Squash.none, Squash.tanh, Squash.tanh]
    assert KANLayer(2, 3).squash is Squash.none


@pytest.mark.parametrize(("aggregation", "power"), [(Aggregation.mean, 1.0), (Aggregation.sum_over_sqrt, 0.5)])
@pytest.mark.parametrize("n_in", [1, 3, 7])
def test_aggregations_are_a_sum_over_a_power_of_the_number_of_edges(aggregation, power, n_in):
    options = {"base_branch": BaseBranch.silu, "bias": False}
    x = torch.rand(20, n_in, generator=seeded(2), dtype=torch.float64) * 2 - 1
    total = layer(n_in, 4, **options)(x)
    torch.testing.assert_close(
        layer(n_in, 4, aggregation=aggregation, **options)(x), total / n_in**power, rtol=1e-13, atol=1e-14
    )


@pytest.mark.parametrize("basis", BASES.values(), ids=BASES)
def test_fan_in_sum_starts_as_a_variance_mean(basis):
    x = torch.rand(20, 5, generator=seeded(2), dtype=torch.float64) * 2 - 1
    total = layer(5, 3, basis(), Aggregation.sum, initialization=Initialization.fan_in, bias=False)
    mean = layer(5, 3, basis(), Aggregation.mean, initialization=Initialization.variance, bias=False)
    torch.testing.assert_close(total(x), mean(x), rtol=1e-12, atol=1e-14)
    assert total.coefficients.std() < mean.coefficients.std() / 4.9


@pytest.mark.parametrize("basis", BASES.values(), ids=BASES)
@pytest.mark.parametrize("gain", [0.3, 1.0])
@pytest.mark.parametrize("n_in", [1, 6])
def test_variance_start_gives_outputs_of_variance_gain_squared(basis, gain, n_in):
    module = layer(n_in, 3000, basis(low=-2.0, high=1.0), gain=gain)  # 3000 nodes: as many independent draws
    x = torch.rand(400, n_in, generator=seeded(3), dtype=torch.float64) * 3 - 2
    assert module(x).square().mean().item() == pytest.approx(gain**2, rel=0.12)


def test_normal_start_has_the_gain_as_its_standard_deviation():
    module = layer(20, 300, initialization=Initialization.normal, gain=0.7)
    assert module.coefficients.std().item() == pytest.approx(0.7, rel=0.02)
    assert module.coefficients.mean().item() == pytest.approx(0.0, abs=0.02)


def test_glorot_start_has_the_deviation_of_its_formula_for_taylor_polynomials():
    basis = Taylor(low=-1.0, high=1.0, degree=2, constant=False)  # x and x^2: energies 1/3 + 1/5, slopes 1 + 4/3
    module = layer(4, 2500, basis, initialization=Initialization.glorot, gain=1.0)
    expected = math.sqrt(2 / (4 * (1 / 3 + 1 / 5) + 2500 * (1 + 4 / 3)))
    assert module.coefficients.std().item() == pytest.approx(expected, rel=0.02)


def test_power_law_start_falls_with_the_power_of_the_coefficients_of_a_node():
    module = layer(5, 2500, Taylor(degree=3, constant=False), initialization=Initialization.power_law, gain=2.0)
    assert module.coefficients.std().item() == pytest.approx(2.0 / 15**1.75, rel=0.02)


def test_scales_start_at_one_and_biases_at_zero():
    module = layer(2, 3, edge_scale=EdgeScale.basis)
    assert (module.scale == 1.0).all()
    assert (module.bias == 0.0).all()


@settings(max_examples=10, deadline=None)
@given(options=switches)
def test_a_generator_leaves_the_global_one_alone(options):
    before = torch.get_rng_state()
    KAN([2, 3, 1], **options, generator=seeded())
    assert torch.equal(torch.get_rng_state(), before)


def test_the_seed_decides_the_weights():
    same, again, other = (KAN([2, 3, 1], generator=seeded(s)).state_dict() for s in (7, 7, 8))
    assert all(torch.equal(same[name], again[name]) for name in same)
    assert not any(torch.equal(same[name], other[name]) for name in same if "coefficients" in name)


def test_without_a_generator_the_global_seed_decides():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        first, second = KANLayer(2, 3), KANLayer(2, 3)
        torch.manual_seed(3)
        again = KANLayer(2, 3)
    assert torch.equal(first.coefficients, again.coefficients)
    assert not torch.equal(first.coefficients, second.coefficients)


@pytest.fixture
def one_thread():
    """Threads that wait for each other make steps this small ten times slower on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_a_layer_trains_inside_any_network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 4), KANLayer(4, 3, squash=Squash.tanh), nn.LayerNorm(3), nn.Linear(3, 1))
    x = torch.rand(64, 2, generator=seeded()) * 2 - 1
    y = torch.sin(math.pi * x[:, :1]) * x[:, 1:]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    losses = []
    for _ in range(150):
        optimizer.zero_grad()
        loss = (model(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 20


@settings(max_examples=40, deadline=None)
@given(options=switches)
def test_every_parameter_has_a_gradient(options):
    module = randomized(layer(3, 2, **options))
    x = torch.rand(4000, 3, generator=seeded(), dtype=torch.float64) * 12 - 6  # squashed, it still reaches both ends
    module(x).square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad.count_nonzero() == parameter.numel(), name


def test_leading_axes_are_batches():
    module = layer(3, 2)
    x = torch.rand(4, 5, 3, generator=seeded(), dtype=torch.float64)
    torch.testing.assert_close(module(x), module(x.reshape(20, 3)).reshape(4, 5, 2))


PAIRS = [(i, j) for i in range(3) for j in range(2)]


@settings(max_examples=60, deadline=None)
@given(options=switches, edges=st.sets(st.sampled_from(PAIRS), min_size=1))
def test_edge_outputs_are_the_functions_on_the_edges_and_add_up_to_the_nodes(options, edges):
    module = randomized(layer(3, 2, edges=edges, **options))
    x = np.random.default_rng(3).uniform(-1.3, 1.3, (4, 3))
    values = module.edge_outputs(torch.tensor(x))
    whole = values.sum(-2) if module.bias is None else values.sum(-2) + module.bias
    torch.testing.assert_close(whole, module(torch.tensor(x)), rtol=1e-12, atol=1e-12)
    squashed = np.tanh(x) if options["squash"] is Squash.tanh else x
    factor = {Aggregation.sum: 1.0, Aggregation.mean: 1 / 3, Aggregation.sum_over_sqrt: 3**-0.5}[options["aggregation"]]
    everywhere = all_edges(module)
    by_hand = np.zeros((4, 3, 2))
    for i, j in edges:
        by_hand[:, i, j] = [factor * phi(everywhere, row[i], i, j) for row in squashed]
    np.testing.assert_allclose(values.detach().numpy(), by_hand, atol=1e-11)


def all_edges(module):
    """A layer with all edges whose parameters are those of `module` where it has edges, and noise elsewhere."""
    options = {name: getattr(module, name) for name in ("basis", "base_branch", "edge_scale", "aggregation")}
    dense = randomized(layer(module.n_in, module.n_out, **options), seed=5)
    with torch.no_grad():
        for place, (i, j) in enumerate(module.active.nonzero().tolist()):
            dense.coefficients[i, :, j] = module.coefficients[place] if module.edges else module.coefficients[i, :, j]
            if module.edge_scale is not EdgeScale.none:
                dense.scale[i, j] = module.scale[place] if module.edges else module.scale[i, j]
        if module.inner is not None:
            dense.inner.copy_(module.inner)
    return dense


@settings(max_examples=30, deadline=None)
@given(options=switches, edges=st.sets(st.sampled_from(PAIRS), min_size=1))
def test_missing_edges_have_no_parameters(options, edges):
    module = layer(3, 2, edges=edges, **options)
    base = options["base_branch"] is not BaseBranch.none and options["edge_scale"] is not EdgeScale.edge
    per_edge = module.basis.n_terms + base + (options["edge_scale"] is not EdgeScale.none)
    others = 3 * module.basis.n_inner + 2 * options["bias"]
    assert sum(p.numel() for p in module.parameters()) == len(edges) * per_edge + others
    assert {(i, j) for i, j in module.active.nonzero().tolist()} == edges


@settings(max_examples=20, deadline=None)
@given(options=switches, order=st.permutations(PAIRS))
def test_a_layer_given_all_edges_is_an_ordinary_one(options, order):
    given, ordinary = layer(3, 2, edges=order, **options), layer(3, 2, **options)
    assert given.is_linear == ordinary.is_linear
    assert all(torch.equal(a, b) for a, b in zip(given.parameters(), ordinary.parameters(), strict=True))


@pytest.mark.parametrize("edges", [[], [(0, 2)], [(-1, 0)], [(0, 1), (0, 1)]])
def test_edges_that_a_layer_cannot_have_are_refused(edges):
    with pytest.raises(ValueError, match=r"^edges must .*, got "):
        layer(3, 2, edges=edges)


@pytest.mark.parametrize("shape", [[], [2], [2, 0, 1], [-1, 1]])
def test_shapes_that_a_network_cannot_have_are_refused(shape):
    with pytest.raises(
        ValueError, match=r"^shape must (have at least two widths|be whole numbers of at least 1, got )"
    ):
        KAN(shape)
    with pytest.raises(ValueError, match=r"^basis must be a Basis, got 'bspline'$"):
        KAN([2, 1], "bspline")


@settings(max_examples=40, deadline=None)
@given(options=switches, edges=st.sets(st.sampled_from(PAIRS), min_size=1))
def test_a_sublayer_has_the_same_functions_whatever_the_aggregation(options, edges):
    module = randomized(layer(3, 2, **options))
    kept = torch.zeros(3, 2, dtype=torch.bool)
    for edge in edges:
        kept[edge] = True
    inputs, outputs = kept.any(1), kept.any(0)
    part = module.sublayer(inputs, outputs, kept)
    x = torch.rand(4, 3, generator=seeded(), dtype=torch.float64) * 2 - 1
    expected = module.edge_outputs(x)[:, inputs][..., outputs] * kept[inputs][:, outputs]
    torch.testing.assert_close(part.edge_outputs(x[:, inputs]), expected, rtol=1e-12, atol=1e-13)
    if options["bias"]:
        assert torch.equal(part.bias, module.bias[outputs])


def trained_network(seed, knots):
    """A network with parameters of its own; its knots moved to some data, or not."""
    model = randomized(KAN([2, 3, 1], BSpline(intervals=5), generator=seeded(seed), dtype=torch.float64), seed)
    x = torch.rand(50, 2, generator=seeded(seed), dtype=torch.float64)
    return update_grid(model, x, intervals=5) if knots == "moved" else model


@pytest.mark.parametrize("of", ["moved", "unmoved"])
@pytest.mark.parametrize("into", ["moved", "unmoved"])
@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_a_state_dict_loads_strictly_whether_knots_have_moved_or_not(of, into, assign, nested):
    theirs, ours = trained_network(1, of), trained_network(2, into)
    x = torch.rand(30, 2, generator=seeded(3), dtype=torch.float64) * 2 - 1
    if nested:
        theirs, ours = nn.Sequential(nn.Tanh(), theirs), nn.Sequential(nn.Tanh(), ours)
    ours.load_state_dict(theirs.state_dict(), assign=assign)
    assert torch.equal(ours(x), theirs(x))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    layers = [module for module in ours.modules() if isinstance(module, KANLayer)]
    assert all((each.knots is None) == (of == "unmoved") for each in layers)


def test_knots_keep_the_precision_of_the_network_that_they_are_loaded_into():
    ours = KAN([2, 3, 1], BSpline(intervals=5), dtype=torch.float32)
    ours.load_state_dict(trained_network(1, "moved").state_dict())
    assert {tensor.dtype for tensor in ours.state_dict().values()} == {torch.float32}


def test_a_part_of_a_state_dict_leaves_knots_alone():
    ours = trained_network(2, "moved")
    before = ours[0].knots.clone()
    ours.load_state_dict({"0.bias": torch.ones(3)}, strict=False)
    assert torch.equal(ours[0].knots, before)


def test_knots_of_another_number_are_refused_and_change_no_function():
    ours = KAN([2, 3, 1], BSpline(intervals=4), dtype=torch.float64)
    x = torch.rand(30, 2, generator=seeded(3), dtype=torch.float64) * 2 - 1
    before = ours[0](x)
    with pytest.raises(RuntimeError, match="size mismatch for knots"):
        ours[0].load_state_dict({"knots": trained_network(1, "moved")[0].knots}, strict=False)
    torch.testing.assert_close(ours[0](x), before, rtol=1e-13, atol=1e-13)
    with pytest.raises(RuntimeError, match=r'Unexpected key.*"0\.knots"'):
        KAN([2, 3, 1], Chebyshev(), dtype=torch.float64).load_state_dict(trained_network(1, "moved").state_dict())


def test_data_that_do_not_fit_a_network_are_refused_in_its_own_words():
    x = torch.rand(4, 3, generator=seeded())
    for model in (KAN([2, 3, 1]), update_grid(KAN([2, 1]), torch.rand(9, 2)), MLP([2, 3, 1])):
        for columns in (1, 3):
            with pytest.raises(ValueError, match=rf"^x must have 2 columns, got {columns}$"):
                model(x[:, :columns])
        with pytest.raises(ValueError, match=r"^x must be torch\.float32, as the layer is, got torch\.float64$"):
            model(x[:, :2].double())
        with pytest.raises(ValueError, match=r"^x must be a tensor, got 'ndarray'$"):
            model(x[:, :2].numpy())
    with pytest.raises(ValueError, match=r"^x must have 1 column, got 0$"):
        KANLayer(1, 1)(torch.tensor(0.5))
    with torch.autocast("cpu", dtype=torch.bfloat16):  # torch itself chooses the precision here
        assert KAN([2, 3, 1])(x[:, :2].bfloat16()).isfinite().all()


def test_what_a_network_is_built_with_shows_when_it_is_printed():
    options = {"base_branch": BaseBranch.silu, "edge_scale": EdgeScale.edge, "bias": False}
    shown = repr(KAN([2, 3, 1], Chebyshev(degree=4), Aggregation.mean, **options))
    assert (
        "(0): KANLayer(2, 3, Chebyshev(low=-1.0, high=1.0, degree=4, constant=False), mean, base_branch=silu, " in shown
    )
    assert "base_branch=silu, edge_scale=edge, squash=tanh, bias=False)" in shown.splitlines()[2]
    assert "squash" not in shown.splitlines()[1]
    assert "moved knots" in repr(trained_network(1, "moved"))
    assert "moved knots" not in repr(trained_network(1, "unmoved"))
    assert [line.strip() for line in repr(MLP([2, 5, 1], Activation.relu, frequencies=3)).splitlines()[1:-1]] == [
        "(0): FourierAffine(2, 5, 3 frequencies)",
        "(1): FixedActivation(relu)",
        "(2): Affine(5, 1)",
    ]


def test_switches_can_be_named():
    switches = {"base_branch": BaseBranch.silu, "edge_scale": EdgeScale.edge, "squash": Squash.none}
    switches |= {"aggregation": Aggregation.mean, "initialization": Initialization.fan_in}
    by_member = KAN([2, 3, 1], **switches, generator=seeded(1))
    by_name = KAN([2, 3, 1], **{field: str(switch) for field, switch in switches.items()}, generator=seeded(1))
    assert repr(by_name) == repr(by_member)
    assert all(torch.equal(a, b) for a, b in zip(by_name.parameters(), by_member.parameters(), strict=True))
    assert KANMethod(squash="none", edge_scale="none").count(2, 3) == KANMethod(squash=Squash.none).count(2, 3)
    weights = [MLP([2, 99, 1], kind, generator=seeded(1))[0].weight for kind in ("relu", Activation.relu)]
    assert torch.equal(*weights)


@pytest.mark.parametrize(
    ("sentence", "act"),
    {
        "squash must be none or tanh, got True": lambda: KAN([2, 1], squash=True),
        "aggregation must be sum or mean or sum_over_sqrt, got 'max'": lambda: KANLayer(2, 1, aggregation="max"),
        "base_branch must be none or linear or silu, got 'gelu'": lambda: KANMethod(base_branch="gelu"),
        "activation must be relu or silu or gelu or tanh or bspline, got 'ReLU'": lambda: MLP([2, 3, 1], "ReLU"),
        "shape must have at least two widths, from inputs to outputs, got [2]": lambda: MLP([2]),
        "shape must be whole numbers of at least 1, got [2, 5.0, 1]": lambda: KAN([2, 5.0, 1]),
        "shape must be whole numbers of at least 1, got [2, 0, 1]": lambda: MLP([2, 0, 1]),
        "shape must be a list of widths such as [2, 5, 1], got 2": lambda: KAN(2, 5, 1),
        "n_in and n_out must be whole numbers of at least 1, got (2, 0.5)": lambda: KANLayer(2, 0.5),
    }.items(),
)
def test_switches_that_do_not_exist_are_refused_with_those_that_do(sentence, act):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        act()


def test_what_was_frozen_in_a_layer_is_frozen_in_its_part():
    module = layer(3, 2, edge_scale=EdgeScale.edge)
    module.coefficients.requires_grad_(False)
    all_of_it = torch.ones(3, 2, dtype=torch.bool)
    part = module.sublayer(torch.tensor([True, False, True]), torch.tensor([True, True]), all_of_it)
    assert {name: p.requires_grad for name, p in part.named_parameters()} == {
        name: p.requires_grad for name, p in module.named_parameters()
    }


def test_a_method_whose_basis_does_not_hold_the_inputs_of_a_run_says_so():
    assert KANMethod().remark == KANMethod(basis=BSpline(low=-2.0, high=2.0)).remark == ""
    assert KANMethod(basis=Chebyshev(low=0.0, high=1.0)).remark == (
        "50% of the inputs, which are scaled to [-1, 1], are off the domain [0, 1] of Chebyshev: "
        "set basis.low and basis.high so that it holds them"
    )
    assert KANMethod(basis=BSpline(low=2.0, high=3.0)).remark.startswith("100% of the inputs")


@pytest.mark.parametrize("kind", [KAN, MLP])
def test_a_slice_of_a_network_is_some_of_its_layers(kind):
    model, x = kind([2, 3, 4, 1]), torch.rand(5, 2, generator=seeded()) * 2 - 1
    assert torch.equal(model[1:](model[:1](x)), model(x))
    assert list(model[:-1]) == list(model)[:-1]
    assert model[:1][0] is model[0]


def test_a_network_takes_the_keyword_arguments_of_its_layers_and_squashes_between_them_by_default():
    network, layer = (inspect.signature(kind).parameters for kind in (KAN, KANLayer))
    assert set(network) == set(layer) - {"n_in", "n_out"} | {"shape"}
    differing = {name for name in set(network) & set(layer) if network[name].default != layer[name].default}
    assert differing == {"squash"}


def test_every_layer_of_a_network_gets_its_keyword_arguments():
    words = {"base_branch": "silu", "bias": False, "edge_scale": "basis", "initialization": "fan_in", "gain": 2.0}
    words |= {"edges": [(0, 0), (1, 0)], "dtype": torch.float64}
    random = torch.Generator().manual_seed(5)
    network = KAN([2, 2, 2], generator=torch.Generator().manual_seed(5), **words)
    layers = nn.Sequential(*(KANLayer(2, 2, squash=squash, generator=random, **words) for squash in ("none", "tanh")))
    x = torch.linspace(-1.0, 1.0, 20, dtype=torch.float64).reshape(10, 2)
    torch.testing.assert_close(network(x), layers(x), rtol=0, atol=0)
    assert str(network).partition("\n")[2] == str(layers).partition("\n")[2]
