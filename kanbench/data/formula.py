"""Formulas as data: text parsed against a whitelist of operations, and evaluated with NumPy."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
Value = Array | np.float64

CONSTANTS: dict[str, float] = {"pi": np.pi}

FUNCTIONS: dict[str, Callable[..., Value]] = {
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "sinc": np.sinc,  # sin(pi x) / (pi x), 1 at 0
    "mean": lambda x: np.asarray(x).mean(axis=-1),  # over the components of a vector variable
    "j0": special.j0,
    "jv": special.jv,
    "yv": special.yv,
    "kv": special.kv,
    "iv": special.iv,
    "sn": lambda u, m: special.ellipj(u, m)[0],
    "ellipkinc": special.ellipkinc,
    "ellipeinc": special.ellipeinc,
    "lpmv": special.lpmv,
    "real_sph_harm": lambda n, m, polar, azimuth: special.sph_harm_y(int(n), int(m), polar, azimuth).real,
}

BINARY: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}


class FormulaError(ValueError):
    """A formula that is not of the allowed form; the message says which part and what is allowed."""


@dataclass(frozen=True)
class Formula:
    """A formula over named variables: numbers, + - * / **, unary minus, `pi` and the functions of `FUNCTIONS`.

    Raises `FormulaError` when it is made, so a formula that exists can be evaluated.
    """

    text: str
    variables: tuple[str, ...]

    def __post_init__(self) -> None:
        for node in ast.walk(self._tree):
            self._check(node)

    @cached_property
    def _tree(self) -> ast.expr:
        try:
            return ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            raise FormulaError(f"formula {self.text!r}: not an expression ({error.msg})") from error

    def _check(self, node: ast.AST) -> None:
        match node:
            case ast.Constant(value=bool() | complex() | str() | bytes() | None):
                raise FormulaError(f"formula {self.text!r}: {node.value!r} is not a real number")
            case ast.Constant(value=int() | float()):
                pass
            case ast.Name(id=name):
                known = (*self.variables, *CONSTANTS, *FUNCTIONS)
                if name not in known:
                    raise FormulaError(f"formula {self.text!r}: unknown name {name!r}; known: {', '.join(known)}")
            case ast.Call(func=ast.Name(id=name), keywords=[]) if name in FUNCTIONS:
                pass
            case ast.BinOp(op=op) if type(op) in BINARY:
                pass
            case ast.UnaryOp(op=ast.USub()) | ast.USub() | ast.expr_context() | ast.operator():
                pass
            case _:
                part = ast.unparse(node) or type(node).__name__
                raise FormulaError(f"formula {self.text!r}: {part!r} is not allowed; allowed: + - * / ** and functions")

    def __call__(self, values: Mapping[str, Array]) -> Array:
        """The formula at every point: each variable (n,), or (n, size) for a vector -> (n,), float64."""
        n = len(next(iter(values.values())))
        with np.errstate(all="ignore"):  # whoever samples checks that the values are finite
            return np.broadcast_to(self._evaluate(self._tree, values), (n,)).astype(np.float64)

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
            case ast.Call(func=ast.Name(id=name), args=args):
                return FUNCTIONS[name](*(self._evaluate(arg, values) for arg in args))
        raise AssertionError(f"{ast.dump(node)} passed the check")
