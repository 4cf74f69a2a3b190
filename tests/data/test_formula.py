"""The whitelist of formulas, and their values against SymPy."""

import math

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kanbench.data.formula import CONSTANTS, FUNCTIONS, MAX_LETTERS, Formula, FormulaError

X = np.array([0.3, 1.0, 2.5])
Y = np.array([-1.0, 0.25, 4.0])


def evaluate(text, **values):
    return Formula(text, tuple(values))({name: np.asarray(value, dtype=np.float64) for name, value in values.items()})


FORBIDDEN = [
    "x.real",
    "x.__class__",
    "x[0]",
    "x[0:1]",
    "lambda: x",
    "(lambda v: v)(x)",
    "[v for v in x]",
    "sum(v for v in x)",
    "{v: v for v in x}",
    "[x, y]",
    "(x, y)",
    "{x}",
    "{'a': x}",
    "sin(x=1)",
    "sin(**x)",
    "sin(*x)",
    "x(1)",
    "sin(x)(y)",
    "eval(x)",
    "__import__('os')",
    "__import__",
    "'text'",
    "b'bytes'",
    "f'{x}'",
    "True",
    "x + False",
    "None",
    "...",
    "1j",
    "x < y",
    "x == y",
    "x < y < 1",
    "x and y",
    "not x",
    "+x",
    "~x",
    "x // y",
    "x % y",
    "x @ y",
    "x << 1",
    "x & y",
    "x | y",
    "x ^ y",
    "x if y else 1",
    "(z := x)",
    "await x",
    "(yield x)",
]
NOT_EXPRESSIONS = ["", " ", "x +", "x = 1", "import os", "x; y", "(x", "x y", "2x", "x\ny", "for"]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_refuses_what_is_not_on_the_whitelist(text):
    with pytest.raises(FormulaError) as refusal:
        Formula(text, ("x", "y"))
    assert repr(text) in str(refusal.value)


@pytest.mark.parametrize("text", FORBIDDEN)
def test_refuses_it_deep_inside_as_well(text):
    with pytest.raises(FormulaError):
        Formula(f"1 + exp(-x * ({text}))", ("x", "y"))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("text", ["1if x else 2", "0x1or x", "1(x)", "'\\d'"])
def test_a_refusal_is_all_that_is_said(text):
    with pytest.raises(FormulaError, match=r"is not allowed|is not a real number"):
        Formula(text, ("x",))


@pytest.mark.parametrize("text", NOT_EXPRESSIONS)
def test_refuses_what_is_not_an_expression(text):
    with pytest.raises(FormulaError, match="not an expression"):
        Formula(text, ("x", "y"))


@pytest.mark.parametrize("text", ["z", "sin(x) + z", "x * e", "os", "np"])
def test_unknown_names_are_listed_beside_the_known_ones(text):
    with pytest.raises(FormulaError) as refusal:
        Formula(text, ("x", "theta_1"))
    for name in ("x", "theta_1", *CONSTANTS, *FUNCTIONS):
        assert name in str(refusal.value)


def test_an_unknown_function_is_listed_beside_the_known_ones():
    with pytest.raises(FormulaError, match="expo") as refusal:
        Formula("2 * expo(x)", ("x",))
    for name in FUNCTIONS:
        assert name in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "sin()",
        "sin(x, y)",
        "jv(x)",
        "lpmv(x, y)",
        "mean()",
        "sin",
        "sin + x",
        "x * jv",
        "9" * 400,
        "real_sph_harm(x, 0, y, y)",
    ],
    ids=lambda text: text[:30],
)
def test_a_formula_that_cannot_be_evaluated_cannot_be_made(text):
    with pytest.raises(FormulaError):
        Formula(text, ("x", "y"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("+".join(["x"] * 1_000), "1,999 letters are too many; at most 1,000"),
        ("-" * 100_000 + "x", "100,001 letters are too many; at most 1,000"),
        ("-" * 900 + "x", "901 levels are too deep; at most 100"),
        ("sin(" * 150 + "x" + ")" * 150, "151 levels are too deep; at most 100"),
        ("(" * 400 + "x" + ")" * 400, "not an expression"),
        ("x" * 900, "unknown name"),
        (f"f'{{{'x' * 900}}}'", "is not allowed"),
        ("9" * 900, "a number is too large"),
        ("real_sph_harm(1000000000, 0, x, y)", "real_sph_harm takes orders up to 100, got 1e[+]09"),
        ("real_sph_harm(3, 500, x, y)", "real_sph_harm takes orders up to 100, got 500"),
        ("lpmv(0, 10000000, x)", "lpmv takes orders up to 100, got 1e[+]07"),
        ("lpmv(2 * pi * 100, 3, x)", "lpmv takes orders up to 100, got 628.319"),
        ("yv(10**6, 1e300 * x)", "yv takes orders up to 100, got 1e[+]06"),
        ("jv(-1e6, x)", "jv takes orders up to 100, got -1e[+]06"),
        ("lpmv(0, 0 / 0, x)", "lpmv takes orders up to 100, got nan"),
        ("x\x00", "not an expression"),
        ("\ud800", "not an expression"),
    ],
    ids=lambda text: text[:20],
)
def test_a_formula_that_would_hang_or_exhaust_the_stack_is_refused_in_a_short_sentence(text, fault):
    with pytest.raises(FormulaError, match=fault) as refusal:
        Formula(text, ("x", "y"))
    assert len(str(refusal.value)) < 500


