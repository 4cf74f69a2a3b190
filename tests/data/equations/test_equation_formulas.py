"""Residuals as text, against SymPy's derivatives of solutions."""

import re

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kanbench.data import load_suite
from kanbench.data.equations.box import Box
from kanbench.data.equations.checking import derivatives_at
from kanbench.data.equations.expression import Expression, derivatives
from kanbench.data.formula import FormulaError
from kanbench.data.formula_task import Variable

SUITE = load_suite("pde")
EXACT = [task for task in SUITE.tasks if task.exact]
X, T = sympy.symbols("x t")


def symbolic(text, expression, solution, symbols, coefficients=()):
    """A residual as SymPy has it, with the derivatives of a solution put in for u and its derivatives."""
    known = {str(symbol): symbol for symbol in symbols} | dict(coefficients)
    for name, by in derivatives(expression.variables).items():
        known[name] = sympy.diff(solution, *(symbols[index] for index in by)) if by else solution
    return sympy.sympify(text, locals=known)


def numbers(expression, symbols, points):
    return np.broadcast_to(sympy.lambdify(symbols, expression, "numpy")(*points.T), len(points))


@pytest.mark.parametrize("task", EXACT, ids=lambda task: task.name)
def test_the_exact_solutions_of_the_suite_solve_their_equations_and_keep_their_conditions(task):
    equation, generator = task.equation, np.random.default_rng(1)
    symbols = sympy.symbols(equation.box.names)
    solution = sympy.sympify(task.exact)
    coefficients = {each.name: each.exact for each in task.coefficients}
    inside = equation.box.draw(generator, 30)
    residual = symbolic(task.residual, equation.interior, solution, symbols, coefficients)
    size = max(
        np.abs(numbers(term, symbols, inside)).max() for term in sympy.Add.make_args(sympy.expand(residual)) or [1]
    )
    assert np.abs(numbers(residual, symbols, inside)).max() <= 1e-10 * max(size, 1.0)
    for condition, expression in zip(equation.conditions, equation.of_conditions, strict=True):
        rows = condition.draw(equation.box, generator, 10)
        left = symbolic(condition.residual, expression, solution, symbols)
        if condition.is_periodic:
            first, second = (numbers(left, symbols, end) for end in np.split(rows, 2, axis=1))
            np.testing.assert_allclose(first, second, atol=1e-12)
        else:
            np.testing.assert_allclose(numbers(left, symbols, rows), 0.0, atol=1e-12)


polynomials = st.lists(st.floats(-2, 2), min_size=6, max_size=6).map(
    lambda c: c[0] + c[1] * X + c[2] * T + c[3] * X**2 + c[4] * X * T + c[5] * T**2 * X
)
RESIDUALS = ["u_t+u*u_x-0.5*u_xx", "u_tt*u_xt-sin(x*u)", "u_xt-u_tx+u_t**2*exp(t)", "-u_xx/(2+x)+u_t*tanh(u)-k*u"]


@settings(max_examples=12, deadline=None)
@given(solution=polynomials, text=st.sampled_from(RESIDUALS), k=st.floats(-2, 2))
def test_a_residual_has_the_value_that_sympy_gives_it(solution, text, k):
    expression = Expression(text, ("x", "t"), ("k",))
    points = np.random.default_rng(0).uniform(-1, 1, (5, 2))
    known = derivatives(("x", "t"))
    jet = {
        name: numbers(sympy.diff(solution, *((X, T)[i] for i in by)) if by else solution, (X, T), points)
        for name, by in known.items()
    }
    values = expression({"x": points[:, 0], "t": points[:, 1], "k": k} | jet)
    expected = symbolic(text.replace("u_tx", "u_xt"), expression, solution, (X, T), {"k": k})
    np.testing.assert_allclose(values, numbers(expected, (X, T), points), rtol=1e-9, atol=1e-9)


def test_the_derivatives_that_occur_are_named_once_with_the_variables_by_which_u_is_differentiated():
    expression = Expression("u_yx*u_xy + u_yy - 2*u_x*y", ("x", "y"))
    assert expression.orders == ("u_x", "u_xy", "u_yy")
    assert expression.indices == ((0,), (0, 1), (1, 1))
    assert (expression.order_in(0), expression.order_in(1)) == (1, 2)
    assert expression.used == {"y"}


def test_derivatives_by_differences_are_those_of_sympy_in_the_units_of_the_variables():
    box = Box((Variable("x", -3, 5), Variable("t", 0, 0.1)))
    points = box.draw(np.random.default_rng(0), 20)
    wave = sympy.sin(2 * X) * sympy.exp(5 * T) + X**2 * T
    by = list(derivatives(box.names).values())
    found = derivatives_at(lambda at: numbers(wave, (X, T), at), points, box, by)
    for each, indices in zip(found, by, strict=True):
        exact = numbers(sympy.diff(wave, *((X, T)[i] for i in indices)) if indices else wave, (X, T), points)
        np.testing.assert_allclose(each, exact, rtol=1e-5, atol=1e-5 * np.abs(exact).max())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("u_xxx + u", "u_xxx is of an order above 2; derivatives are of the first and second order"),
        ("u_z + u", "unknown derivative 'u_z'; known: u_x, u_t, u_xx, u_xt, u_tt"),
        ("u_ + u", "unknown derivative 'u_'"),
        ("j0(x)*u", "j0 has no derivatives here; functions are sqrt, exp"),
        ("u*v", "unknown name 'v'; known: x, t, u, pi"),
        ("u + 1/0", "'1 / 0' is no finite number"),
        ("u + (-1)**0.5", "is no finite number"),
        ("u + 10**400", "is no finite number"),
        ("u + log(-1)", "is no finite number"),
        ("u +", "not an expression"),
        ("u if x else t", "is not allowed"),
    ],
)
def test_what_is_no_residual_is_refused_with_its_part(text, sentence):
    with pytest.raises(FormulaError, match=f"^formula .*{re.escape(sentence)}"):
        Expression(text, ("x", "t"))
