"""Expressions at points, against sympy's own arithmetic in many digits."""

import numpy as np
import pytest
import sympy

from kanbench.interpret import evaluate
from kanbench.interpret.values import sample_of

X, Y = sympy.symbols("x y", real=True)
POINTS = np.random.default_rng(0).uniform(0.2, 3.0, (20, 2))


@pytest.mark.parametrize(
    "expression",
    [
        sympy.exp(sympy.sin(sympy.pi * X) + Y**2) / 3,
        sympy.sqrt(X) - 1 / Y**3 + X ** sympy.Float(1.7) - sympy.tan(X) / sympy.Rational(7, 3),
        sympy.Abs(X - Y) + sympy.atan(X) * sympy.tanh(Y) * sympy.log(X * Y),
        sympy.Max(X, Y, 1) - sympy.erf(X) + sympy.besselj(0, Y) + sympy.sinc(sympy.pi * X),
        sympy.Piecewise((X**2, X > Y), (sympy.cos(Y), True)) + sympy.E,
        sympy.Integer(4),
    ],
)
def test_values_are_those_of_sympy_in_thirty_digits(expression):
    exact = [float(expression.subs({X: x, Y: y}).evalf(30)) for x, y in POINTS]
    np.testing.assert_allclose(evaluate(expression, ["x", "y"], POINTS), exact, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", ["exp", "sin", "lambda", "numpy", "x y", "größe", "1", "x.y", "Dummy_1", "a); x(b"])
def test_a_column_may_have_any_name(name):
    column = sympy.Symbol(name, real=True)
    expression = column * sympy.exp(column) + sympy.erf(Y)
    x = POINTS[:, 0]
    expected = evaluate(X * sympy.exp(X) + sympy.erf(Y), ["x", "y"], POINTS)
    np.testing.assert_array_equal(evaluate(expression, [name, "y"], POINTS), expected)
    np.testing.assert_allclose(evaluate(column * sympy.exp(column), [name], POINTS[:, :1]), x * np.exp(x))


def test_what_has_no_real_value_is_nan():
    x = np.array([[-1.0], [0.0], [4.0]])
    np.testing.assert_array_equal(evaluate(sympy.sqrt(X), ["x"], x), [np.nan, 0.0, 2.0])
    np.testing.assert_array_equal(evaluate(sympy.I * X, ["x"], x), [np.nan] * 3)
    np.testing.assert_array_equal(evaluate(sympy.zoo + X, ["x"], x), [np.nan] * 3)
    np.testing.assert_array_equal(evaluate(1 / X, ["x"], x), [-1.0, np.inf, 0.25])


def test_factors_that_no_double_holds_are_multiplied():
    x = np.array([[-4.0], [-3.3]])
    found = evaluate(-2 * X * sympy.exp(300 * X + sympy.Float(1000.0)) * sympy.exp(X**2), ["x"], x)
    np.testing.assert_allclose(found, [8 * np.exp(-200 + 16), 6.6 * np.exp(10 + 3.3**2)], rtol=1e-12)
    far = evaluate(sympy.exp(2.0 * X - sympy.Float(2e9)), ["x"], np.array([[1e9], [1e9 - 1]]))
    np.testing.assert_allclose(far, [1.0, np.exp(-2.0)], rtol=1e-5)


def test_what_cannot_be_evaluated_is_refused():
    with pytest.raises(ValueError, match=r"expression must have no variables but x, got \['y'\]"):
        evaluate(X + Y, ["x"], np.zeros((3, 1)))
    with pytest.raises(ValueError, match=r"x must have 2 columns, those of x, y, got \(3, 1\)"):
        evaluate(X, ["x", "y"], np.zeros((3, 1)))
    with pytest.raises(ValueError, match=r"expression must only use functions with a definition, got \['open'\]"):
        evaluate(sympy.Function("open")(X), ["x"], np.zeros((3, 1)))


def test_a_sample_reaches_the_ends_of_every_range():
    sample = sample_of([X, Y], {"x": (2000.0, 2024.0), "y": (-1.0, 5.0), "z": (0.0, 1.0)})
    assert (sample(X).min(), sample(X).max()) == (2000.0, 2024.0)
    assert (sample(Y).min(), sample(Y).max()) == (-1.0, 5.0)
    np.testing.assert_allclose(sample(X * Y), sample(X) * sample(Y))
