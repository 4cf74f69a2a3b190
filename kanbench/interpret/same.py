"""Comparison of a found formula with the true one."""

import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sympy

from kanbench.errors import require
from kanbench.interpret.parsing import parse, symbols
from kanbench.interpret.tidying import round_numbers, tidy
from kanbench.interpret.values import Array, evaluate

POINTS = 1000
DIFFERENT = 1e-9  # relative to the truth; exact expressions that differ by more somewhere are not the same
PROVE = """
import pickle, sympy, sys
difference = pickle.load(sys.stdin.buffer)
forms = (
    lambda: sympy.expand(difference),
    lambda: sympy.simplify(difference),
    lambda: sympy.simplify(difference.rewrite(sympy.exp)),
    lambda: sympy.simplify(sympy.expand(difference, trig=True)),
    lambda: sympy.simplify(sympy.fraction(sympy.together(difference))[0]),
)
print(any(form() == 0 for form in forms))
"""


@dataclass(frozen=True)
class Sameness:
    """The verdicts on two formulas: by algebra, which may run out of time, and by random points."""

    algebraic: bool
    numeric: bool


def same_function(
    expression: sympy.Expr,
    truth: sympy.Expr | str,
    names: Sequence[str],
    ranges: Sequence[tuple[float, float]],
    *,
    digits: int = 3,
    tolerance: float = 1e-3,
    seconds: float = 10.0,
) -> Sameness:
    """Compare a found expression with the truth over the ranges of the variables.

    Args:
        expression: the expression that was found.
        truth: the true formula, as text or as an expression.
        names: the names of the variables.
        ranges: a pair (low, high) for each variable.
        digits: the significant digits of constants in the algebraic comparison.
        tolerance: the largest difference in the numeric comparison, relative to the range of the true values.
        seconds: the time limit of the algebraic comparison.

    Returns:
        Two verdicts. `numeric`: at 1000 random points both are finite and differ by at most the tolerance. `algebraic`:
            with all constants rounded, sympy proves in time that the difference is zero.

    Raises:
        ValueError: if there is not one range for each name, or if a formula cannot be parsed.

    Example:
        >>> import sympy
        >>> from kanbench.interpret import same_function
        >>> x = sympy.Symbol("x", real=True)
        >>> same_function(1.0001 * sympy.sin(x), "sin(x)", ["x"], [(-1.0, 1.0)])
        Sameness(algebraic=True, numeric=True)
    """
    require(len(ranges) == len(names), "ranges", f"must be {len(names)} pairs (low, high)", ranges)
    low, high = np.array(ranges, dtype=np.float64).T
    x = np.random.default_rng(0).uniform(low, high, (POINTS, len(names)))
    found, true = parse(expression, names), parse(truth, names)
    values, true_values = evaluate(found, names, x), evaluate(true, names, x)
    if not (np.isfinite(values).all() and np.isfinite(true_values).all()):
        return Sameness(algebraic=False, numeric=False)
    numeric = _agree(values, true_values, tolerance)
    positive = _positive(names, ranges)
    for exact in (_rounded, _folded):
        one, other = (exact(each, digits, dict(zip(names, ranges, strict=True))) for each in (found, true))
        possible = _agree(evaluate(one, names, x), evaluate(other, names, x), DIFFERENT)
        if possible and _is_zero((one - other).xreplace(positive), seconds):
            return Sameness(algebraic=True, numeric=numeric)
    return Sameness(algebraic=False, numeric=numeric)


def _positive(names: Sequence[str], ranges: Sequence[tuple[float, float]]) -> dict[sympy.Symbol, sympy.Symbol]:
    """Return symbols that are known to be positive for the variables whose ranges are."""
    above = [name for name, (low, _) in zip(names, ranges, strict=True) if low >= 0]
    return {symbol: sympy.Symbol(symbol.name, positive=True) for symbol in symbols(above)}


def _agree(values: Array, truth: Array, tolerance: float) -> bool:
    """Return whether values agree with the truth within the tolerance; NaN and infinity never do."""
    spread, size = np.ptp(truth), np.abs(truth).max()
    size = spread if spread > DIFFERENT * size else size  # the range of a constant truth is rounding
    with np.errstate(invalid="ignore"):
        return bool(np.isfinite(truth).all() and (np.abs(values - truth) <= tolerance * size).all())


def _rounded(expression: sympy.Expr, digits: int, ranges: Mapping[str, tuple[float, float]]) -> sympy.Expr:
    """Round the decimal numbers and leave all else, such as roots of whole numbers, exact."""
    return sympy.nsimplify(round_numbers(expression, digits, pi=True), rational=True)


def _folded(expression: sympy.Expr, digits: int, ranges: Mapping[str, tuple[float, float]]) -> sympy.Expr:
    """Fold and round all constants, and write them as fractions or multiples of pi."""
    return sympy.nsimplify(tidy(expression.evalf(), digits, pi=True, ranges=ranges), rational=True)


def _is_zero(difference: sympy.Expr, seconds: float) -> bool:
    """Return whether `sympy.simplify` proves that the difference is zero, in a process that can be stopped."""
    if difference == 0:
        return True
    try:
        proof = subprocess.run(
            [sys.executable, "-P", "-c", PROVE], input=pickle.dumps(difference), capture_output=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return False
    return proof.stdout.strip() == b"True"