def test_the_longest_and_the_deepest_formulas_that_are_allowed_are_evaluated():
    np.testing.assert_allclose(evaluate("+".join(["x"] * 100), x=X), 100 * X)
    np.testing.assert_allclose(evaluate("-" * 98 + "x", x=X), X)
    np.testing.assert_allclose(evaluate("x" + " " * 999, x=X), X)


@pytest.mark.parametrize("text", ["lpmv(0, x, y)", "yv(x, y)", "kv(-x, y)", "lpmv(x, 2, y)"])
def test_an_order_that_varies_is_undefined_beyond_the_limit_and_takes_no_time(text):
    values = evaluate(text, x=[2.0, 101.0, 1e9, np.inf, np.nan], y=[0.5] * 5)
    assert np.isfinite(values[0])
    assert np.isnan(values[1:]).all()


@pytest.mark.parametrize("text", ["x + y", "-x", "y", "exp(x) * y ** 2"])
def test_evaluation_leaves_its_values_alone(text):
    values = {"x": X.copy(), "y": Y.copy()}
    Formula(text, ("x", "y"))(values)[:] = 0.0
    np.testing.assert_array_equal(values["x"], X)
    np.testing.assert_array_equal(values["y"], Y)


@pytest.mark.parametrize(("text", "expected"), [("mean(x)", X), ("mean(2)", [2.0, 2.0, 2.0])])
def test_the_mean_of_a_scalar_is_itself_or_refused(text, expected):
    """Never a mean over the sample: the value at a point would depend on the other points."""
    try:
        formula = Formula(text, ("x",))
    except FormulaError:
        return
    np.testing.assert_array_equal(formula({"x": X}), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", X),
        ("2", [2.0, 2.0, 2.0]),
        ("pi", [math.pi] * 3),
        ("-x**2", -(X**2)),
        ("(-x)**2", X**2),
        ("2**-x", 1 / 2**X),
        ("2**x**2", 2 ** (X**2)),
        ("x-y-1", (X - Y) - 1),
        ("x/y/2", (X / Y) / 2),
        ("1/2*x", X / 2),
        ("1/(2*x)", 0.5 / X),
        ("x**(1/3)", np.cbrt(X)),
        ("1e-3*x", X / 1000),
        ("--x", X),
        ("x**0", [1.0, 1.0, 1.0]),
        ("exp(log(x))", X),
        ("sin(x)**2+cos(x)**2", [1.0, 1.0, 1.0]),
        ("tan(atan(y))", Y),
        ("asin(sin(x/3))", X / 3),
        ("acos(cos(x))", X),
        ("tanh(y)*cosh(y)", np.sinh(Y)),
        ("sqrt(x*x)", X),
        ("cosh(y)**2-sinh(y)**2", [1.0, 1.0, 1.0]),
        ("abs(-x)", np.maximum(X, -X)),
        ("step(x)", np.where(X >= 0.0, 1.0, 0.0)),
        ("step(0*x) + step(0*x - 1e-9)", [1.0, 1.0, 1.0]),
        ("sinc(x)", np.sin(np.pi * X) / (np.pi * X)),
        ("sinc(0*x)", [1.0, 1.0, 1.0]),
        ("sinc(1/2)", [2 / math.pi] * 3),
        ("j0(0*x)", [1.0, 1.0, 1.0]),
        ("jv(1/2,x)", np.sqrt(2 / (np.pi * X)) * np.sin(X)),
        ("yv(1/2,x)", -np.sqrt(2 / (np.pi * X)) * np.cos(X)),
        ("kv(1/2,x)", np.sqrt(np.pi / (2 * X)) * np.exp(-X)),
        ("iv(1/2,x)", np.sqrt(2 / (np.pi * X)) * np.sinh(X)),
        ("sn(x,0)", np.sin(X)),
        ("sn(y,1)", np.tanh(Y)),
        ("ellipkinc(x,0)", X),
        ("ellipeinc(x,0)", X),
        ("lpmv(0,2,1/x)", (3 / X**2 - 1) / 2),
        ("real_sph_harm(1,0,x,y)", math.sqrt(3 / (4 * math.pi)) * np.cos(X)),
    ],
)
def test_values_by_hand(text, expected):
    inside = slice(1, None) if text.startswith("lpmv") else slice(None)  # |1/x| <= 1
    np.testing.assert_allclose(evaluate(text, x=X, y=Y)[inside], np.asarray(expected)[inside], rtol=1e-12, atol=1e-14)


