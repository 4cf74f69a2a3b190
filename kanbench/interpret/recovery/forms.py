"""Forms of a formula: the function of the output, inputs that are joined, and the number of products."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import sympy

from kanbench.interpret.recovery.constants import number, simplest
from kanbench.interpret.values import Array


@dataclass(frozen=True)
class Outer:
    """The function of the output: y = f(u), where u = inverse(y) if `allows` holds for all y."""

    name: str
    inverse: Callable[[Array], Array]
    sympy: Callable[[sympy.Expr], sympy.Expr]
    allows: Callable[[Array], bool]


def _everywhere(y: Array) -> bool:
    return True


def _positive(y: Array) -> bool:
    return bool((y > 0).all())


def _one_sign(y: Array) -> bool:
    return bool((y > 0).all() or (y < 0).all())


def _within(low: float, high: float) -> Callable[[Array], bool]:
    return lambda y: bool((y > low).all() and (y < high).all())


def _exp(u: sympy.Expr) -> sympy.Expr:
    """Return exp(u) with the constant of u as a factor."""
    constant, rest = u.as_coeff_Add()
    return number(simplest(math.exp(constant))) * sympy.exp(rest)


OUTERS = (
    Outer("x", lambda y: y, lambda u: u, _everywhere),
    Outer("1/x", lambda y: 1.0 / y, lambda u: 1 / u, _one_sign),
    Outer("sqrt", np.square, sympy.sqrt, _positive),
    Outer("exp", np.log, _exp, _positive),
    Outer("1/sqrt", lambda y: y**-2.0, lambda u: u ** (-sympy.S.Half), _positive),
    Outer("x^2", np.sqrt, lambda u: u**2, _positive),
    Outer("log", np.exp, sympy.log, _within(-30.0, 30.0)),
    Outer("asin", np.sin, sympy.asin, _within(-math.pi / 2, math.pi / 2)),
    Outer("acos", np.cos, sympy.acos, _within(0.0, math.pi)),
    Outer("arctan", np.tan, sympy.atan, _within(-math.pi / 2, math.pi / 2)),
    Outer("tanh", np.arctanh, sympy.tanh, _within(-1.0, 1.0)),
)
JOINS: dict[str, Callable] = {  # each for arrays and for expressions
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "+": lambda a, b: a + b,
}


@dataclass(frozen=True)
class Rows:
    """Training and validation rows, with the expressions of their inputs.

    Attributes:
        x, y: training rows, (rows, n) and (rows,).
        x_val, y_val: validation rows.
        inputs: the expression of each column of x in the variables.
        joins: the joins that made the inputs, for people.
    """

    x: Array
    y: Array
    x_val: Array
    y_val: Array
    inputs: tuple[sympy.Expr, ...]
    joins: str = ""

    @property
    def n(self) -> int:
        return len(self.inputs)

    def outers(self) -> list[Outer]:
        """Return the functions of the output that the targets allow."""
        return [outer for outer in OUTERS if outer.allows(self.y) and outer.allows(self.y_val)]

    def all_joined(self) -> Iterator["Rows"]:
        """Yield the rows with two inputs replaced by their difference, product, quotient or sum, in turn."""
        for i, j in combinations(range(self.n), 2):
            divisor = np.concatenate([self.x[:, j], self.x_val[:, j]])
            for name in JOINS:
                if name != "/" or _one_sign(divisor):
                    yield self._joined(i, j, name)

    def _joined(self, i: int, j: int, name: str) -> "Rows":
        join, rest = JOINS[name], [k for k in range(self.n) if k not in (i, j)]
        x, x_val = (np.column_stack([join(v[:, i], v[:, j]), v[:, rest]]) for v in (self.x, self.x_val))
        joined = join(self.inputs[i], self.inputs[j])
        inputs = (joined, *(self.inputs[k] for k in rest))
        return Rows(x, self.y, x_val, self.y_val, inputs, f"{self.joins} {joined}".strip())


@dataclass(frozen=True)
class Form:
    """A form with the values u that its terms have to reach."""

    rows: Rows
    outer: Outer
    products: int
    u: Array = field(init=False)
    u_val: Array = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "u", self.outer.inverse(self.rows.y))
        object.__setattr__(self, "u_val", self.outer.inverse(self.rows.y_val))

    def __str__(self) -> str:
        joined = f", joined {self.rows.joins}" if self.rows.joins else ""
        return f"{self.outer.name} of {self.products} products{joined}"
