"""Simplification of expressions in steps that are cheap on any expression; `sympy.simplify` may never end."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import sympy

from kanbench.errors import require
from kanbench.interpret.values import Array, Values, sample_of

NOISE = 1e-13  # relative; a part that varies less over the data counts as a number
ROUNDING = 1e-10  # least tolerance of a form, relative to the spread of the values
MOST_DIGITS = 15
LARGEST_EXPANSION = 100  # in terms
LARGEST_MULTIPLE = 8  # largest multiple of pi / 2 that is written with pi


def tidy(
    expression: sympy.Expr,
    digits: int,
    *,
    pi: bool = False,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> sympy.Expr:
    """Fold the numbers of an expression together and round them to significant digits; whole numbers become integers.

    Constant factors leave log, |.| and powers, as they leave exp by themselves; shifts of sin become at most half a
    turn. With `ranges`, a term of a sum is left out if it moves the sum by under 10^-digits of its spread, and sums are
    multiplied out if that makes the expression shorter. The values of the result are then checked: if they are off by
    more than 10^(1 - digits) of their spread, more digits are kept. Nothing is left out or checked without ranges, or
    if no value is finite.

    Args:
        expression: the expression.
        digits: the number of significant digits, 1 to 15.
        pi: whether multiples of pi / 2 are written with pi.
        ranges: a pair (low, high) for each variable, by name.

    Raises:
        ValueError: for digits out of range, or a variable without a range.

    Example:
        >>> import sympy
        >>> from kanbench.interpret import tidy
        >>> x = sympy.Symbol("x", real=True)
        >>> tidy(2.0001 * x + 1e-9 * sympy.sin(x), 3, ranges={"x": (-1.0, 1.0)})
        2*x
    """
    require(1 <= digits <= MOST_DIGITS, "digits", f"must be 1 to {MOST_DIGITS}", digits)
    pi = pi and "pi" not in {s.name for s in expression.free_symbols}
    if ranges is None:
        return next(_forms(expression, None, digits, pi), expression)
    missing = sorted({s.name for s in expression.free_symbols} - set(ranges))
    require(not missing, "ranges", "must hold every variable", f"none for {', '.join(missing)}")
    data = sample_of(expression.free_symbols, ranges)
    if not np.isfinite(data(expression)).any():  # no value that a shorter form could be checked against
        return next(_forms(expression, None, digits, pi), expression)
    tolerance = max(10.0 ** (1 - digits), ROUNDING)
    for kept in range(digits, MOST_DIGITS + 1):
        forms = _forms(expression, data, kept, pi)
        near = [form for form in forms if _agree(data(form), data(expression), tolerance)]
        if near:
            return min(near, key=sympy.count_ops)
    return expression


def _agree(values: Array, exact: Array, tolerance: float) -> bool:
    """Return whether values agree, within `tolerance` of their spread, with exact ones wherever those are finite."""
    finite = np.isfinite(exact)
    return bool((np.abs(values[finite] - exact[finite]) <= tolerance * _spread(exact)).all())


def _spread(values: Array) -> float:
    """Return the range of the finite values; their size if they are all equal; 0 if there are none."""
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return 0.0
    spread, size = np.ptp(values), np.abs(values).max()
    return float(spread if spread > NOISE * size else size)


def _forms(expression: sympy.Expr, data: Values | None, digits: int, pi: bool) -> Iterator[sympy.Expr]:
    """Yield the expression folded and rounded, and also multiplied out if possible; no forms beyond the range of
    doubles.
    """
    least = 10.0**-digits
    try:
        folded = _fold(expression, data, least)
        yield round_numbers(folded, digits, pi)
        if data is not None and _expanded_terms(folded) <= LARGEST_EXPANSION:
            expanded = sympy.expand(folded, log=False, power_base=False, power_exp=False)
            yield round_numbers(_fold(expanded, data, least), digits, pi)
    except OverflowError:
        return


def _fold(node: sympy.Expr, data: Values | None, least: float) -> sympy.Expr:
    """Fold an expression from the leaves up: take numbers out of functions, flatten sums, drop negligible parts."""
    if not node.args:
        return node
    node = node.func(*(_fold(arg, data, least) for arg in node.args))
    if data is not None and not node.is_Add and node.free_symbols and _is_still(data(node)):
        return _middle(data(node))
    if node.is_Mul:
        factor, rest = node.as_coeff_Mul()
        node = sympy.Add(*(factor * term for term in rest.args)) if rest.is_Add else node
    if node.is_Add:
        return node if data is None else _without_negligible(node, data, least)
    if isinstance(node, sympy.sin):
        shift, rest = node.args[0].as_coeff_Add()
        return _within_half_a_turn(shift, rest, data, least)
    if isinstance(node, sympy.log):
        factor, rest = _factored(node.args[0], signed=False)
        return sympy.log(factor) + sympy.log(rest)
    if isinstance(node, sympy.Abs):
        factor, rest = _factored(node.args[0], signed=True)
        return abs(factor) * sympy.Abs(rest)
    if node.is_Pow and node.exp.is_number:
        factor, rest = _factored(node.base, signed=node.exp.is_Integer)
        return factor**node.exp * rest**node.exp
    return node


def _without_negligible(total: sympy.Expr, data: Values, least: float) -> sympy.Expr:
    """Drop the terms of a sum that are small beside its spread; a term that hardly moves becomes its middle value."""
    small = least * _spread(data(total))
    constant, rest = total.as_coeff_Add()
    terms = sympy.Add.make_args(rest)
    still = [term for term in terms if _varies_by(data(term)) < small]
    constant = sympy.Add(constant, *(_middle(data(term)) for term in still))
    kept = [term for term in terms if term not in still]
    return sympy.Add(*kept, 0 if abs(float(constant)) < small else constant)


def _varies_by(values: Array) -> float:
    """Return the highest value less the lowest; infinity if a value is not finite."""
    return float(values.max() - values.min()) if np.isfinite(values).all() else math.inf


def _is_still(values: Array) -> bool:
    return math.isfinite(_varies_by(values)) and _varies_by(values) <= NOISE * np.abs(values).max()


def _middle(values: Array) -> sympy.Expr:
    return sympy.Float((values.max() + values.min()) / 2)


def _within_half_a_turn(shift: sympy.Expr, rest: sympy.Expr, data: Values | None, least: float) -> sympy.Expr:
    """Return sin(rest + shift) with the shift moved to [-pi/2, pi/2]."""
    half_turns = round(float(shift) / math.pi)
    inner = rest + (shift if half_turns == 0 else float(shift) - half_turns * math.pi)
    return (-1) ** half_turns * sympy.sin(inner if data is None else _without_negligible(inner, data, least))


def _factored(total: sympy.Expr, *, signed: bool) -> tuple[sympy.Expr, sympy.Expr]:
    """Return (factor, rest) such that the largest coefficient of a variable in rest is 1, or -1 unless `signed`."""
    terms = sympy.Add.make_args(total)
    coefficients = [term.as_coeff_Mul()[0] for term in terms if term.free_symbols]
    factor = max(coefficients, key=abs, default=sympy.S.One)
    factor = factor if signed else abs(factor)
    return (factor, total) if factor == 1 else (factor, sympy.Add(*(term / factor for term in terms)))


def _expanded_terms(node: sympy.Expr) -> int:
    """Return a lower bound of the number of terms that multiplying out makes, also in subexpressions."""
    if not node.args:
        return 1
    counts = [_expanded_terms(arg) for arg in node.args]
    if node.is_Mul:
        return math.prod(counts)
    if node.is_Pow and node.exp.is_Integer and node.exp > 0:
        n = int(node.exp)
        return math.comb(counts[0] + n - 1, n)
    return sum(counts) if node.is_Add else max(counts)


def round_numbers(node: sympy.Expr, digits: int, pi: bool) -> sympy.Expr:
    """Round all decimal numbers, twice: terms that become alike by rounding merge into one with another number."""
    return _rounded(_rounded(node, digits, pi), digits, pi)


def _rounded(node: sympy.Expr, digits: int, pi: bool) -> sympy.Expr:
    if node.is_Float:
        held = node == 0 or 0.0 < abs(float(node)) < math.inf
        return _rounded_number(float(node), digits, pi) if held else sympy.Float(str(sympy.Float(node, digits)), 15)
    return node.func(*(_rounded(arg, digits, pi) for arg in node.args)) if node.args else node


def _rounded_number(value: float, digits: int, pi: bool) -> sympy.Expr:
    def rounded(number: float) -> float:
        return float(f"{number:.{digits - 1}e}")

    if rounded(value).is_integer() and abs(value) < 10**digits:
        return sympy.Integer(round(rounded(value)))
    quarters = round(value / (math.pi / 2))
    if pi and 0 < abs(quarters) <= LARGEST_MULTIPLE and rounded(value) == rounded(quarters * math.pi / 2):
        return quarters * sympy.pi / 2
    return sympy.Float(rounded(value))
