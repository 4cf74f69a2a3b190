"""Jets against derivatives known by heart, and their way back against the way there."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kanbench.bases.derivatives import by_autograd
from kanbench.models.activations import DERIVATIVES, tanh_derivatives
from kanbench.models.mlp import FIXED, Activation
from kanbench.training.jets import derivative_of, directions_of, drop, lift

ORDERS = ("u", "u_x", "u_y", "u_xx", "u_yy", "u_xy")
few = settings(max_examples=8, deadline=None)


def points(n=6, seed=0):
    return torch.rand(n, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1


def test_jets_of_a_polynomial_hold_its_derivatives():
    along, at = directions_of(ORDERS, ("x", "y")), points()
    x, y = at.unbind(-1)
    jet = along.of_function(lambda p: p[..., 0] ** 3 * p[..., 1] ** 2 + p[..., 1], at).detach()
    expected = [x**3 * y**2 + y, 3 * x**2 * y**2, 2 * x**3 * y + 1, 6 * x * y**2, 2 * x**3, 6 * x**2 * y]
    for name, value in zip(ORDERS, expected, strict=True):
        torch.testing.assert_close(along.read(name, jet), value)


def test_a_mixed_derivative_does_not_depend_on_the_order_of_its_letters():
    assert derivative_of("u_xy", ("x", "y")) == derivative_of("u_yx", ("x", "y")) == (0, 1)


def test_names_of_variables_may_have_several_letters():
    assert derivative_of("u_x1x2", ("x1", "x2")) == (0, 1)


@pytest.mark.parametrize("name", ["u_xxx", "u_z", "v_x", "u_"])
def test_other_names_are_no_derivatives(name):
    with pytest.raises(ValueError, match="derivative must be u or one of u_x, u_y, u_xx"):
        derivative_of(name, ("x", "y"))


def test_a_jet_has_no_more_rows_than_the_equation_needs():
    rows = {("u",): 1, ("u_x", "u_t"): 3, ("u_t", "u_xx"): 4, ("u_xx", "u_tt"): 5, ("u_xt",): 7}
    assert {orders: directions_of(orders, ("x", "t")).n_rows for orders in rows} == rows


@pytest.mark.parametrize("orders", [("u",), ("u_x",), ("u_xx", "u_y"), ORDERS], ids=str)
def test_a_lifted_jet_is_the_jet_of_the_composed_function(orders):
    along, at = directions_of(orders, ("x", "y")), points()

    def inner(p):
        return (p[..., 0] * 1.5).sin() + p[..., 0] * p[..., 1]

    jet = along.of_function(inner, at).detach()
    composed = along.of_function(lambda p: inner(p).tanh(), at).detach()
    torch.testing.assert_close(lift(tanh_derivatives(jet[0]), jet, along), composed, rtol=1e-12, atol=1e-12)


@few
@given(orders=st.sampled_from([("u",), ("u_x",), ("u_xx", "u_y"), ORDERS]), seed=st.integers(0, 99))
def test_dropping_is_the_adjoint_of_lifting(orders, seed):
    along = directions_of(orders, ("x", "y"))
    jet, by_lifted = torch.randn(2, along.n_rows, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    jet.requires_grad_()
    (by_autograd_alone,) = torch.autograd.grad(_lifted_by_hand(jet, along), jet, by_lifted)
    curves = tanh_derivatives(jet[0].detach())
    dropped = drop(lambda m, rows: curves[m] * rows, by_lifted, jet.detach(), along)
    torch.testing.assert_close(dropped, by_autograd_alone, rtol=1e-12, atol=1e-12)


def _lifted_by_hand(jet, along):
    """The formula of Faa di Bruno, row by row, for tanh."""
    t = jet[0].tanh()
    first, n = 1 - t**2, along.n_first
    rows = [t, *(first * jet[1 + d] for d in range(n))]
    rows += [-2 * t * first * jet[1 + d] ** 2 + first * jet[1 + n + d] for d in range(along.n_second)]
    return torch.stack(rows)


@pytest.mark.parametrize("activation", DERIVATIVES, ids=str)
@few
@given(x=st.lists(st.floats(-6.0, 6.0), min_size=1, max_size=5))
def test_activations_have_the_derivatives_that_reverse_over_reverse_finds(activation, x):
    x = torch.tensor(x, dtype=torch.float64)
    generic = by_autograd(lambda z: FIXED[activation](z).unsqueeze(-2), x, 3)
    for closed, other in zip(DERIVATIVES[activation](x), generic, strict=True):
        torch.testing.assert_close(closed, other.squeeze(-2), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("activation", DERIVATIVES, ids=str)
def test_each_derivative_of_an_activation_is_the_slope_of_the_one_before_it(activation):
    x, step = torch.linspace(-4.0, 4.0, 41, dtype=torch.float64), 1e-5
    ahead, behind, here = (DERIVATIVES[activation](x + shift) for shift in (step, -step, 0.0))
    for order in range(3):
        torch.testing.assert_close((ahead[order] - behind[order]) / (2 * step), here[order + 1], rtol=1e-7, atol=1e-8)


def test_relu_has_no_closed_form_since_it_has_no_second_derivative():
    assert Activation.relu not in DERIVATIVES
