"""The color of each family of methods, the same in every figure and on every page."""

from collections.abc import Iterable
from itertools import cycle

COLORS = {  # the first are the most different ones, also for the color-blind
    "KAN BSpline": "#0173b2",
    "KAN Bernstein": "#de8f05",
    "KAN Chebyshev": "#029e73",
    "KAN Fourier": "#d55e00",
    "KAN RBF": "#cc78bc",
    "KAN Taylor": "#ca9161",
    "KAN FreeKnots": "#56b4e9",
    "KAN Legendre": "#332288",
    "KAN Gegenbauer": "#117733",
    "KAN Jacobi": "#999933",
    "KAN Hermite": "#44aa99",
    "KAN GaussianDerivative": "#882255",
    "KAN Morlet": "#661100",
    "KAN Rational": "#ece133",
    "KAN MexicanHat": "#aa4499",
    "KAN ReLUBumps": "#fbafe4",
    "KAN Sine": "#7fbf3f",
}


def colors_of(families: Iterable[str]) -> dict[str, str]:
    """Return the color of each family; one that has none, as a basis of your own, gets the last that is free."""
    known = sorted(set(families))
    free = [color for name, color in reversed(COLORS.items()) if name not in known]
    others = [name for name in known if name not in COLORS]
    given = dict(zip(others, cycle(free or COLORS.values()), strict=False))
    return {name: COLORS.get(name) or given[name] for name in known}
