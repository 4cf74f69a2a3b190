"""Formulas against the networks that they were read from, their tidying, and the comparison of two of them."""

import math
from itertools import pairwise

import numpy as np
import pytest
import sympy
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kanbench.bases import BSpline
from kanbench.interpret import (
    LIBRARY,
    Fit,
    Sameness,
    SymbolicLayer,
    evaluate,
    formula,
    formulas,
    prune,
    same_function,
    snap_network,
    tidy,
)
from kanbench.models import KAN, KANLayer
from kanbench.training import LBFGS, train

X, Y = sympy.symbols("x y", real=True)
UNIT = [(-1.0, 1.0)] * 2
numbers = st.floats(-2, 2).map(lambda v: round(v, 4))


def fit(name, a, b, c, d):
    return Fit(LIBRARY[name], a, b, c, d, 1.0)


def network(*layers):
    """Layers from pairs (n_in, n_out) and fits."""
    return torch.nn.Sequential(*(SymbolicLayer(*shape, fits, dtype=torch.float64) for shape, fits in layers))


@st.composite
def networks(draw):
    names = st.sampled_from(["0", *(n for n, f in LIBRARY.items() if f.domain is LIBRARY["x"].domain)])
    widths = [2, *draw(st.lists(st.integers(1, 3), max_size=2)), 1]
    layers = []
    for shape in pairwise(widths):
        edges = draw(st.sets(st.tuples(*(st.integers(0, n - 1) for n in shape)), min_size=1))
        constants = st.tuples(numbers, numbers, numbers, numbers)
        layers.append((shape, {edge: fit(draw(names), *draw(constants)) for edge in sorted(edges)}))
    return network(*layers)


def points(n=50, low=-1.0, high=1.0):
    return np.random.default_rng(0).uniform(low, high, (n, 2))


def values(model, x):
    return model(torch.from_numpy(x)).detach().squeeze(-1).numpy()


@settings(max_examples=40, deadline=None)
@given(networks())
def test_the_formula_is_the_network(model):
    x = points()
    expected = values(model, x)
    assume(np.isfinite(expected).all() and np.abs(expected).max() < 1e6)
    found = evaluate(formula(model, ["x", "y"]), ["x", "y"], x)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(networks())
def test_tidying_changes_no_more_than_the_digits_that_it_keeps(model):
    x = points()
    expected = values(model, x)
    assume(np.isfinite(expected).all() and np.abs(expected).max() < 1e3)
    found = evaluate(formula(model, ["x", "y"], 12), ["x", "y"], x)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_edges_whose_domain_is_bounded_are_in_formulas_too():
    names = ["sqrt", "1/sqrt", "log", "1/x", "1/x^2", "tan"]
    model = network(((2, 1), {(0, 0): fit(names[0], 1, 2, 1, 0), (1, 0): fit(names[1], 1, 2, 1, 0)}))
    for first, second in zip(names[2::2], names[3::2], strict=True):
        edges = {(0, 0): fit(first, 0.5, 1.2, 0.7, 0.1), (1, 0): fit(second, 0.2, 0.8, -0.7, 0.2)}
        model = network(((2, 1), edges), ((1, 1), {(0, 0): fit("x^2", 1, 0.5, 1, 0)}))
        x = points()
        np.testing.assert_allclose(evaluate(formula(model, ["x", "y"]), ["x", "y"], x), values(model, x), rtol=1e-9)


def test_scaled_inputs_and_outputs_are_undone_in_the_formula():
    model = network(((2, 1), {(0, 0): fit("x^2", 2, 3, 1, 0), (1, 0): fit("sin", 1, 0, 2, 0)}))
    # x in [1, 5] and y in [0, 4] reach the network as (x - 3) / 2 and (y - 2) / 2; its output stands for 3 out + 1
    expression = formula(model, ["x", "y"], inputs=[(0.5, -1.5), (0.5, -1.0)], output=(3.0, 1.0))
    x = np.random.default_rng(0).uniform([1, 0], [5, 4], (30, 2))
    expected = 3.0 * values(model, (x - [3, 2]) / 2) + 1.0
    np.testing.assert_allclose(evaluate(expression, ["x", "y"], x), expected, rtol=1e-12)
    assert tidy(expression, 6) == 3 * X**2 + 6 * sympy.sin(sympy.Float(0.5) * Y - 1) + 1


