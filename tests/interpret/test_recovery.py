"""Formulas from rows alone: exact on tiny examples, and every step against what mathematics says."""

import inspect
import math

import numpy as np
import pytest
import sympy

from kanbench.interpret import Ladder, Recovered, evaluate, recover, same_function
from kanbench.interpret.recovery.constants import number, simple_numbers
from kanbench.interpret.recovery.forms import OUTERS
from kanbench.interpret.recovery.names import COSINE, LIBRARY, Named, spanning_sets
from kanbench.interpret.recovery.network import ProductNetwork, random_network, train_network
from kanbench.interpret.recovery.quotients import quotients
from kanbench.interpret.recovery.terms import Terms, fit_terms, snap_constants
from kanbench.interpret.recovery.training import carried_functions

X, Y, Z = sympy.symbols("x y z", real=True)
PLAIN = {name: Named(function, 1.0, 0.0) for name, function in (*LIBRARY.items(), ("cos", COSINE))}


def draw(n, rows=400, low=1.0, high=3.0, seed=0):
    return np.random.default_rng(seed).uniform(low, high, (rows, n))


def found(formula, low=1.0, high=3.0, **settings):
    names = sorted(map(str, sympy.sympify(formula).free_symbols))
    training, validation = (
        (x, evaluate(sympy.sympify(formula, locals=dict(zip("xyz", (X, Y, Z), strict=True))), names, x))
        for x in (draw(len(names), 300, low, high, seed) for seed in (0, 1))
    )
    return recover(training, validation, names, Ladder(**settings)), names


@pytest.mark.parametrize(
    "formula",
    [
        "x*y",
        "x/y",
        "3*x**2/(4*pi*y)",
        "sqrt(x**2 + y**2)",
        "1 + x*sin(y)",
        "exp(-x**2/y)/y",
        "x + 2*sqrt(x)*cos(y)",
        "(x + y)/(2 + x*y)",
        "asin(x*sin(y)/4)",
        "x*exp(-y)*cos(z)",
    ],
)
def test_products_quotients_and_compositions_come_back_exactly(formula):
    recovered, names = found(formula, products=1, joins=0)
    assert recovered.error < 1e-9
    same = same_function(recovered.expression, formula, names, [(1.0, 3.0)] * len(names), digits=12)
    assert same.algebraic, recovered.expression


def test_a_function_of_a_product_needs_a_join():
    assert found("y*cos(x*z)", joins=0, products=1)[0].error > 1e-3
    recovered, names = found("y*cos(x*z)", joins=1, products=1)
    assert recovered.form.endswith("joined x*z")
    assert same_function(recovered.expression, "y*cos(x*z)", names, [(1.0, 3.0)] * 3).algebraic


def test_what_has_no_such_form_is_not_called_exact():
    recovered, _ = found("x**y + abs(x - y)", products=0, joins=0)
    assert (recovered.form, recovered.error) == ("constant", pytest.approx(1.0, abs=0.1))


def test_the_choice_sees_rows_and_names_of_columns_alone():
    assert list(inspect.signature(recover).parameters) == ["training", "validation", "names", "ladder", "seed"]
    assert {"expression", "error", "form"} == set(Recovered.__dataclass_fields__)
    x = draw(2)
    one, other = (recover((x, x.prod(axis=1)), (x, x.prod(axis=1)), names) for names in (["x", "y"], ["y", "x"]))
    assert (one.expression, other.expression) == (X * Y, X * Y)


def test_the_same_seed_finds_the_same():
    assert found("x**2 + y", products=0, joins=0) == found("x**2 + y", products=0, joins=0)


@pytest.mark.parametrize(
    ("x", "y", "names", "sentence"),
    [
        (np.ones((5, 2)), np.arange(5.0), ["x"], r"rows must be at least 2 of 1 inputs, got \(5, 2\)"),
        (np.ones((5, 1)), np.array([1.0, 2, 3, 4, np.nan]), ["x"], "rows must be finite"),
        (np.ones((5, 1)), np.ones(5), ["x"], "the target must vary"),
    ],
)
def test_rows_that_hold_no_formula(x, y, names, sentence):
    with pytest.raises(ValueError, match=sentence):
        recover((x, y), (x, y), names)


@pytest.mark.parametrize("outer", OUTERS, ids=lambda outer: outer.name)
def test_the_inverses_of_functions_of_the_output(outer):
    y = np.linspace(0.1, 0.9, 30)
    assert outer.allows(y)
    u = outer.inverse(y)
    assert np.allclose([float(outer.sympy(sympy.Float(each))) for each in u], y, atol=1e-12)


def test_the_network_is_a_sum_of_sums_and_products():
    network = random_network((np.zeros(2), np.full(2, 2.0)), 2, 3, np.random.default_rng(0))
    network = ProductNetwork(network.low, network.high, np.arange(8.0).reshape(2, 4), network.factors)
    x = np.array([0.5, 1.75])
    values = [
        np.polynomial.chebyshev.chebval(x[i] - 1.0, row) for rows in (network.additive, *network.factors)
        for i, row in enumerate(rows)
    ]  # fmt: skip
    assert network(x[None])[0] == pytest.approx(sum(values[:2]) + values[2] * values[3] + values[4] * values[5])


