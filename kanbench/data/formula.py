"""Formulas as data: text parsed against a whitelist of operations, and evaluated with NumPy."""

import ast
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kanbench.errors import counted, shown

Array = NDArray[np.float64]
Value = Array | np.float64

CONSTANTS: dict[str, float] = {"pi": np.pi}
MAX_LETTERS, MAX_DEPTH = 1_000, 100  # of a formula; the depth is that of its syntax tree: a + b + c has 3
MAX_ORDER = 100  # of special functions; the time of their recurrences is proportional to it


@dataclass(frozen=True)
class Function:
    """The implementation of a name in formulas, and its number of arguments.

    The first `orders` arguments are degrees and orders of at most `MAX_ORDER`; beyond it the value is NaN. The first
    `integers` must be written as integers.
    """

    call: Callable[..., Value]
    arguments: int = 1
    orders: int = 0
    integers: int = 0

    def __call__(self, *values: Value) -> Value:
        orders = values[: self.orders]
        if not orders:
            return self.call(*values)
        within = np.logical_and.reduce(np.broadcast_arrays(*(np.abs(order) <= MAX_ORDER for order in orders)))
        bounded = [np.where(within, order, 0.0)[()] for order in orders]
        return np.where(within, self.call(*bounded, *values[self.orders :]), np.nan)[()]


def _special(name: str) -> Callable[..., Any]:
    """Return a special function of SciPy, which is imported at the first call, because few suites need any."""

    def call(*values: Value) -> Any:
        from scipy import special

        return getattr(special, name)(*values)

    return call


FUNCTIONS: dict[str, Function] = {
    "sqrt": Function(np.sqrt),
    "exp": Function(np.exp),
    "log": Function(np.log),
    "sin": Function(np.sin),
    "cos": Function(np.cos),
    "tan": Function(np.tan),
    "asin": Function(np.arcsin),
    "acos": Function(np.arccos),
    "atan": Function(np.arctan),
    "sinh": Function(np.sinh),
    "cosh": Function(np.cosh),
    "tanh": Function(np.tanh),
    "abs": Function(np.abs),
    "step": Function(lambda x: np.heaviside(x, 1.0)),  # 0 below 0, 1 from 0 on
    "sinc": Function(np.sinc),  # sin(pi x) / (pi x), 1 at 0
    "mean": Function(lambda x: x.mean(axis=-1) if np.ndim(x) == 2 else x),  # over the components of a vector variable
    "j0": Function(_special("j0")),
    "jv": Function(_special("jv"), 2, orders=1),
    "yv": Function(_special("yv"), 2, orders=1),
    "kv": Function(_special("kv"), 2, orders=1),
    "iv": Function(_special("iv"), 2, orders=1),
    "sn": Function(lambda u, m: _special("ellipj")(u, m)[0], 2),
    "ellipkinc": Function(_special("ellipkinc"), 2),
    "ellipeinc": Function(_special("ellipeinc"), 2),
    "lpmv": Function(_special("lpmv"), 3, orders=2),
    "real_sph_harm": Function(  # degree, order, polar angle, azimuth
        lambda n, m, polar, azimuth: _special("sph_harm_y")(int(n), int(m), polar, azimuth).real, 4, 2, 2
    ),
}

BINARY: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}


def depth(tree: ast.expr) -> int:
    """Return the number of levels of a syntax tree, without recursion."""
    levels, level = 0, [tree]
    while level:
        levels += 1
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return levels


class FormulaError(ValueError):
    """A formula is not of the allowed form; the message names the part and what is allowed."""


