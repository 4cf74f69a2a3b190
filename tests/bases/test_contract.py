"""What every basis promises; a new basis is tested here as soon as it is registered."""

import math
from dataclasses import FrozenInstanceError, fields, replace
from typing import get_type_hints

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch.func import jacfwd, jacrev, jvp, vmap

from kanbench import KAN, MLP
from kanbench.bases import BASES, BSpline, ReLUBumps
from kanbench.models import Activation, BaseBranch, Squash, update_grid

EVERY = pytest.mark.parametrize("cls", BASES.values(), ids=BASES)
LOW = {"float16": torch.float16, "bfloat16": torch.bfloat16}
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
ALL_DTYPES = pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, *LOW.values()], ids=["float32", "float64", *LOW]
)
few = settings(max_examples=15, deadline=None)

# Multiples of the golden ratio: interior points of [0, 1] that stay clear of every simple fraction, so of every knot.
INTERIOR = np.modf(np.arange(1, 41) * (math.sqrt(5) - 1) / 2)[0]


def hyperparameters(cls):
    """The names of the fields besides the domain, with their types."""
    return {name: kind for name, kind in get_type_hints(cls).items() if name not in ("low", "high")}


@st.composite
def a_basis(draw, cls):
    """Any valid instance: small integers, moderate floats, a moderate domain."""
    kinds = {int: st.integers(0, 8), float: st.floats(0.25, 4.0), bool: st.booleans()}
    values = {name: draw(kinds[kind]) for name, kind in hyperparameters(cls).items()}
    low = draw(st.floats(-3.0, 3.0))
    try:
        return cls(low=low, high=low + draw(st.floats(0.1, 5.0)), **values)
    except ValueError:
        return assume(False)


def interior(basis, dtype=torch.float64):
    return torch.tensor(basis.low + (basis.high - basis.low) * INTERIOR, dtype=dtype)


def derivative(basis, x):
    """By reverse-mode autograd: (n,) -> (n, n_terms)."""
    x = x.clone().requires_grad_()
    columns = basis.expand(x).unbind(-1)
    return torch.stack([torch.autograd.grad(column.sum(), x, retain_graph=True)[0] for column in columns], dim=-1)


@EVERY
@few
@given(data=st.data(), lead=st.lists(st.integers(0, 3), min_size=0, max_size=3))
def test_adds_one_axis_of_terms(cls, data, lead):
    basis = data.draw(a_basis(cls))
    assert basis.expand(torch.zeros(*lead, 2)).shape == (*lead, 2, basis.n_terms)
    assert basis.n_terms >= 1


@EVERY
@ALL_DTYPES
def test_keeps_the_dtype(cls, dtype):
    assert cls().expand(torch.zeros(3, 2, dtype=dtype)).dtype == dtype
    assert replace(cls(), low=0.1, high=0.7).expand(torch.zeros(3, 2, dtype=dtype)).dtype == dtype


@EVERY
@pytest.mark.parametrize("dtype", [torch.float32, *LOW.values()], ids=["float32", *LOW])
@few
@given(data=st.data())
def test_lower_precision_agrees_with_float64(cls, dtype, data):
    basis = data.draw(a_basis(cls))
    x = interior(basis, dtype)
    lower, double = basis.expand(x).double(), basis.expand(x.double())
    slope = derivative(basis, x.double()).abs().max().item()
    reach = max(abs(basis.low), abs(basis.high), 1.0)
    tolerance = 20 * torch.finfo(dtype).eps * (slope * reach + basis.n_terms)
    torch.testing.assert_close(lower, double, rtol=0.0, atol=tolerance)


