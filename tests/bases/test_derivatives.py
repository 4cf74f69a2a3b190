"""Higher derivatives of bases: closed forms against reverse over reverse, and both against differences."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kanbench.bases import BASES, RBF, BSpline, Chebyshev, Fourier, FreeKnots, Rational, ReLUBumps, Sine
from kanbench.bases.derivatives import by_autograd
from kanbench.bases.termwise import TermwiseBasis
from tests.bases.test_contract import a_basis

EVERY = pytest.mark.parametrize("cls", BASES.values(), ids=BASES)
CLOSED = [cls for cls in BASES.values() if issubclass(cls, TermwiseBasis)]
few = settings(max_examples=5, deadline=None)
points = st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=5).map(lambda x: torch.tensor(x, dtype=torch.float64))


def away_from_knots(basis, z):
    """Points at which no piece of the function ends, also not within a step of differences."""
    pieces = 2 * getattr(basis, "intervals", 1) * (getattr(basis, "overlap", 0) + 1)
    inner = 0.98 * z  # within the domain, where clamps have no kink
    turn = (inner + 1.0) * pieces / 2
    return inner[(turn - turn.round()).abs() > 0.02]


@pytest.mark.parametrize("cls", CLOSED, ids=lambda cls: cls.__name__)
@few
@given(data=st.data(), z=points)
def test_closed_forms_equal_reverse_over_reverse(cls, data, z):
    basis = data.draw(a_basis(cls).filter(lambda basis: basis.n_terms <= 8))  # more take reverse over reverse minutes
    closed, generic = basis.derivatives(z, 3), by_autograd(basis.terms, z, 3)
    for order, (a, b) in enumerate(zip(closed, generic, strict=True)):
        scale = max(1.0, float(b.abs().max()))
        assert (a - b).abs().max() <= 1e-12 * scale * 10**order, f"derivative {order}"


@pytest.mark.slow
@EVERY
@few
@given(data=st.data(), z=points)
def test_each_derivative_is_the_slope_of_the_one_before_it(cls, data, z):
    basis = data.draw(a_basis(cls))
    z, step = away_from_knots(basis, z), 1e-5
    if isinstance(basis, Rational):
        z = z[z.abs() > 0.01]  # where |Q| of the start has no kink
    ahead, behind, here = (basis.derivatives(z + shift, 3) for shift in (step, -step, 0.0))
    for order in range(3):
        slope = (ahead[order] - behind[order]) / (2 * step)
        scale = 1.0 + here[order + 1].abs().amax(dim=-1, keepdim=True) if len(z) else 1.0
        steep = max([1.0, *(float(each.abs().max()) for each in here if each.numel())])
        assert ((slope - here[order + 1]).abs() / scale <= 1e-6 * steep).all(), f"derivative {order + 1}"


@EVERY
def test_derivatives_keep_the_shape_of_points_and_begin_with_the_values(cls):
    basis, z = cls(low=-2.0, high=3.0), torch.linspace(-0.9, 0.9, 12, dtype=torch.float64).view(2, 3, 2)
    values, *higher = basis.derivatives(z, 2)
    assert [each.shape for each in (values, *higher)] == [(2, 3, basis.n_terms, 2)] * 3
    expected = basis.expand(basis.from_unit(z).mT).movedim(-3, -1)  # points are the first axis that expand broadcasts
    torch.testing.assert_close(values, expected)


def test_the_third_derivative_of_a_cubic_spline_is_the_difference_of_its_coefficients():
    """On unit knots it is c_3 - 3 c_2 + 3 c_1 - c_0 over an interval, by de Boor's formula for derivatives."""
    z = torch.tensor([0.1], dtype=torch.float64)
    third = BSpline(degree=3, intervals=2).derivatives(z, 3)[3].squeeze(-1)
    torch.testing.assert_close(third, torch.tensor([0.0, -1.0, 3.0, -3.0, 1.0], dtype=torch.float64))


def test_a_spline_has_one_continuous_derivative_less_than_its_degree_and_series_have_all():
    rough = {BSpline(degree=3): 2, BSpline(degree=1): 0, FreeKnots(degree=5): 4, ReLUBumps(): 1, Rational(): 0}
    assert {basis: basis.smoothness for basis in rough} == rough
    assert {basis.smoothness for basis in (Chebyshev(), RBF(), Fourier(), Sine())} == {math.inf}


def test_the_declared_derivatives_of_a_spline_are_continuous_at_its_knots_and_the_next_one_is_not():
    basis, knot = BSpline(degree=3, intervals=4), torch.tensor([0.5], dtype=torch.float64)
    left, right = basis.derivatives(knot - 1e-9, 3), basis.derivatives(knot + 1e-9, 3)
    jumps = [float((a - b).abs().max()) for a, b in zip(left, right, strict=True)]
    assert max(jumps[: basis.smoothness + 1]) < 1e-6
    assert jumps[3] > 1.0