@dataclass(frozen=True)
class Formula:
    """A formula over named variables: numbers, + - * / **, unary minus, `pi` and calls of `FUNCTIONS`.

    A vector variable may be combined with numbers and with itself; `mean` reduces it to one number per point.

    Raises `FormulaError` when it is created, so every existing formula can be evaluated. Limits on its length, its
    depth and the orders of its functions bound the time that this takes.
    """

    text: str
    variables: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.text) > MAX_LETTERS:
            raise self._error(f"{len(self.text):,} letters are too many; at most {MAX_LETTERS:,} are allowed")
        try:
            tree = self._tree
        except SyntaxError as error:
            raise self._error(f"not an expression ({error.msg})") from error
        except ValueError as error:  # characters that cannot be encoded
            raise self._error(f"not an expression ({error})") from error
        if depth(tree) > MAX_DEPTH:
            raise self._error(f"{depth(tree)} levels are too deep; at most {MAX_DEPTH} are allowed")
        self._check(tree)

    @cached_property
    def _tree(self) -> ast.expr:
        with warnings.catch_warnings(action="ignore"):  # "1if" warns here, and is rejected below
            return ast.parse(self.text, mode="eval").body

    def _check(self, node: ast.expr) -> None:
        match node:
            case ast.Constant(value=bool() | complex() | str() | bytes() | None):
                raise self._error(f"{node.value!r} is not a real number")
            case ast.Constant(value=int() | float() as number):
                if not abs(number) <= sys.float_info.max:
                    raise self._error("a number is too large")
            case ast.Name(id=name):
                if name not in (*self.variables, *CONSTANTS):
                    raise self._unknown(name)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                self._check_call(name, arguments)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
                self._check(left)
                self._check(right)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                self._check(operand)
            case _:
                raise self._error(
                    f"{shown(ast.unparse(node))} is not allowed; allowed: + - * / **, and calls of functions"
                )

    def _check_call(self, name: str, arguments: list[ast.expr]) -> None:
        if name not in FUNCTIONS:
            raise self._unknown(name)
        function = FUNCTIONS[name]
        if len(arguments) != function.arguments:
            raise self._error(f"{name} takes {counted(function.arguments, 'argument')}, got {len(arguments)}")
        for argument in arguments[: function.integers]:
            if not (isinstance(argument, ast.Constant) and type(argument.value) is int):
                raise self._error(f"{name} takes integers as its first {counted(function.integers, 'argument')}")
        for argument in arguments:
            self._check(argument)
        for order in arguments[: function.orders]:
            if not any(isinstance(part, ast.Name) and part.id in self.variables for part in ast.walk(order)):
                value = float(self._at(order, {}))
                if not abs(value) <= MAX_ORDER:
                    raise self._error(f"{name} takes orders up to {MAX_ORDER}, got {value:g}")

    def _unknown(self, name: str) -> FormulaError:
        known = (*self.variables, *CONSTANTS, *(f"{function}()" for function in FUNCTIONS))
        return self._error(f"unknown name {shown(name)}; known: {', '.join(known)}")

    def _error(self, fault: str) -> FormulaError:
        return FormulaError(f"formula {shown(self.text)}: {fault}")

    def __call__(self, values: Mapping[str, Array]) -> Array:
        """Evaluate at every point: each variable (n,), or (n, size) for a vector -> (n,), float64."""
        n = len(next(iter(values.values())))
        return np.broadcast_to(self._at(self._tree, values), (n,)).astype(np.float64)

    def _at(self, node: ast.expr, values: Mapping[str, Array]) -> Value:
        with np.errstate(all="ignore"):  # sampling checks that the values are finite
            return self._evaluate(node, values)

    def _evaluate(self, node: ast.expr, values: Mapping[str, Array]) -> Value:
        match node:
            case ast.Constant(value=int() | float() as number):
                return np.float64(number)
            case ast.Name(id=name):
                return values[name] if name in values else np.float64(CONSTANTS[name])
            case ast.BinOp(left, op, right):
                return BINARY[type(op)](self._evaluate(left, values), self._evaluate(right, values))
            case ast.UnaryOp(operand=operand):
                return -self._evaluate(operand, values)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return FUNCTIONS[name](*(self._evaluate(argument, values) for argument in arguments))
        raise AssertionError(f"{ast.dump(node)} passed the check")
