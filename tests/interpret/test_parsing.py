"""Text is read as a formula, and never as code."""

import math

import pytest
import sympy

from kanbench.interpret import same_function
from kanbench.interpret.parsing import LONGEST, parse

X, Y = sympy.symbols("x y", real=True)
CODE = [
    "__import__('os').system('touch proof')",
    "open('proof', 'w')",
    'exec(\'open("proof", "w")\')',
    "(lambda: open('proof', 'w'))()",
    "[open(n, 'w') for n in ('proof',)]",
    "x.__class__.__bases__",
    "x + open('proof', 'w').write('')",
    "sin(open('proof', 'w'))",
    'f\'{open("proof", "w")}\'',
    "(y := open('proof', 'w'))",
    "x if open('proof', 'w') else y",
    "Symbol('x')",
    "exp.__globals__",
]


@pytest.mark.parametrize("text", CODE)
def test_a_formula_is_never_executed(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"formula .*: (unknown|.* is not allowed)"):
        parse(text, ["x", "y"])
    with pytest.raises(ValueError, match=r"formula .*: (unknown|.* is not allowed)"):
        same_function(X, text, ["x", "y"], [(0, 1)] * 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("exp(y**2 + sin(pi*x))", sympy.exp(Y**2 + sympy.sin(sympy.pi * X))),
        ("-x**2/2", -(X**2) / 2),
        ("2**-x", 2 ** (-X)),
        ("x - y - 1/3", X - Y - sympy.Rational(1, 3)),
        ("Abs(x) + abs(y)", sympy.Abs(X) + sympy.Abs(Y)),
        ("E*sqrt(x)/tanh(y)", sympy.E * sympy.sqrt(X) / sympy.tanh(Y)),
        (" 1.5e-3*x ", sympy.Float(1.5e-3) * X),
    ],
)
def test_a_formula_is_read_as_sympy_writes_it(text, expression):
    assert parse(text, ["x", "y"]) == expression
    assert parse(str(expression), ["x", "y"]) == expression


def test_names_come_before_constants_and_beside_functions():
    pi, exp = sympy.symbols("pi exp", real=True)
    assert parse("pi + exp(exp)", ["pi", "exp"]) == pi + sympy.exp(exp)
    assert parse("pi + x", ["x"]) == sympy.pi + X
    assert parse(sympy.Symbol("x") ** 2, ["x"]) == X**2  # a symbol that is not said to be real


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("9**9**9**9", "a number has too many digits"),
        ("sqrt(2)**100000000*x", "a number has too many digits"),
        ("(x*sqrt(3))**99999999", "a number has too many digits"),
        ("(2*x)**100000000", "a number has too many digits"),
        ("9.0**9.0**9.0**9.0", "a number is too large"),
        ("exp(exp(1e10))", "a number is too large"),
        ("1e999", "a number is too large"),
        ("1" + "0" * 400, "a number is too large"),
        ("-" * 5000 + "x", "nested too deeply"),
        ("(" * 5000 + "x" + ")" * 5000, "not an expression|nested too deeply"),
        ("+".join("x" * 5000), "nested too deeply"),
        ("x" * (LONGEST + 1), "20,001 characters are too many; at most 20,000 are allowed"),
        ("x^2", r"'x \^ 2' is not allowed; allowed: \+ - \* / \*\*, and functions of one argument"),
        ("log(x, 2)", r"'log\(x, 2\)' is not allowed"),
        ("True", "'True' is not allowed"),
        ("1j", "'1j' is not allowed"),
        ("x\0", "not an expression"),
        ("", "not an expression"),
        ("x +", "not an expression"),
        ("z", "unknown name 'z'; known: pi, E, x"),
        ("eval(x)", r"unknown function 'eval'; known: sqrt, exp"),
    ],
)
def test_what_is_no_formula_is_refused_in_one_sentence(text, fault):
    with pytest.raises(ValueError, match=fault) as caught:
        parse(text, ["x"])
    assert len(str(caught.value)) < 400
    assert str(caught.value).startswith("formula '")


def test_text_and_numbers_of_any_size_that_are_formulas_are_read():
    assert len(parse("+".join(f"{i}*x**{i}" for i in range(1, 200)), ["x"]).args) == 199
    assert float(parse("2**1000 + 0.5", ["x"])) == pytest.approx(2.0**1000)
    assert math.isinf(float(parse("exp(x)", ["x"]).subs(X, sympy.oo)))