RANGES = st.sampled_from([(-1.0, 1.0), (0.0, 1e6), (2000.0, 2024.0), (1000.0, 1010.0), (-1e-5, 3e-5), (1e6, 1e6 + 1)])


@settings(max_examples=30, deadline=None)
@given(networks(), st.tuples(RANGES, RANGES), st.integers(2, 8))
def test_a_rounded_formula_is_near_the_exact_one_over_the_range_of_its_data(model, ranges, digits):
    maps = [(2 / (high - low), -(high + low) / (high - low)) for low, high in ranges]
    x = np.random.default_rng(1).uniform(*np.array(ranges).T, (300, 2))
    exact = evaluate(formula(model, ["x", "y"], inputs=maps), ["x", "y"], x)
    assume(np.isfinite(exact).all() and np.abs(exact).max() < 1e6 and np.ptp(exact) > 1e-3)
    found = evaluate(formula(model, ["x", "y"], digits, inputs=maps), ["x", "y"], x)
    assert np.abs(found - exact).max() <= 2 * 10.0 ** (1 - digits) * np.ptp(exact)


AGES = {"age": (18.0, 90.0), "income": (0.0, 1e6)}


def test_a_small_coefficient_of_a_large_variable_stays():
    age, income = sympy.symbols("age income", real=True)
    exact = 0.08 * age + 4e-6 * income - 4.0
    assert str(tidy(exact, 4, ranges=AGES)) == "0.08*age + 4.0e-6*income - 4"
    assert tidy(exact, 4) == tidy(exact, 4, ranges=AGES)  # where nothing is known of them, nothing is left out
    assert str(tidy(exact, 4, ranges=AGES | {"income": (0.0, 1.0)})) == "0.08*age - 4"
    assert str(tidy(1000 + 0.05 * age, 4, ranges={"age": (-1.0, 1.0)})) == "0.05*age + 1000"


def test_a_layer_knows_the_ranges_that_it_was_fitted_on():
    fits = {(0, 0): fit("x", 0.08, -4.0, 1, 0), (1, 0): fit("x", 4e-6, 0, 1, 0)}
    raw = torch.nn.Sequential(SymbolicLayer(2, 1, fits, ranges=list(AGES.values()), dtype=torch.float64))
    assert str(formula(raw, ["age", "income"], 4)) == "0.08*age + 4.0e-6*income - 4"
    plain = torch.nn.Sequential(SymbolicLayer(2, 1, fits, dtype=torch.float64))
    assert str(formula(plain, ["age", "income"], 4)) == "0.08*age - 4"  # it sees [-1, 1]
    found = formula(plain, ["age", "income"], 4, ranges=list(AGES.values()))
    assert str(found) == "0.08*age + 4.0e-6*income - 4"
    with pytest.raises(ValueError, match="ranges must be 2 pairs"):
        formula(plain, ["age", "income"], 4, ranges=[(0, 1)])


@pytest.mark.parametrize("bounds", [(2000.0, 2024.0), (1000.0, 1010.0), (1e6, 1e6 + 2)])
def test_years_keep_the_form_that_is_not_multiplied_out(bounds):
    low, high = bounds
    inner = {(0, 0): fit("sin", math.pi, 0, 1, 0), (1, 0): fit("x^2", 1, 0, 1, 0)}
    model = network(((2, 1), inner), ((1, 1), {(0, 0): fit("exp", 1, 0, 1, 0)}))
    maps = [(2 / (high - low), -(high + low) / (high - low))] * 2
    u = points(1000)
    expected = np.exp(np.sin(np.pi * u[:, 0]) + u[:, 1] ** 2)
    found = formula(model, ["x", "p"], 4, inputs=maps)
    values_found = evaluate(found, ["x", "p"], (low + high) / 2 + (high - low) / 2 * u)
    assert np.abs(values_found - expected).max() < 2e-3 * np.ptp(expected)
    assert sympy.count_ops(found) < 15


