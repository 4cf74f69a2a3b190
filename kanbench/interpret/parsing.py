"""Conversion of text to sympy expressions by a walk over its syntax tree, which calls only the functions of a table."""

import ast
import operator
import sys
from collections.abc import Callable, Mapping, Sequence

import sympy

Call = Callable[[sympy.Expr], sympy.Expr]

LONGEST, SHOWN = 20_000, 60  # characters of a formula, and of one in a message
LARGEST_POWER = 4096  # in bits; larger than any double, and still quickly computed
CONSTANTS: dict[str, sympy.Expr] = {"pi": sympy.pi, "E": sympy.E}
FUNCTIONS: dict[str, Call] = {
    **{name: getattr(sympy, name) for name in ("sqrt", "exp", "log", "Abs", "sign", "erf", "sinc")},
    **{name: getattr(sympy, name) for name in ("sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan")},
    **{name: getattr(sympy, name) for name in ("sinh", "cosh", "tanh", "coth", "asinh", "acosh", "atanh")},
    "abs": sympy.Abs,
}
OPERATORS: dict[type[ast.operator], Callable[[sympy.Expr, sympy.Expr], sympy.Expr]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def parse(text: str | sympy.Expr, names: Sequence[str], functions: Mapping[str, Call] = FUNCTIONS) -> sympy.Expr:
    """Parse a formula without executing it.

    Text may hold numbers, + - * / **, the variables, calls of the `functions`, and `pi` and `E` unless these are
    variables.

    Args:
        text: the formula as text, or an expression in symbols of these names.
        names: the names of the variables.
        functions: the functions of one argument, by name.

    Returns:
        An expression in real symbols of these names.

    Raises:
        ValueError: for any other text; the message quotes it.

    Example:
        >>> from kanbench.interpret.parsing import parse
        >>> parse("2*sin(x)**2", ["x"])
        2*sin(x)**2
    """
    known = dict(zip(names, symbols(names), strict=True))
    if isinstance(text, str):
        return _Reader(text, CONSTANTS | known, functions).read()
    return text.subs({s: known[s.name] for s in text.free_symbols if s.name in known})


def symbols(names: Sequence[str]) -> list[sympy.Symbol]:
    """Return the variables of formulas, which are real symbols."""
    return [sympy.Symbol(name, real=True) for name in names]


class _Reader:
    """Reader that turns the text of one formula into an expression."""

    def __init__(self, text: str, known: Mapping[str, sympy.Expr], functions: Mapping[str, Call]) -> None:
        self.shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}.."
        self.text, self.known, self.functions = text, known, functions

    def read(self) -> sympy.Expr:
        if len(self.text) > LONGEST:
            raise self._error(f"{len(self.text):,} characters are too many; at most {LONGEST:,} are allowed")
        try:
            return self._expression(ast.parse(self.text.strip(), mode="eval").body)
        except SyntaxError as error:
            raise self._error(f"not an expression ({error.msg})") from error
        except (RecursionError, MemoryError) as error:
            raise self._error("nested too deeply") from error

    def _expression(self, node: ast.expr) -> sympy.Expr:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return self._finite(sympy.Integer(number) if isinstance(number, int) else sympy.Float(number))
            case ast.Name(id=name) if name in self.known:
                return self.known[name]
            case ast.Name(id=name):
                raise self._error(f"unknown name {name!r}; known: {', '.join(self.known)}")
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in self.functions:
                return self._finite(self.functions[name](self._expression(argument)))
            case ast.Call(func=ast.Name(id=name)) if name not in self.functions:
                raise self._error(f"unknown function {name!r}; known: {', '.join(self.functions)}")
            case ast.BinOp(left, ast.Pow(), right):
                return self._power(self._expression(left), self._expression(right))
            case ast.BinOp(left, op, right) if type(op) in OPERATORS:
                return self._finite(OPERATORS[type(op)](self._expression(left), self._expression(right)))
            case ast.UnaryOp(ast.USub(), operand):
                return -self._expression(operand)
        part = ast.unparse(node)
        shown = part if len(part) <= SHOWN else f"{part[:SHOWN]}.."
        raise self._error(f"{shown!r} is not allowed; allowed: + - * / **, and functions of one argument")

    def _power(self, base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
        """Return the power; raises `ValueError` if the digits of a number in it would fill the memory."""
        for number, power in (part.as_base_exp() for part in sympy.Mul.make_args(base)):  # sqrt(2) is 2**(1/2)
            if number.is_Rational and power.is_Rational and exponent.is_Rational:
                bits = max(number.p.bit_length(), number.q.bit_length())
                if bits * abs(power * exponent) > LARGEST_POWER:
                    raise self._error("a number has too many digits")
        return self._finite(base**exponent)

    def _finite(self, value: sympy.Expr) -> sympy.Expr:
        """Return the value; raises `ValueError` for a number beyond the range of a double."""
        if value.is_Number and value.is_extended_real and abs(value) > sys.float_info.max:
            raise self._error("a number is too large")
        return value

    def _error(self, fault: str) -> ValueError:
        return ValueError(f"formula {self.shown!r}: {fault}")
