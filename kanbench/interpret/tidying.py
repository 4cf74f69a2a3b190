"""Expressions made readable, in steps that are cheap on any expression: `sympy.simplify` may take for ever."""

import math

import sympy

from kanbench.bases.base import require

NOISE = 1e-13  # coefficients that a double cannot tell from zero beside 1
LARGEST_EXPANSION = 100  # terms
LARGEST_MULTIPLE = 8  # of pi / 2 that is named


def tidy(expression: sympy.Expr, digits: int, *, pi: bool = False) -> sympy.Expr:
    """The expression with numbers folded together, then rounded to significant `digits`, whole numbers as integers.

    Constants leave exp, log, |.| and powers as factors, and sin up to half a turn. A term of a sum is left out where
    its coefficient is under 10^-digits of the largest one there, so variables should be of order one. Sums are
    multiplied out where that makes the expression shorter.
    """
    require(1 <= digits <= 15, "digits", "must be 1 to 15", digits)
    least = 10.0**-digits
    folded = _fold(expression, least)
    forms = [folded]
    if _expanded_terms(folded) <= LARGEST_EXPANSION:
        expanded = sympy.expand(folded, log=False, power_base=False, power_exp=False)
        forms.append(_fold(expanded, least))
    return min((_round(form, digits, pi) for form in forms), key=sympy.count_ops)


def _fold(node: sympy.Expr, least: float) -> sympy.Expr:
    """From the leaves up: numbers out of functions, sums flat, negligible terms out."""
    if not node.args:
        return node
    node = node.func(*(_fold(arg, least) for arg in node.args))
    if node.is_Mul:
        factor, rest = node.as_coeff_Mul()
        node = sympy.Add(*(factor * term for term in rest.args)) if rest.is_Add else node
    if node.is_Add:
        return _without_negligible(node, least)
    if isinstance(node, sympy.exp):
        shift, rest = node.args[0].as_coeff_Add()
        return sympy.exp(shift) * (1 if _largest(rest) < NOISE else sympy.exp(rest))
    if isinstance(node, sympy.sin):
        return _within_half_a_turn(*node.args[0].as_coeff_Add())
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


def _without_negligible(total: sympy.Add, least: float) -> sympy.Expr:
    sizes = {term: abs(float(term.as_coeff_Mul()[0])) for term in total.args}
    return sympy.Add(*(term for term, size in sizes.items() if size >= least * max(sizes.values())))


def _largest(total: sympy.Expr) -> float:
    """The magnitude of the largest coefficient of a sum."""
    return max(abs(float(term.as_coeff_Mul()[0])) for term in sympy.Add.make_args(total))


def _within_half_a_turn(shift: sympy.Expr, rest: sympy.Expr) -> sympy.Expr:
    """sin(rest + shift) with the shift in [-pi/2, pi/2]."""
    half_turns = round(float(shift) / math.pi)
    return (-1) ** half_turns * sympy.sin(rest + (shift if half_turns == 0 else float(shift) - half_turns * math.pi))


def _factored(total: sympy.Expr, *, signed: bool) -> tuple[sympy.Expr, sympy.Expr]:
    """(factor, rest) with the largest coefficient of a variable in rest at 1, or at -1 unless the factor is signed."""
    terms = sympy.Add.make_args(total)
    coefficients = [term.as_coeff_Mul()[0] for term in terms if term.free_symbols]
    factor = max(coefficients, key=abs, default=sympy.S.One)
    factor = factor if signed else abs(factor)
    return (factor, total) if factor == 1 else (factor, sympy.Add(*(term / factor for term in terms)))


def _expanded_terms(node: sympy.Expr) -> int:
    """At least the number of terms that multiplying out makes, and of those within it."""
    if not node.args:
        return 1
    counts = [_expanded_terms(arg) for arg in node.args]
    if node.is_Mul:
        return math.prod(counts)
    if node.is_Pow and node.exp.is_Integer and node.exp > 0:
        n = int(node.exp)
        return math.comb(counts[0] + n - 1, n)
    return sum(counts) if node.is_Add else max(counts)


def _round(node: sympy.Expr, digits: int, pi: bool) -> sympy.Expr:
    if node.is_Float:
        return _rounded_number(float(node), digits, pi)
    return node.func(*(_round(arg, digits, pi) for arg in node.args)) if node.args else node


def _rounded_number(value: float, digits: int, pi: bool) -> sympy.Expr:
    def rounded(number: float) -> float:
        return float(f"{number:.{digits - 1}e}")

    if rounded(value).is_integer() and abs(value) < 10**digits:
        return sympy.Integer(round(rounded(value)))
    quarters = round(value / (math.pi / 2))
    if pi and 0 < abs(quarters) <= LARGEST_MULTIPLE and rounded(value) == rounded(quarters * math.pi / 2):
        return quarters * sympy.pi / 2
    return sympy.Float(rounded(value))
