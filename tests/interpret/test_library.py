"""Library functions for torch against the same for sympy, their domains and what they claim to absorb."""

import numpy as np
import pytest
import sympy
import torch
from torch.autograd.functional import jacobian

from kanbench.errors import UnknownName
from kanbench.interpret import LIBRARY, Absorbs, select

float64 = torch.float64
POINTS = torch.tensor([-2.6, -1.3, -0.4, 0.0, 0.3, 1.0, 2.5], dtype=float64)
FUNCTIONS = pytest.mark.parametrize("function", LIBRARY.values(), ids=LIBRARY)


def defined(function, u):
    return u[function.domain.holds(u, u)]


@FUNCTIONS
def test_torch_and_sympy_agree_in_value_and_derivative(function):
    symbol = sympy.Symbol("u", real=True)
    expression = function.sympy(symbol)
    u = defined(function, POINTS[POINTS != 0.0])  # |u| has no derivative at 0
    assert len(u) >= 3
    expected = [float(expression.subs(symbol, v)) for v in u.tolist()]
    np.testing.assert_allclose(function.torch(u), expected, rtol=1e-13)
    slopes = [float(sympy.diff(expression, symbol).doit().subs(symbol, v)) for v in u.tolist()]
    np.testing.assert_allclose(jacobian(function.torch, u).diagonal(), slopes, rtol=1e-12, atol=1e-15)


@FUNCTIONS
def test_values_are_finite_where_the_domain_holds_and_only_there(function):
    values = function.torch(POINTS)
    finite = values.isfinite() if function.name != "tan" else torch.ones(7, dtype=torch.bool)
    assert torch.equal(finite, function.domain.holds(POINTS, POINTS))


@pytest.mark.parametrize(
    ("name", "low", "high", "holds"),
    [
        ("log", 0.0, 1.0, False),
        ("log", 0.1, 1.0, True),
        ("sqrt", 0.0, 1.0, True),
        ("sqrt", -1e-9, 1.0, False),
        ("1/sqrt", 0.0, 1.0, False),
        ("1/x", -1.0, 1.0, False),  # no sample need be at the pole
        ("1/x", -2.0, -1.0, True),
        ("1/x^2", -1.0, 2.0, False),
        ("tan", -1.5, 1.5, True),
        ("tan", 1.5, 1.6, False),
        ("tan", 1.6, 4.7, True),
        ("tan", -1.6, 4.7, False),
    ],
)
def test_a_domain_is_judged_over_the_whole_interval(name, low, high, holds):
    ends = torch.tensor(low, dtype=float64), torch.tensor(high, dtype=float64)
    assert LIBRARY[name].domain.holds(*ends).item() is holds


@FUNCTIONS
@pytest.mark.parametrize(
    ("change", "apply"),
    [(Absorbs.sign, lambda u: -u), (Absorbs.scale, lambda u: 1.7 * u), (Absorbs.shift, lambda u: u + 0.6)],
)
def test_what_a_function_absorbs_is_exactly_what_c_and_d_make_up_for(function, change, apply):
    u = defined(function, torch.linspace(-0.93, 1.4, 30, dtype=float64))
    if change is Absorbs.sign and function.name in ("sqrt", "1/sqrt", "log"):
        assert change not in function.absorbs  # not even defined there
        return
    columns = torch.stack([function.torch(u), torch.ones_like(u)], dim=1)
    changed = function.torch(apply(u))
    residual = changed - columns @ torch.linalg.lstsq(columns, changed, driver="gelsd").solution
    made_up_for = residual.norm().item() < 1e-12 * changed.norm().item() + 1e-15
    assert made_up_for is (change in function.absorbs)


def test_an_unknown_name_raises_with_the_nearest():
    assert list(select(["sin", "0"])) == ["sin", "0"]
    with pytest.raises(UnknownName, match=r"unknown library function 'sine'; did you mean sin"):
        select(["exp", "sine"])