def test_mean_is_over_the_components_of_a_vector():
    x = np.array([[1.0, 2.0, 6.0], [0.0, 0.0, 3.0]])
    np.testing.assert_allclose(evaluate("mean(x)", x=x), [3.0, 1.0])
    np.testing.assert_allclose(evaluate("mean(x**2)*y", x=x, y=[1.0, 2.0]), [41 / 3, 6.0])


def test_what_is_not_defined_is_not_finite_and_silent():
    with np.errstate(all="raise"):
        values = evaluate("log(x)", x=[-1.0, 0.0, 1.0])
    assert np.isnan(values[0])
    assert values[1] == -np.inf
    assert values[2] == 0.0


def test_a_variable_hides_a_name_of_the_whitelist():
    np.testing.assert_array_equal(evaluate("pi + sin", pi=X, sin=Y), X + Y)


x, y = sympy.symbols("x y", positive=True)
leaves = st.sampled_from([x, y, sympy.pi]) | st.fractions(-3, 3, max_denominator=4).map(sympy.Rational)
UNARY = [
    lambda a: -a,
    sympy.sin,
    sympy.cos,
    sympy.tan,
    sympy.tanh,
    sympy.sinh,
    sympy.cosh,
    sympy.atan,
    sympy.exp,
    lambda a: sympy.log(2 + a**2),
    lambda a: sympy.sqrt(1 + a**2),
    lambda a: sympy.asin(sympy.sin(a) / 2),
    lambda a: sympy.acos(sympy.cos(a) / 2),
]
BINARY = [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b, lambda a, b: (1 + a**2) ** b]


def extend(inner):
    unary = st.builds(lambda f, a: f(a), st.sampled_from(UNARY), inner)
    binary = st.builds(lambda f, a, b: f(a, b), st.sampled_from(BINARY), inner, inner)
    return unary | binary


expressions = st.recursive(extend(leaves), extend, max_leaves=4)


def exact(expression, at):
    """The value at a point by mpmath; NaN if any part of the expression is large, or complex, or not defined there."""
    with mpmath.workdps(30):
        try:
            values = [sympy.lambdify((x, y), part, "mpmath")(*at) for part in sympy.preorder_traversal(expression)]
        except (ZeroDivisionError, OverflowError, ValueError):  # the last for integers of more than 4,300 digits
            return math.nan
    tame = all(mpmath.im(value) == 0 and abs(value) < 1e3 for value in values)
    return float(values[0]) if tame else math.nan


@settings(max_examples=80, deadline=None)
@given(expression=expressions, at=st.tuples(st.floats(0.25, 3.0), st.floats(0.25, 3.0)))
def test_random_formulas_against_sympy(expression, at):
    foreign = (sympy.AccumBounds, sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.I, sympy.E, sympy.Abs, sympy.sign)
    assume(not expression.has(*foreign))
    value = exact(expression, at)
    assume(math.isfinite(value))
    assume(len(str(expression)) <= MAX_LETTERS)
    result = evaluate(str(expression), x=[at[0]], y=[at[1]])
    np.testing.assert_allclose(result, [value], rtol=1e-8, atol=1e-8)