@EVERY
@DTYPES
@few
@given(data=st.data())
def test_finite_values_and_gradients_for_any_finite_input(cls, dtype, data):
    basis = data.draw(a_basis(cls))
    width = torch.finfo(dtype).bits
    drawn = data.draw(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=width), min_size=1, max_size=8))
    huge = torch.finfo(dtype).max
    x = torch.tensor([0.0, -0.0, basis.low, basis.high, 1e3, -1e3, huge, -huge, *drawn], dtype=dtype)
    assert basis.expand(x).isfinite().all()
    assert derivative(basis, x).isfinite().all()


@EVERY
@ALL_DTYPES
@pytest.mark.parametrize("domain", [(-1.0, 1.0), (0.0, 0.01), (-50.0, 70.0)], ids=str)
def test_finite_at_the_extremes_of_the_dtype(cls, dtype, domain):
    basis = cls(*domain)
    tiny, huge = torch.finfo(dtype).tiny, torch.finfo(dtype).max
    x = torch.tensor([0.0, tiny, -tiny, *domain, 1.0, -1.0, 1e3, -1e3, huge, -huge] * 3, dtype=dtype)
    assert basis.expand(x).isfinite().all()
    assert derivative(basis, x).isfinite().all()


@EVERY
@few
@given(data=st.data())
def test_derivative_against_central_differences(cls, data):
    basis = data.draw(a_basis(cls))
    x, h = interior(basis), 1e-5 * (basis.high - basis.low) / 2
    exact = derivative(basis, x)
    difference = (basis.expand(x + h) - basis.expand(x - h)) / (2 * h)
    scale = max(exact.abs().max().item(), 1.0)
    torch.testing.assert_close(exact / scale, difference / scale, rtol=0.0, atol=1e-5)


@EVERY
@few
@given(data=st.data())
def test_vmap_equals_a_loop(cls, data):
    basis = data.draw(a_basis(cls))
    x = interior(basis).reshape(4, 5, 2)
    looped = torch.stack([basis.expand(each) for each in x])
    torch.testing.assert_close(torch.vmap(basis.expand)(x), looped, rtol=1e-14, atol=1e-14)


@EVERY
def test_vmap_of_grad_equals_a_loop(cls):
    basis = cls()
    x = interior(basis).reshape(20, 2)
    gradient = torch.func.grad(lambda row: basis.expand(row).square().sum())
    torch.testing.assert_close(torch.vmap(gradient)(x), torch.stack([gradient(row) for row in x]))


@EVERY
@few
@given(data=st.data())
def test_another_domain_is_an_affine_change_of_variable(cls, data):
    basis = data.draw(a_basis(cls))
    unit = torch.tensor(2.5 * INTERIOR - 1.25)  # a little off the domain as well
    there = (basis.low + basis.high) / 2 + (basis.high - basis.low) / 2 * unit
    torch.testing.assert_close(
        basis.expand(there), replace(basis, low=-1.0, high=1.0).expand(unit), rtol=0.0, atol=1e-9
    )


@EVERY
def test_is_a_frozen_value(cls):
    assert cls() == cls()
    assert hash(cls()) == hash(cls())
    for each in fields(cls):
        value = getattr(cls(), each.name)
        changed = replace(cls(), **{each.name: (not value) if isinstance(value, bool) else value + 1 / 2})
        assert changed != cls(), each.name
        assert len({cls(), changed, cls()}) == 2, each.name
        with pytest.raises(FrozenInstanceError):
            setattr(cls(), each.name, value)


@EVERY
def test_refuses_invalid_hyperparameters_by_name_and_value(cls):
    for name in [*(name for name, kind in hyperparameters(cls).items() if kind is not bool), "high"]:
        kind = get_type_hints(cls)[name]
        with pytest.raises(ValueError, match=rf"^{name} .*-7") as refusal:
            cls(**{name: kind(-7)})
        assert repr(kind(-7)) in str(refusal.value)


@EVERY
@given(low=st.floats(-1e3, 1e3), shrink=st.floats(0.0, 1e3))
@example(low=1.0, shrink=0.0)
@few
def test_refuses_an_empty_domain(cls, low, shrink):
    with pytest.raises(ValueError, match=r"^high ") as refusal:
        cls(low=low, high=low - shrink)
    assert repr(low - shrink) in str(refusal.value)