def test_numbers_that_no_double_holds_are_rounded():
    assert str(tidy(sympy.exp(300 * X + sympy.Float(1000.0)), 3)) == "1.97e+434*exp(300*x)"
    assert str(tidy((1e-200 * X + 1e-201) ** -2, 3, ranges={"x": (0.0, 1.0)})) == "1.0e+400/(x + 0.1)**2"


def test_a_variable_that_is_called_pi_is_told_from_the_number():
    of_that_name = sympy.Symbol("pi", real=True)
    assert str(tidy(sympy.sin(math.pi * of_that_name), 4, pi=True)) == "sin(3.142*pi)"
    assert str(tidy(sympy.sin(math.pi * X), 4, pi=True)) == "sin(pi*x)"


def test_small_numbers_stay_where_a_pole_or_a_root_is_near():
    assert str(tidy(1 / (X + 1e-7), 3, ranges={"x": (0.0, 1.0)})) == "1/(x + 1.0e-7)"
    assert str(tidy(sympy.log(X - 5), 3, ranges={"x": (0.0, 1.0)})) == "log(x - 5)"  # has no value there
    with pytest.raises(ValueError, match="ranges must hold every variable, got 'none for y'"):
        tidy(X + Y, 3, ranges={"x": (0, 1)})


def test_formulas_differ_where_a_small_coefficient_has_a_large_variable():
    said = same_function(sympy.sympify("0.08*a - 4"), "0.08*a + 4e-6*b - 4", ["a", "b"], [(18, 90), (0, 1e6)])
    assert said == Sameness(algebraic=False, numeric=False)


def test_a_formula_without_values_is_no_other():
    assert same_function(X, "exp(exp(exp(100)))*x", ["x"], [(0.5, 1)]) == Sameness(algebraic=False, numeric=False)


def test_the_formula_of_the_tour():
    inner = {(0, 0): fit("sin", 3.1415927, 6.2831854, 1.3, 0.4), (1, 0): fit("x^2", -2.0, 1e-7, 0.325, -0.1)}
    outer = {(0, 0): fit("exp", 1 / 1.3, 0.2, math.exp(-0.2 - 0.3 / 1.3), 1e-9)}
    model = network(((2, 1), inner), ((1, 1), outer))
    assert formula(model, ["x", "y"], 4, pi=True) == sympy.exp(Y**2 + sympy.sin(sympy.pi * X))
    assert str(formula(model, ["x", "y"], 3)) == "exp(y**2 + sin(3.14*x))"


@pytest.mark.parametrize(
    ("messy", "tidied"),
    [
        (0.25 * (X + 1.0 * Y) ** 2 - 0.25 * (X - Y) ** 2 + 1e-9 * X, X * Y),
        (1.5 * sympy.exp(2.0 * sympy.log(X) + 0.999999 * sympy.log(Y) - 0.4054651), X**2 * Y),
        (2.0 * (0.5 * X - 0.5) ** 4, sympy.Float(0.125) * (X - 1) ** 4),
        (sympy.sin(2.0 * X + 7.8539816), sympy.cos(2 * X)),
        (sympy.sin(1.0 * X + 3.1415926), -sympy.sin(X)),
        (sympy.log(2.0 * X + 4.0) - 0.6931472, sympy.log(X + 2)),
        (sympy.Abs(-3.0 * X + 6.0), 3 * sympy.Abs(X - 2)),
        (sympy.sqrt(4.0 * X + 4.0), 2 * sympy.sqrt(X + 1)),
        (2.0 / (4.0 * X + 2.0 * Y), 1 / (2 * X + Y)),
        (1.0 * X + 1e-7, X),
        (0.99638 * sympy.exp(1.0000001 * X) + 0.003617 * sympy.exp(0.9999999 * X), sympy.exp(X)),
        (0.5 * sympy.exp(4.5e-15 * (Y + 0.003) ** 2) + 1.0 * X - 0.5, X),  # an edge that has died
        (sympy.Float(0.0), sympy.Integer(0)),
    ],
)
def test_numbers_are_folded_rounded_and_named(messy, tidied):
    found = tidy(messy, 5, pi=True, ranges={"x": (0.5, 2.0), "y": (0.5, 2.0)})
    x = points(low=0.5, high=2.0)
    np.testing.assert_allclose(evaluate(found, ["x", "y"], x), evaluate(tidied, ["x", "y"], x), rtol=1e-9)
    assert sympy.count_ops(found) <= sympy.count_ops(tidied) + 1


