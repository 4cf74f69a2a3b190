"""Simple constants: which ones are near a value, and how they are written."""

import math
from fractions import Fraction

import sympy

LARGEST_DENOMINATOR, LARGEST_WHOLE = 12, 1e6  # of constants that are written as fractions
NEAR, EQUAL = 1e-5, 1e-12  # relative distances
UNITS = (1.0, math.pi, 1 / math.pi, math.sqrt(2.0), math.sqrt(math.pi))


def number(value: float) -> sympy.Expr:
    """Return a constant for sympy; fractions with small denominators, and such of pi, are exact."""
    for unit, exact in ((1.0, sympy.S.One), (math.pi, sympy.pi), (1.0 / math.pi, 1 / sympy.pi)):
        ratio = Fraction(value / unit).limit_denominator(LARGEST_DENOMINATOR)
        if abs(ratio) < LARGEST_WHOLE and float(ratio) * unit == value:
            return sympy.Rational(ratio.numerator, ratio.denominator) * exact
    return sympy.Float(value, 17)


def simple_numbers(value: float) -> list[float]:
    """Return the simple numbers near a value, the simplest first."""
    found = []
    for unit in UNITS:
        ratio = Fraction(value / unit).limit_denominator(LARGEST_DENOMINATOR)
        near = float(ratio) * unit
        if abs(near - value) <= NEAR * max(abs(value), 0.1):
            found.append(near)
    return found


def simplest(value: float) -> float:
    """Return the simple number that differs from a value by rounding, or the value."""
    return next((near for near in simple_numbers(value) if abs(near - value) <= EQUAL * abs(value)), value)