@EVERY
@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan], ids=str)
def test_refuses_hyperparameters_that_are_not_finite(cls, bad):
    for name, kind in get_type_hints(cls).items():
        if kind is float:
            with pytest.raises(ValueError, match=rf"{bad}"):
                cls(**{name: bad})


@EVERY
def test_nan_goes_in_and_comes_out_and_harms_no_other_point(cls):
    x = torch.tensor([0.1, torch.nan, 0.3], dtype=torch.float64)
    expanded = cls().expand(x)
    assert expanded[1].isnan().any()
    torch.testing.assert_close(expanded[[0, 2]], cls().expand(x[[0, 2]]))


@EVERY
def test_compiles_as_one_graph(cls):
    basis = cls()
    x = interior(basis).reshape(20, 2).requires_grad_()
    torch._dynamo.reset()  # or the number of bases that share the code of one class would reach its limit
    compiled = torch.compile(basis.expand, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), basis.expand(x))
    slope = torch.autograd.grad(compiled(x).square().sum(), x)[0]
    torch.testing.assert_close(slope, torch.autograd.grad(basis.expand(x).square().sum(), x)[0])


@EVERY
def test_second_and_forward_derivatives_agree_with_differences(cls):
    basis, h = replace(cls(), low=-0.5, high=1.5), 1e-5
    x = interior(basis).requires_grad_()
    forward = torch.func.jvp(basis.expand, (x.detach(),), (torch.ones_like(x),))[1]
    torch.testing.assert_close(forward, derivative(basis, x.detach()))

    def slope(x):
        x = x.detach().requires_grad_()
        return torch.autograd.grad(basis.expand(x).square().sum(), x, create_graph=True)[0], x

    first, at = slope(x)
    second = torch.autograd.grad(first.sum(), at)[0]
    difference = (slope(x + h)[0] - slope(x - h)[0]) / (2 * h)
    torch.testing.assert_close(second, difference.detach(), rtol=1e-5, atol=1e-4)


@EVERY
def test_unit_coordinates_of_the_domain(cls):
    basis = replace(cls(), low=2.0, high=5.0)
    x = torch.tensor([2.0, 3.5, 5.0, 8.0, -1.0], dtype=torch.float64)
    z = torch.tensor([-1.0, 0.0, 1.0, 3.0, -3.0], dtype=torch.float64)
    torch.testing.assert_close(basis.to_unit(x), z)
    torch.testing.assert_close(basis.from_unit(z), x)
    assert torch.equal(cls().to_unit(x), x)
    assert torch.equal(cls().from_unit(z), z)


GROWING = {name: cls() for name, cls in BASES.items() if cls.grows_by and cls is not BSpline}


@pytest.mark.parametrize("basis", GROWING.values(), ids=GROWING)
def test_a_larger_family_holds_every_function_where_it_says(basis):
    larger = replace(basis, **{basis.grows_by: 2 * getattr(basis, basis.grows_by) + 1})
    places = basis.positions_in(larger)
    assert len(set(places)) == basis.n_terms < larger.n_terms
    x = interior(basis)
    torch.testing.assert_close(larger.expand(x)[..., places], basis.expand(x), rtol=1e-12, atol=1e-12)


HESSIANS = {
    "forward over forward": (jacfwd, jacfwd),
    "forward over reverse": (jacfwd, jacrev),
    "reverse over forward": (jacrev, jacfwd),
    "reverse over reverse": (jacrev, jacrev),
}


def some_weights(basis):
    """Not linear in the index: splines and Bernstein polynomials would make a straight line of them."""
    return torch.cos(torch.arange(basis.n_terms, dtype=torch.float64) ** 2)