@pytest.mark.parametrize(
    ("found", "truth", "algebraic", "numeric"),
    [
        ("0.39894228*exp(-0.5*x**2)", "exp(-x**2/2)/sqrt(2*pi)", True, True),
        ("1.0*sin(x)**2 - 1.0 + cos(x)**2 + y", "y", True, True),
        ("exp(0.5*log(y) + 2.0*log(x))", "x**2*sqrt(y)", True, True),
        ("0.5 - 0.5*tanh(0.5*log(x) + 0.5*log(y))", "1/(1+x*y)", True, True),  # once tanh is written by exp
        ("1.0004*x*y", "x*y", True, True),  # to three digits, and within a thousandth
        ("x - x**3/6 + x**5/120", "sin(x)", False, False),  # 0.0024 off at 2
        ("x + 0.0001*sin(40*y)", "x", True, True),  # a ten-thousandth is under three digits
        ("x + 0.003*sin(40*y)", "x", False, False),
        ("x + 0.1", "x", False, False),
        ("log(x - 1)", "x", False, False),  # has no value below 1
    ],
)
def test_sameness_is_said_by_algebra_and_by_points(found, truth, algebraic, numeric):
    expression = sympy.sympify(found)  # in symbols that are not said to be real
    said = same_function(expression, truth, ["x", "y"], [(0.5, 2.0)] * 2, seconds=60.0)
    assert said == Sameness(algebraic, numeric)


@pytest.mark.parametrize(
    ("found", "truth", "low", "algebraic"),
    [
        ("sqrt(x)*sqrt(y)", "sqrt(x*y)", 0.5, True),  # the variables are positive over their ranges
        ("sqrt(x**2)", "x", 0.5, True),
        ("sqrt(x**2)", "x", -0.5, False),
        ("sqrt(2)*sqrt(x**2/2 - x*y + y**2/2 + 1/2)", "sqrt((x - y)**2 + 1)", -0.5, True),
        ("sin(2*x)*cos(3*y) + cos(2*x)*sin(3*y)", "sin(2*x + 3*y)", -0.5, True),
    ],
)
def test_sameness_holds_over_the_ranges_of_the_variables(found, truth, low, algebraic):
    said = same_function(sympy.sympify(found), truth, ["x", "y"], [(low, 2.0)] * 2, seconds=60.0)
    assert said.algebraic is algebraic


def test_points_may_agree_where_algebra_does_not():
    said = same_function(sympy.sympify("x + 0.2004*y**2"), "x + 0.2006*y**2", ["x", "y"], UNIT)
    assert said == Sameness(algebraic=False, numeric=True)


def test_a_proof_that_takes_too_long_is_none():
    truth = "sin(x)**2 + cos(x)**2"
    assert same_function(sympy.Integer(1), truth, ["x"], [(0, 1)], seconds=0.01) == Sameness(False, True)


def test_what_is_not_symbolic_is_named():
    symbolic = SymbolicLayer(1, 1, {(0, 0): fit("x", 1, 0, 1, 0)})
    with pytest.raises(ValueError, match=r"layer 1 is a Linear, which has no formula"):
        formula([symbolic, torch.nn.Linear(1, 1)], ["x"])
    mixed = SymbolicLayer(2, 1, {(0, 0): fit("x", 1, 0, 1, 0)}, rest=KANLayer(2, 1, bias=False))
    with pytest.raises(ValueError, match=r"layer 0, input 1, output 0: the edge has no named function"):
        formula([mixed, symbolic], ["x", "y"])


