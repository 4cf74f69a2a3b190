"""Numbers as the pages write them: in digits, and in words where a sentence has words."""

import numpy as np

WORDS = {
    0: "no",
    1: "one",
    2: "two",
    3: "three",
    4: "four",
    5: "five",
    6: "six",
    7: "seven",
    8: "eight",
    9: "nine",
    10: "ten",
    11: "eleven",
    12: "twelve",
    13: "thirteen",
    14: "fourteen",
    15: "fifteen",
    16: "sixteen",
    17: "seventeen",
    18: "eighteen",
    19: "nineteen",
    20: "twenty",
    30: "thirty",
    40: "forty",
    50: "fifty",
    60: "sixty",
    70: "seventy",
    80: "eighty",
    90: "ninety",
}
POLYNOMIALS = ("Taylor", "Chebyshev", "Bernstein")
FUNCTIONS = {"BSpline": "B-splines", "RBF": "RBFs", "Fourier": "Fourier series"}


def e(number):
    mantissa, exponent = f"{number:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def two(number):
    """Two significant digits, as the pages write a ratio; three where two would say 1."""
    digits = 3 if float(f"{number:.2g}") == 1.0 else 2
    return f"{float(f'{number:.{digits}g}'):g}"


def thousands(number):
    """Two significant digits of a large number, with commas."""
    return f"{float(f'{number:.2g}'):,.0f}"


def say(number):
    """A number as a word where it has a short one, in digits elsewhere."""
    return WORDS.get(round(number), f"{round(number):,}")


def percent(share):
    return f"{100 * share:.0f} %"


def interval(found):
    return f"{two(found.ratio)} ({two(found.low)} .. {two(found.high)})"


def p_value(p):
    return "< .001" if p < 0.001 else "" if np.isnan(p) else f"{p:.2g}"


def below(p):
    """The usual bound that a p is below."""
    return next(f"p < {bound}" for bound in (".001", ".01", ".05") if p < float(bound))


def listed(words):
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def functions(lines):
    """The functions that some KANs are made of: polynomials first."""
    bases = [line.removeprefix("KAN ") for line in lines]
    polynomials = [basis for basis in bases if basis in POLYNOMIALS]
    others = [FUNCTIONS[basis] for basis in bases if basis not in POLYNOMIALS]
    return listed([f"{listed(polynomials)} polynomials", *others] if polynomials else others)