def curvature_by_differences(function, x, h=1e-4):
    """The Hessian of a function of (n,), by central differences."""
    steps = h * torch.eye(len(x), dtype=x.dtype)
    rows = [[function(x + a + b) - function(x + a - b) - function(x - a + b) + function(x - a - b) for a in steps]
            for b in steps]  # fmt: skip
    return torch.tensor(rows, dtype=x.dtype) / (4 * h * h)


def assert_hessians(function, x):
    with torch.no_grad():
        expected = curvature_by_differences(function, x)
    scale = expected.abs().max()
    assert scale > 0.01
    for name, (outer, inner) in HESSIANS.items():
        found = outer(inner(function))(x)
        torch.testing.assert_close(
            found / scale, expected / scale, rtol=0.0, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )
        torch.testing.assert_close(vmap(outer(inner(function)))(torch.stack([x, x / 2]))[0], found)


@EVERY
def test_hessians_by_any_order_of_modes_agree_with_differences(cls):
    basis = replace(cls(), low=-1.1, high=1.3)
    assert_hessians(lambda x: torch.sin(basis.expand(x.unsqueeze(0)) @ some_weights(basis)).prod(), interior(basis)[:3])


@pytest.mark.parametrize("network", ["kan", "moved knots", "spline activations"])
def test_hessians_of_networks_agree_with_differences(network):
    generator = torch.Generator().manual_seed(0)
    if network == "spline activations":
        model = MLP([2, 4, 1], activation=Activation.bspline, generator=generator, dtype=torch.float64)
    else:
        model = KAN(
            [2, 3, 1],
            BSpline(),
            base_branch=BaseBranch.silu,
            squash=Squash.tanh,
            generator=generator,
            dtype=torch.float64,
        )
    if network == "moved knots":
        model = update_grid(model, torch.rand(99, 2, generator=generator, dtype=torch.float64) ** 2)
        assert model[0].knots is not None
    assert_hessians(lambda x: 9.0 * model(x.unsqueeze(0)).squeeze(), torch.tensor([0.31, 0.17], dtype=torch.float64))


@EVERY
def test_third_derivatives_by_any_order_of_modes_are_one(cls):
    basis = replace(cls(), low=-1.1, high=1.3)
    x = interior(basis)[:2]

    def function(x):
        return torch.sin(basis.expand(x) @ some_weights(basis)).prod()

    found = [a(b(c(function)))(x) for a in (jacfwd, jacrev) for b in (jacfwd, jacrev) for c in (jacfwd, jacrev)]
    h = torch.tensor([1e-5, 0.0], dtype=torch.float64)
    second = jacrev(jacrev(function))
    difference = (second(x + h) - second(x - h)) / 2e-5
    torch.testing.assert_close(found[-1][..., 0], difference, rtol=1e-4, atol=1e-4 * found[-1].abs().max().item())
    for each in found[:-1]:
        torch.testing.assert_close(each, found[-1], rtol=1e-9, atol=1e-9 * found[-1].abs().max().item())