def test_training_finds_a_product_and_continues_from_a_start():
    x = draw(2, low=-1.0, high=1.0)
    y = np.sin(2 * x[:, 0]) * np.exp(x[:, 1]) + x[:, 0] ** 2
    start = random_network((np.full(2, -1.0), np.ones(2)), 1, 6, np.random.default_rng(0))
    errors = [float(np.ptp(y))]
    for degree in (6, 10, 14):
        start = train_network(start, x, y, degree, 30)
        errors.append(float(np.abs(start(x) - y).max()))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-10


def test_what_an_input_carries_does_not_depend_on_how_products_are_mixed():
    """x y + sin(x) y^2 with its two products mixed by a matrix of determinant 1: x carries the span of x and sin(x)."""
    x = draw(2)
    y = x[:, 0] * x[:, 1] + np.sin(x[:, 0]) * x[:, 1] ** 2
    grid = np.linspace(1.0, 3.0, 60)
    for seed in (0, 1):
        start = random_network((np.ones(2), np.full(2, 3.0)), 2, 10, np.random.default_rng(seed))
        carried = carried_functions(train_network(start, x, y, 10, 60), x[:40], 0, grid, 1e-4)
        assert carried.shape == (60, 2)
        known = np.column_stack([np.ones(60), grid, np.sin(grid)])
        assert np.abs(carried - known @ np.linalg.lstsq(known, carried, rcond=None)[0]).max() < 1e-4


def test_names_of_a_span():
    grid = np.linspace(1.0, 3.0, 100)
    columns = np.column_stack([grid**2 - np.log(grid), grid**2 + 3 * np.log(grid)])
    carried = (columns - columns.mean(axis=0)) / 10
    (_, names), *_ = spanning_sets(grid, carried, 1e-6, deep=False)
    assert {named.function.name for named in names} == {"x^2", "log"}


@pytest.mark.parametrize(
    ("name", "a", "b"), [("sin", 2.5, 0.4), ("exp", -1.7, 0.0), ("1/x", 1.0, 0.6), ("log", 1.0, 3.0)]
)
def test_the_constants_of_a_name(name, a, b):
    grid = np.linspace(0.5, 2.0, 120)
    values = Named(LIBRARY[name], a, b)(grid)
    (_, (named,)), *_ = spanning_sets(grid, (values - values.mean())[:, None], 1e-6, deep=False)
    assert named.function.name == name
    assert (abs(named.a), named.b % math.pi) == pytest.approx((abs(a), b % math.pi), abs=1e-5) or name == "sin"


def test_functions_of_functions():
    grid = np.linspace(0.0, 0.9, 120)
    values = 1 / np.sqrt(1 - grid**2)
    assert spanning_sets(grid, (values - values.mean())[:, None], 1e-7, deep=False) == []
    (_, (named,)), *_ = spanning_sets(grid, (values - values.mean())[:, None], 1e-7, deep=True)
    assert (named.function.name, named.before.name) == ("1/sqrt", "x^2")
    assert float((1 / named.expression(X) ** 2).subs(X, 0.5)) == pytest.approx(0.75, abs=1e-4)


def test_terms_that_do_not_matter_go_and_constants_are_trained():
    x = draw(2)
    y = 2.0 * np.exp(-0.7 * x[:, 0]) * x[:, 1] + 3.0
    names = [(Named(LIBRARY["exp"], -0.7001, 0.0),), (PLAIN["x"],)]
    terms = fit_terms(names, x, y)
    assert terms.terms == ((0, 0), (1, 1))
    assert terms.error(x, y) < 1e-12
    assert snap_constants(terms, x, y).expression([X, Y]) == 2 * Y * sympy.exp(-sympy.Rational(7, 10) * X) + 3


@pytest.mark.parametrize("seed", range(5))
def test_snapping_never_worsens_beyond_rounding(seed):
    generator = np.random.default_rng(seed)
    x = draw(2, seed=seed)
    coefficients = generator.choice([0.5, math.pi, 1.0 + 1e-6, 0.123456789], 4) + generator.choice([0.0, 1e-7])
    terms = Terms(((PLAIN["sqrt"],), (PLAIN["cos"],)), ((0, 0), (0, 1), (1, 0), (1, 1)), coefficients)
    y = terms(x)
    assert snap_constants(terms, x, y).error(x, y) <= 1e-11


def test_simple_numbers_and_how_they_are_written():
    assert simple_numbers(0.5 + 1e-8)[0] == 0.5
    assert math.pi / 4 in simple_numbers(0.785398)
    assert simple_numbers(0.1234567) == []
    assert [number(value) for value in (3.0, -0.75, 2 * math.pi, 1 / (4 * math.pi))] == [
        3, sympy.Rational(-3, 4), 2 * sympy.pi, 1 / (4 * sympy.pi)
    ]  # fmt: skip
    assert float(number(0.1234567)) == 0.1234567


def test_a_quotient_is_a_vector_that_is_mapped_to_zero():
    x = draw(2)
    u = (x[:, 0] + x[:, 1]) / (2 + x[:, 0] * x[:, 1])
    assert sympy.simplify(next(quotients(x, u, [X, Y])) - (X + Y) / (2 + X * Y)) == 0
    assert list(quotients(x, np.sin(u * x[:, 0]), [X, Y])) == []
    assert list(quotients(draw(4), u, [X] * 4)) == []
