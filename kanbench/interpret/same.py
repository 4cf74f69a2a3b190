"""Whether a found formula is the true one."""

import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sympy

from kanbench.errors import require
from kanbench.interpret.parsing import parse
from kanbench.interpret.tidying import tidy
from kanbench.interpret.values import Array, evaluate

POINTS = 1000
DIFFERENT = 1e-9  # of the size of the truth; exact expressions that differ by more somewhere are not the same
PROVE = """
import pickle, sympy, sys
difference = pickle.load(sys.stdin.buffer)
print(any(sympy.simplify(form) == 0 for form in (difference, difference.rewrite(sympy.exp))))
"""


@dataclass(frozen=True)
class Sameness:
    """Who says that two formulas are the same function: algebra, which may run out of time, and random points."""

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

    numeric: at 1000 random points both are finite and differ by at most `tolerance` of the range of the true values.
    algebraic: once all constants of both are rounded to `digits`, sympy proves within some `seconds` that the
    difference is zero.
    """
    require(len(ranges) == len(names), "ranges", f"must be {len(names)} pairs (low, high)", ranges)
    low, high = np.array(ranges, dtype=np.float64).T
    x = np.random.default_rng(0).uniform(low, high, (POINTS, len(names)))
    found, true = parse(expression, names), parse(truth, names)
    values, true_values = evaluate(found, names, x), evaluate(true, names, x)
    if not (np.isfinite(values).all() and np.isfinite(true_values).all()):
        return Sameness(algebraic=False, numeric=False)
    numeric = _agree(values, true_values, tolerance)
    exact_found, exact_true = (_exact(e, digits, dict(zip(names, ranges, strict=True))) for e in (found, true))
    possible = _agree(evaluate(exact_found, names, x), evaluate(exact_true, names, x), DIFFERENT)
    return Sameness(possible and _is_zero(exact_found - exact_true, seconds), numeric)


def _agree(values: Array, truth: Array, tolerance: float) -> bool:
    """False for NaN and infinity."""
    spread, size = np.ptp(truth), np.abs(truth).max()
    size = spread if spread > DIFFERENT * size else size  # a constant truth has rounding for a range
    with np.errstate(invalid="ignore"):
        return bool(np.isfinite(truth).all() and (np.abs(values - truth) <= tolerance * size).all())


def _exact(expression: sympy.Expr, digits: int, ranges: Mapping[str, tuple[float, float]]) -> sympy.Expr:
    """All constants as numbers, rounded, and those as fractions or multiples of pi."""
    return sympy.nsimplify(tidy(expression.evalf(), digits, pi=True, ranges=ranges), rational=True)


def _is_zero(difference: sympy.Expr, seconds: float) -> bool:
    """Whether `sympy.simplify` says so; in a process of its own, which can be stopped."""
    if difference == 0:
        return True
    try:
        proof = subprocess.run(
            [sys.executable, "-P", "-c", PROVE], input=pickle.dumps(difference), capture_output=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return False
    return proof.stdout.strip() == b"True"