@EVERY
def test_a_residual_with_second_derivatives_trains_by_forward_mode(cls):
    """What a network for u'' = f does: gradients by the coefficients, backward through forward over forward."""
    model = KAN([1, 2, 1], cls(), squash=Squash.tanh, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x, one = torch.tensor([[0.3], [-0.4]], dtype=torch.float64), torch.ones(2, 1, dtype=torch.float64)

    def by_forward():
        return jvp(lambda x: jvp(model, (x,), (one,))[1], (x,), (one,))[1].square().sum()

    def by_reverse():
        x_ = x.clone().requires_grad_()
        first = torch.autograd.grad(model(x_).sum(), x_, create_graph=True)[0]
        return torch.autograd.grad(first.sum(), x_, create_graph=True)[0].square().sum()

    parameters = list(model.parameters())
    for forward, reverse in zip(
        *(torch.autograd.grad(loss(), parameters, materialize_grads=True) for loss in (by_forward, by_reverse)),
        strict=True,
    ):
        torch.testing.assert_close(forward, reverse)
    assert by_forward() > 1e-6


LEARNED = [cls() for cls in BASES.values()] + [ReLUBumps(trainable=True)]
LEARNED = pytest.mark.parametrize(
    "basis", [basis for basis in LEARNED if basis.n_inner], ids=lambda b: type(b).__name__
)


def inner_of(basis, *lead, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*lead, basis.n_inner, generator=generator, dtype=torch.float64)


@LEARNED
@ALL_DTYPES
def test_inner_parameters_are_deviations_from_the_start(basis, dtype):
    x = interior(basis, dtype).reshape(20, 2)
    at_zero = basis.expand_with(x, torch.zeros(2, basis.n_inner, dtype=dtype))
    assert at_zero.dtype == dtype
    torch.testing.assert_close(at_zero, basis.expand(x))


@LEARNED
def test_inner_parameters_belong_to_features_and_may_belong_to_points(basis):
    x, inner = interior(basis).reshape(20, 2), inner_of(basis, 2)
    values = basis.expand_with(x, inner)
    for i in range(2):
        torch.testing.assert_close(values[:, i], basis.expand_with(x[:, i : i + 1], inner[i])[:, 0])
    of_points = inner_of(basis, 20, 2)
    by_point = torch.stack([basis.expand_with(*each) for each in zip(x, of_points, strict=True)])
    torch.testing.assert_close(basis.expand_with(x, of_points), by_point)


@LEARNED
def test_derivatives_by_inner_parameters_against_central_differences(basis):
    x, inner, h = interior(basis).reshape(20, 2), inner_of(basis, 2), 1e-6
    for k in range(basis.n_inner):
        direction = torch.zeros_like(inner)
        direction[:, k] = 1.0
        exact = torch.func.jvp(lambda p: basis.expand_with(x, p), (inner,), (direction,))[1]
        ahead, behind = (basis.expand_with(x, inner + sign * h * direction) for sign in (1, -1))
        torch.testing.assert_close(exact, (ahead - behind) / (2 * h), rtol=1e-5, atol=1e-7)


@LEARNED
@DTYPES
def test_finite_values_and_gradients_for_any_finite_inner_parameters(basis, dtype):
    huge = torch.finfo(dtype).max
    x = torch.tensor([0.0, 0.3, -1.0, 1.0, 1e3, huge, -huge], dtype=dtype).unsqueeze(-1).requires_grad_()
    for size in (0.0, 1.0, 1e2, 1e6):
        inner = (size * inner_of(basis, 1)).to(dtype).requires_grad_()
        values = basis.expand_with(x, inner)
        assert values.isfinite().all()
        for column in values.unbind(-1):
            for gradient in torch.autograd.grad(column.sum(), (x, inner), retain_graph=True):
                assert gradient.isfinite().all()


WITHOUT_INNER = {name: cls() for name, cls in BASES.items() if cls().n_inner == 0 and cls is not ReLUBumps}


@pytest.mark.parametrize("basis", WITHOUT_INNER.values(), ids=WITHOUT_INNER)
def test_a_basis_without_inner_parameters_takes_none(basis):
    with pytest.raises(NotImplementedError, match=f"^{type(basis).__name__} has no inner parameters$"):
        basis.expand_with(torch.zeros(3, 2), torch.zeros(2, 0))


WITHOUT_KNOTS = {name: cls() for name, cls in BASES.items() if name != "bspline"}


@pytest.mark.parametrize("basis", WITHOUT_KNOTS.values(), ids=WITHOUT_KNOTS)
def test_a_basis_without_knots_takes_none(basis):
    with pytest.raises(NotImplementedError, match=f"^{type(basis).__name__} has no knots$"):
        basis.expand_on(torch.zeros(3, 2), torch.zeros(2, 12))
