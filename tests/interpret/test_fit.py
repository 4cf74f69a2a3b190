"""Fits of one edge: known constants are found, impossible functions say why, and the simpler of two equals wins."""

import math
import re

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from kanbench.interpret import LIBRARY, Absorbs, Domain, Function, fit_edge, suggest

NEEDS_POSITIVE = ("sqrt", "1/sqrt", "log", "1/x", "1/x^2")


def samples(n=300, low=-1.0, high=1.0, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).uniform(low, high, n))


@st.composite
def edges(draw):
    """A function and constants that are well inside its domain, on a range of any size and place."""
    name = draw(st.sampled_from([name for name in LIBRARY if name != "0"]))
    sign = draw(st.sampled_from([-1.0, 1.0]))
    scale, place = draw(st.floats(0.3, 8.0)), draw(st.floats(-0.8, 0.8))
    if name in NEEDS_POSITIVE:
        shift = scale * draw(st.floats(1.02, 5.0))
    elif name == "tan":
        scale = draw(st.floats(0.2, 1.3))
        shift = place * (math.pi / 2 - scale)
    else:
        shift = place * scale
    half, middle = 10.0 ** draw(st.floats(-4, 4)), draw(st.floats(-3, 3))
    x = samples(draw(st.integers(40, 400)), half * (middle - 1), half * (middle + 1))
    c, d = draw(st.floats(0.1, 10.0)) * sign, draw(st.floats(-5, 5))
    return LIBRARY[name], x, c * LIBRARY[name].torch(sign * scale * (x / half - middle) + shift) + d


@settings(max_examples=30, deadline=None)
@given(edges())
def test_known_constants_are_found_up_to_the_symmetries_of_the_function(edge):
    function, x, y = edge
    fit = fit_edge(x, y, function)
    assert fit.reason == ""
    assert 1.0 - 1e-9 < fit.r2 <= 1.0
    np.testing.assert_allclose(fit(x), y, atol=1e-3 * (y.max() - y.min()).item())
    residual = (fit(x) - y).square().sum() / (y - y.mean()).square().sum()
    assert fit.r2 == pytest.approx(1.0 - residual.item(), abs=1e-9)
    if Absorbs.scale in function.absorbs:
        assert abs(fit.a) == 1.0
    if Absorbs.shift in function.absorbs:
        assert fit.b == 0.0


@pytest.mark.parametrize(
    ("name", "shift"), [("x^2", 2.0), ("exp", 2.0), ("sin", 2.0), ("tanh", 0.5), ("gaussian", 0.5), ("sqrt", 2.0)]
)
def test_no_local_search_from_the_fit_finds_better(name, shift):
    x = samples()
    noise = torch.from_numpy(np.random.default_rng(1).normal(0.0, 0.05, 300))
    y = LIBRARY[name].torch(1.5 * x + shift) + 0.3 * x**3 + noise
    fit = fit_edge(x, y, LIBRARY[name])

    def residual(p):
        a, b, c, d = torch.from_numpy(p)
        return (c * LIBRARY[name].torch(a * x + b) + d - y).nan_to_num(1e3).numpy()

    theirs = least_squares(residual, [fit.a, fit.b, fit.c, fit.d], x_scale="jac")
    ours = (fit(x) - y).square().sum().item() / 2
    assert theirs.cost >= ours * (1 - 1e-6)


def test_a_constant_edge_is_zero_and_nothing_else():
    x, y = samples(), torch.full((300,), -2.5, dtype=torch.float64)
    best, *others = suggest(x, y)
    assert (best.name, best.d, best.c, best.r2, best.reason) == ("0", -2.5, 0.0, 1.0, "")
    assert all("y is constant" in fit.reason for fit in others)


@pytest.mark.parametrize("values", [(0.0, 1.0), (-3.0, 5.0, 7.0)])
def test_an_input_of_few_values_is_fitted(values):
    x = torch.tensor(values, dtype=torch.float64).repeat(20)
    best = suggest(x, 3.0 * x - 1.0)[0]
    assert best.name == "x"
    np.testing.assert_allclose([best.c, best.d], [3.0, -1.0], atol=1e-12)


def test_an_input_of_one_value_fits_nothing_but_a_constant():
    x, y = torch.full((50,), 2.0, dtype=torch.float64), samples(50)
    best, *others = suggest(x, y)
    assert (best.name, best.r2) == ("0", 0.0)
    assert best.d == pytest.approx(y.mean().item())
    assert all("all x are the same" in fit.reason for fit in others)


@settings(max_examples=8, deadline=None)
@given(
    kind=st.sampled_from(["noise", "step", "spike", "tiny", "huge", "few"]),
    middle=st.sampled_from([0.0, 1e3, -1e6]),
    seed=st.integers(0, 9),
)
def test_every_number_is_finite_and_a_fit_is_never_worse_than_a_constant(kind, middle, seed):
    noise = torch.from_numpy(np.random.default_rng(seed).normal(size=40))
    x = middle + samples(40, seed=seed)
    y = {"noise": noise, "step": (x > middle) * 1.0, "spike": 1.0 / (x - middle), "tiny": 1e-200 * noise}.get(
        kind, 1e100 * noise
    )
    if kind == "few":
        x, y = x[:3], noise[:3]
    for fit in suggest(x, y):
        assert np.isfinite([fit.a, fit.b, fit.c, fit.d, fit.r2]).all()
        assert -1e-9 <= fit.r2 <= 1.0
        assert fit(x).isfinite().all()