def test_names_widths_and_digits_are_checked():
    symbolic = SymbolicLayer(2, 1, {(0, 0): fit("x", 1, 0, 1, 0)})
    with pytest.raises(ValueError, match="names must be 2 names, one for each input, got"):
        formula([symbolic], ["x"])
    with pytest.raises(ValueError, match=r"names must differ, got \['x', 'x'\]"):
        formula([symbolic], ["x", "x"])
    with pytest.raises(ValueError, match="the last layer must have one output, got 2"):
        formula([SymbolicLayer(1, 2, {})], ["x"])
    with pytest.raises(ValueError, match="digits must be 1 to 15, got 0"):
        formula([symbolic], ["x", "y"], 0)
    with pytest.raises(ValueError, match=r"expression must have no variables but x, got \['y'\]"):
        evaluate(X + Y, ["x"], np.zeros((3, 1)))


def test_nothing_is_left_out_of_a_formula_whose_values_no_double_holds():
    a, b = sympy.symbols("a b", real=True)
    expression = sympy.exp(sympy.sin(3.14159 * a) + b**2)
    assert tidy(expression, 4, ranges={"a": (2000, 2024), "b": (1000, 1010)}) == sympy.exp(sympy.sin(3.142 * a) + b**2)


def test_a_network_of_two_outputs_has_a_formula_for_each():
    square, sine, line = fit("x^2", 1, 0, 2, 0), fit("sin", 3, 0, 1, 0.5), fit("x", 1, 0, 1, 0)
    layer = SymbolicLayer(2, 2, {(0, 0): square, (1, 1): sine, (0, 1): line}, dtype=torch.float64)
    first, second = formulas([layer], ["x", "y"], 4)
    assert first == 2 * X**2
    assert sympy.simplify(second - (sympy.sin(3 * Y) + X + 0.5)) == 0
    x = torch.rand(50, 2, dtype=torch.float64)
    scaled = formulas([layer], ["x", "y"], inputs=[(2.0, 0.0), (1.0, 0.0)], outputs=[(1.0, 0.0), (10.0, -1.0)])
    expected = layer(x * torch.tensor([2.0, 1.0])).detach().numpy() * [1.0, 10.0] - [0.0, 1.0]
    for column, expression in enumerate(scaled):
        np.testing.assert_allclose(evaluate(expression, ["x", "y"], x.numpy()), expected[:, column], rtol=1e-12)
    with pytest.raises(ValueError, match=r"outputs must be 2 pairs \(scale, shift\)"):
        formulas([layer], ["x", "y"], outputs=[(1.0, 0.0)])


def test_a_classifier_that_is_pruned_and_named_has_its_logits_as_formulas():
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(300, 3, generator=generator, dtype=torch.float64) - 1
    labels = (x[:, 0] + x[:, 1] > 0).long()
    model = KAN([3, 2], BSpline(intervals=3), generator=generator, dtype=torch.float64)
    train(model, x, labels, LBFGS(steps=30), loss="cross_entropy", sparsity=0.01)
    smaller = prune(model, x, edge_threshold=0.1)
    assert not smaller[0].active[2].any()  # the third input says nothing of the class
    names = {(0, i, j): "x" for i, j in smaller[0].active.nonzero().tolist()}
    logits = formulas(snap_network(smaller, x, names), ["a", "b", "c"], 4)
    a, b = sympy.symbols("a b", real=True)
    difference = sympy.expand(logits[1] - logits[0])
    assert difference.free_symbols == {a, b}
    assert float(difference.coeff(a) / difference.coeff(b)) == pytest.approx(1.0, rel=0.1)
    values = np.stack([evaluate(each, ["a", "b", "c"], x.numpy()) for each in logits], axis=1)
    assert (values.argmax(axis=1) == labels.numpy()).mean() > 0.97
