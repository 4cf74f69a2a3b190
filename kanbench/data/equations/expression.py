"""Residuals as text: formulas over variables, u and its derivatives, and named coefficients."""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement, permutations
from typing import Any

import numpy as np

from kanbench.data.formula import CONSTANTS, FUNCTIONS, Formula, FormulaError
from kanbench.errors import shown

UNKNOWN = "u"
HIGHEST = 2  # the order of derivatives
ELEMENTARY = (
    *("sqrt", "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan"),
    *("sinh", "cosh", "tanh", "abs", "step", "sinc"),
)
NUMPY: dict[str, Callable[..., Any]] = {name: FUNCTIONS[name].call for name in ELEMENTARY}
OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def derivative(indices: tuple[int, ...], variables: tuple[str, ...]) -> str:
    """Return the name of a derivative: () is u, (0,) is u_x, (0, 1) is u_xy."""
    return UNKNOWN + ("_" if indices else "") + "".join(variables[index] for index in indices)


def derivatives(variables: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Return u and all its derivatives up to the second order: the variables that it is differentiated by, by name."""
    orders = range(HIGHEST + 1)
    found = [each for order in orders for each in combinations_with_replacement(range(len(variables)), order)]
    return {derivative(indices, variables): indices for indices in found}


@dataclass(frozen=True)
class Expression:
    """A formula over variables, u, its derivatives up to the second order (u_x, u_xx, u_xy), and coefficients.

    It is made of + - * / **, and of functions that PyTorch has too: `ELEMENTARY`. It can be evaluated over arrays of
    any library whose arrays know the operators, if the functions are given.

    Raises `FormulaError` when it is created.
    """

    text: str
    variables: tuple[str, ...]
    coefficients: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        written = set(re.findall(rf"\b{UNKNOWN}_\w*", self.text))
        Formula(self.text, (*self.variables, UNKNOWN, *sorted(written), *self.coefficients))
        for name in sorted(written):
            if name not in self._spelled and name not in self.coefficients:
                raise self._unknown(name)
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call) and node.func.id not in ELEMENTARY:  # type: ignore[attr-defined]
                called = node.func.id  # type: ignore[attr-defined]
                raise self._error(f"{called} has no derivatives here; functions are {', '.join(ELEMENTARY)}")
        self._fold(self._tree)

    @cached_property
    def _tree(self) -> ast.expr:
        return ast.parse(self.text, mode="eval").body

    @cached_property
    def _spelled(self) -> dict[str, str]:
        """Every spelling of a derivative with its name: u_yx is u_xy."""
        return {
            derivative(order, self.variables): name
            for name, indices in derivatives(self.variables).items()
            for order in set(permutations(indices))
        }

    @cached_property
    def _names(self) -> set[str]:
        return {node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name)}

    @property
    def orders(self) -> tuple[str, ...]:
        """The names of u and its derivatives that occur, u first, then those of the first order, then of the second."""
        occurring = {self._spelled[name] for name in self._names if name in self._spelled}
        return tuple(name for name in derivatives(self.variables) if name in occurring)

    @property
    def indices(self) -> tuple[tuple[int, ...], ...]:
        """The variables by which u is differentiated, for each of `orders`."""
        return tuple(derivatives(self.variables)[name] for name in self.orders)

    @property
    def used(self) -> set[str]:
        """The variables and coefficients that occur."""
        return self._names & {*self.variables, *self.coefficients}

    def order_in(self, index: int) -> int:
        """Return the highest order of the derivatives by one variable."""
        return max((indices.count(index) for indices in self.indices), default=0)

    def __call__(self, values: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]] = NUMPY) -> Any:
        """Evaluate on arrays that broadcast against each other, by the names of variables, `orders` and coefficients.

        A formula without any of them is a number.
        """
        spelled = {name: values[self._spelled[name]] for name in self._names if name in self._spelled}
        with np.errstate(all="ignore"):  # whoever evaluates checks that the values are finite
            return self._at(self._tree, {**values, **spelled}, functions)

    def _at(self, node: ast.expr, values: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> Any:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name):
                return values[name] if name in values else CONSTANTS[name]
            case ast.BinOp(left, op, right):
                return OPERATORS[type(op)](self._at(left, values, functions), self._at(right, values, functions))
            case ast.UnaryOp(operand=operand):
                return -self._at(operand, values, functions)
            case ast.Call(func=ast.Name(id=name), args=[argument]):
                value = self._at(argument, values, functions)
                return float(NUMPY[name](value)) if isinstance(value, float) else functions[name](value)
        raise AssertionError(f"{ast.dump(node)} passed the check")

    def _fold(self, node: ast.expr) -> None:
        """Raise `FormulaError` for a part without variables that is no finite number, such as 1/0 or (-1)**0.5."""
        parts = [part for part in ast.walk(node) if isinstance(part, ast.BinOp | ast.UnaryOp | ast.Call)]
        for part in parts:
            if any(isinstance(each, ast.Name) and each.id in self._free for each in ast.walk(part)):
                continue
            try:
                with np.errstate(all="ignore"):
                    value = self._at(part, {}, NUMPY)
            except (ZeroDivisionError, OverflowError):
                value = math.nan
            if isinstance(value, complex) or not math.isfinite(value):
                raise self._error(f"{shown(ast.unparse(part))} is no finite number")

    @property
    def _free(self) -> set[str]:
        return {*self.variables, *self._spelled, *self.coefficients}

    def _unknown(self, name: str) -> FormulaError:
        letters = name.removeprefix(f"{UNKNOWN}_")
        either = "|".join(sorted(map(re.escape, self.variables), key=len, reverse=True))
        if re.fullmatch(f"(?:{either}){{{HIGHEST + 1},}}", letters):
            return self._error(f"{name} is of an order above {HIGHEST}; derivatives are of the first and second order")
        known = [known for known in derivatives(self.variables) if known != UNKNOWN]
        return self._error(f"unknown derivative {shown(name)}; known: {', '.join(known)}")

    def _error(self, fault: str) -> FormulaError:
        return FormulaError(f"formula {shown(self.text)}: {fault}")