@pytest.mark.parametrize(
    ("name", "inner", "reason"),
    [
        ("log", (1.0, 0.0), r"log: needs a x \+ b > 0 on the data.*x in \[-1, 1\].*a = 1, b = 0"),
        ("sqrt", (-2.0, 1.0), r"sqrt: needs a x \+ b >= 0"),
        ("1/x", (1.0, 0.5), r"1/x: needs a x \+ b away from 0"),
        ("tan", (2.0, 0.0), r"tan: needs a x \+ b between two poles"),
        ("exp", (1000.0, 0.0), r"exp: needs .* finite values"),
        ("sin", (0.0, 1.0), r"sin: needs .* values that differ"),
    ],
)
def test_inner_constants_that_cannot_be_are_refused_with_the_reason(name, inner, reason):
    x = torch.linspace(-1, 1, 50, dtype=torch.float64)
    fit = fit_edge(x, x**2, LIBRARY[name], inner=inner)
    assert re.search(reason, fit.reason)
    assert (fit.c, fit.r2) == (0.0, 0.0)
    assert fit.d == pytest.approx((x**2).mean().item())


def test_inner_constants_that_are_given_stay():
    x = samples(low=1.0, high=3.0)
    fit = fit_edge(x, 2.0 * torch.log(x) + 1.0, LIBRARY["log"], inner=(1.0, 0.0))
    np.testing.assert_allclose([fit.a, fit.b, fit.c, fit.d], [1.0, 0.0, 2.0, 1.0], rtol=1e-12)


def test_a_domain_that_no_candidate_meets_is_a_reason_and_ranks_last():
    never = Domain("a x + b > 1e9", lambda low, high: low > 1e9)
    library = {"far": Function("far", torch.sin, sympy.sin, 0, never), "x": LIBRARY["x"]}
    fits = suggest(samples(), torch.sin(5 * samples()), library)
    assert [fit.name for fit in fits] == ["x", "far"]
    assert fits[1].reason.startswith("far: needs a x + b > 1e9 on the data")


def test_a_function_of_the_library_may_be_given_by_name():
    x = samples()
    assert fit_edge(x, torch.sin(3 * x), "sin") == fit_edge(x, torch.sin(3 * x), LIBRARY["sin"])
    with pytest.raises(ValueError, match="unknown library function 'sinus'; did you mean sin"):
        fit_edge(x, x, "sinus")


def test_a_function_of_the_user_is_found_among_the_others():
    cosh = Function("cosh", torch.cosh, sympy.cosh, 3)
    x = samples()
    best = suggest(x, 0.7 * torch.cosh(2.2 * x - 0.5) + 0.1, {**LIBRARY, "cosh": cosh})[0]
    assert best.name == "cosh"
    assert abs(best.a) == pytest.approx(2.2, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "curve"),
    [
        ("x", lambda x: 2 * x + 1),
        ("x^2", lambda x: (x - 0.3) ** 2),
        ("x^3", lambda x: x**3),
        ("exp", lambda x: torch.exp(1.5 * x)),
        ("sin", lambda x: torch.sin(3 * x + 0.2)),
        ("tanh", lambda x: torch.tanh(3 * x)),
        ("abs", lambda x: (x - 0.1).abs()),
        ("0", lambda x: 0 * x),
    ],
)
def test_noisy_samples_are_named_by_the_simplest_function_that_explains_them(name, curve):
    x = samples(500)
    y = curve(x)
    scale = 0.01 * y.std() if name != "0" else 1.0
    y = y + scale * torch.from_numpy(np.random.default_rng(2).normal(size=500))
    assert suggest(x, y)[0].name == name


def test_the_score_trades_a_unit_of_complexity_for_the_weight_in_bits():
    x = samples(500)
    y = torch.sin(x) + x
    by_r2 = suggest(x, y, weight=0.0, floor=1e-300)
    r2 = [fit.r2 for fit in by_r2]
    assert r2 == sorted(r2, reverse=True)
    assert suggest(x, y, weight=1e3)[0].name == "0"
    fit = next(fit for fit in by_r2 if fit.name == "x")
    assert fit.score(4.0, 1e-10) == pytest.approx(math.log2(1.0 - fit.r2) + 4.0)
    assert fit.score(4.0, 0.5) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("x", "y", "fault"),
    [
        ([0.0, math.nan], [0.0, 1.0], "x and y must be finite"),
        ([0.0, 1.0], [0.0, math.inf], "x and y must be finite"),
        ([0.0, 1.0], [0.0], "x and y must be vectors of one length"),
        ([], [], "x and y must be vectors of one length"),
    ],
)
def test_samples_that_cannot_be_fitted_are_refused(x, y, fault):
    with pytest.raises(ValueError, match=fault):
        suggest(torch.tensor(x), torch.tensor(y))


def test_settings_of_the_score_are_checked():
    with pytest.raises(ValueError, match="weight must not be negative, got -1"):
        suggest(samples(), samples(), weight=-1.0)
    with pytest.raises(ValueError, match="floor must be positive, got 0"):
        suggest(samples(), samples(), floor=0.0)
