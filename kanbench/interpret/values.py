"""Evaluation of expressions by a walk over their tree; only defined functions become code, never a name."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, reduce

import numpy as np
import sympy
from numpy.typing import NDArray
from sympy.core.function import AppliedUndef

from kanbench.errors import require
from kanbench.interpret.parsing import symbols

Array = NDArray[np.float64]

LARGEST_LOG = 300.0  # beyond it a factor and the exp beside it are multiplied by adding logarithms
INSIDE, CORNERS = 500, 100  # numbers of points of a sample


def evaluate(expression: sympy.Expr, names: Sequence[str], x: Array) -> Array:
    """Evaluate an expression at every point.

    Args:
        expression: an expression in real symbols.
        names: the names of the variables.
        x: points (n, n_in), with columns in the order of the names.

    Returns:
        The values (n,) in float64; NaN where the expression has no real value.

    Raises:
        ValueError: for a symbol that is not among the names, and for a function without a definition.
    """
    variables = symbols(names)
    fits = x.ndim == 2 and x.shape[1] == len(names)
    require(fits, "x", f"must have {len(names)} columns, those of {', '.join(names)}", x.shape)
    unknown = sorted(str(s) for s in expression.free_symbols - set(variables))
    require(not unknown, "expression", f"must have no variables but {', '.join(names)}", unknown)
    undefined = sorted(str(f.func) for f in expression.atoms(AppliedUndef))
    require(not undefined, "expression", "must only use functions with a definition", undefined)
    return Values(dict(zip(variables, x.T.astype(np.float64), strict=True)), len(x))(expression)


def sample_of(variables: Iterable[sympy.Symbol], ranges: Mapping[str, tuple[float, float]]) -> "Values":
    """Return values at random points of a box and at random corners of it.

    Args:
        variables: the symbols.
        ranges: a pair (low, high) for each, by name.
    """
    variables = sorted(variables, key=str)
    low, high = np.array([ranges[v.name] for v in variables], dtype=np.float64).reshape(-1, 2).T
    draw = np.random.default_rng(0)
    size = len(variables)
    share = np.concatenate([draw.uniform(size=(INSIDE, size)), draw.integers(0, 2, (CORNERS, size))])
    columns = (low + (high - low) * share).T
    return Values(dict(zip(variables, columns, strict=True)), len(share))


class Values:
    """Evaluator of expressions at n points, which computes each subexpression once.

    Args:
        columns: the values (n,) of each variable.
        n: the number of points.
    """

    def __init__(self, columns: Mapping[sympy.Symbol, Array], n: int) -> None:
        self.n = n
        self._known: dict[sympy.Basic, Array] = dict(columns)

    def __call__(self, expression: sympy.Expr) -> Array:
        """Evaluate an expression: (n,), NaN where it has no real value."""
        with np.errstate(all="ignore"):
            return np.broadcast_to(self._value(expression), self.n).astype(np.float64)

    def _value(self, node: sympy.Expr) -> Array:
        if node not in self._known:
            self._known[node] = self._computed(node)
        return self._known[node]

    def _computed(self, node: sympy.Expr) -> Array:
        if not node.args:
            return np.array(_number(node))
        if not all(isinstance(each, sympy.Expr) for each in node.args):  # a Piecewise has conditions
            variables = sorted(node.free_symbols, key=str)
            return _real(_call(node, tuple(variables))(*(self._value(each) for each in variables)))
        parts = [self._value(each) for each in node.args]
        if node.is_Add:
            return reduce(np.add, parts)
        if node.is_Mul:
            return self._product(node, parts)
        if node.is_Pow:
            return np.power(*parts)
        places = _places(len(parts))
        return _real(_call(node.func(*places), places)(*parts))

    def _product(self, node: sympy.Mul, parts: list[Array]) -> Array:
        """Return the product of the parts.

        sympy splits exp(1000.0 + x) into two factors that no double holds, so they are joined again.
        """
        powers = [factor for factor in node.args if isinstance(factor, sympy.exp)]
        if not (powers and node.args[0].is_Float and abs(_log(node.args[0])) > LARGEST_LOG):
            return reduce(np.multiply, parts)
        together = np.add(_log(node.args[0]), reduce(np.add, (self._value(power.args[0]) for power in powers)))
        others = [part for factor, part in zip(node.args[1:], parts[1:], strict=True) if factor not in powers]
        return reduce(np.multiply, others, int(sympy.sign(node.args[0])) * np.exp(together))


def _log(number: sympy.Float) -> float:
    """Return the logarithm of a number's magnitude, which may be far beyond the range of a double."""
    _, mantissa, exponent, _ = number._mpf_
    return math.log(int(mantissa)) + exponent * math.log(2.0) if mantissa else -math.inf


def _number(atom: sympy.Expr) -> float:
    """Return a number as the nearest double: infinity beyond their range, NaN for anything that is not real."""
    try:
        return float(atom)
    except OverflowError:
        return float(np.copysign(np.inf, int(sympy.sign(atom))))
    except TypeError:
        return float("nan")


def _real(values: object) -> Array:
    values = np.asarray(values)
    return np.where(values.imag == 0, values.real, np.nan) if np.iscomplexobj(values) else values.astype(np.float64)


@lru_cache
def _places(n: int) -> tuple[sympy.Dummy, ...]:
    return tuple(sympy.Dummy(f"place_{i}", real=True) for i in range(n))


@lru_cache
def _call(expression: sympy.Expr, variables: tuple[sympy.Symbol, ...]) -> Callable[..., object]:
    """Return a function of arrays, whose arguments have names made by sympy, whatever the variables are called."""
    return sympy.lambdify(variables, expression, ["scipy", "numpy"], dummify=True)
