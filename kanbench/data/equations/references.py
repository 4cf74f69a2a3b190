"""Solutions that no formula gives: solvers for equations of the literature, by their names."""

from collections.abc import Callable
from functools import cache

import numpy as np

from kanbench.data.formula import Array

Points = Array  # (n, 2): the place x and the time t
VISCOSITY = 0.01 / np.pi
NODES = 120  # of the quadrature for Burgers
DIFFUSION, MODES, STEPS = 1e-4, 1_024, 500  # of Allen-Cahn
POINTS_AT_ONCE = 2_000  # limits the memory of the sums over modes


def burgers(points: Points, nodes: int = NODES) -> Array:
    """Solve u_t + u u_x = 0.01/pi u_xx from u = -sin(pi x), with u = 0 at x = -1 and x = 1.

    The Cole-Hopf transformation makes a heat equation of it, whose solution is a ratio of two integrals with a Gaussian
    weight; Gauss-Hermite quadrature takes them. Times must not be negative.

    Source: C. Basdevant et al., Spectral and finite difference solutions of the Burgers equation, Computers & Fluids 14
    (1986).
    """
    z, weights = np.polynomial.hermite.hermgauss(nodes)
    x, t = points[:, :1], points[:, 1:]
    y = x - np.sqrt(4.0 * VISCOSITY * t) * z
    exponents = -np.cos(np.pi * y) / (2.0 * np.pi * VISCOSITY)
    masses = weights * np.exp(exponents - exponents.max(axis=1, keepdims=True))
    return -(masses * np.sin(np.pi * y)).sum(axis=1) / masses.sum(axis=1)


def allen_cahn(points: Points, modes: int = MODES, steps: int = STEPS) -> Array:
    """Solve u_t = 0.0001 u_xx + 5 u - 5 u^3 for x in [-1, 1] and t in [0, 1], periodic, from u = x^2 cos(pi x).

    It takes Fourier modes in x and exponential time differencing of the fourth order in t, and interpolates between
    steps by cubic Hermite polynomials.
    """
    states, rates = _allen_cahn(modes, steps)
    places, at_place = np.unique(points[:, 0], return_inverse=True)
    times, at_time = np.unique(points[:, 1], return_inverse=True)
    waves = np.cos(np.pi * places[:, None] * np.arange(modes + 1))
    coefficients = _interpolated(times, states, rates)
    if len(places) * len(times) <= 2 * len(points):  # a grid
        return (coefficients @ waves.T)[at_time, at_place]
    parts = np.array_split(np.arange(len(points)), -(-len(points) // POINTS_AT_ONCE))
    return np.concatenate([np.einsum("nk,nk->n", coefficients[at_time[n]], waves[at_place[n]]) for n in parts])


def _interpolated(times: Array, states: Array, rates: Array) -> Array:
    """Return states at times (n,) in [0, 1] by the cubic through two neighbors and their rates of change."""
    steps = len(states) - 1
    first = np.clip((times * steps).astype(int), 0, steps - 1)
    s = (times * steps - first)[:, None]
    return (
        (1 + 2 * s) * (1 - s) ** 2 * states[first]
        + s**2 * (3 - 2 * s) * states[first + 1]
        + (s * (1 - s) ** 2 * rates[first] - s**2 * (1 - s) * rates[first + 1]) / steps
    )


@cache
def _allen_cahn(modes: int, steps: int) -> tuple[Array, Array]:
    """Return the coefficients of cos(pi k x) after every step, and their rates of change: (steps + 1, modes + 1) each.

    The solution is even, so no sines occur. The integrals of the time differencing are means over a circle around each
    eigenvalue, which are exact where their formulas cancel.

    Source: A.-K. Kassam and L. N. Trefethen, Fourth-order time-stepping for stiff PDEs, SIAM J. Sci. Comput. 26 (2005).
    """
    from scipy.fft import dct  # slow to import

    ends = np.ones(modes + 1)
    ends[[0, -1]] = 2.0

    def coefficients(u: Array) -> Array:
        return dct(u, type=1) / (modes * ends)

    def forcing(v: Array) -> Array:
        u = dct(v * ends, type=1) / 2.0
        return coefficients(-5.0 * u**3)

    x, h = np.linspace(0.0, 1.0, modes + 1), 1.0 / steps
    linear = 5.0 - DIFFUSION * (np.pi * np.arange(modes + 1)) ** 2
    whole, half = np.exp(h * linear), np.exp(h * linear / 2.0)
    z = h * linear[:, None] + np.exp(2j * np.pi * (np.arange(32) + 0.5) / 32)
    to_half = h * ((np.exp(z / 2) - 1) / z).real.mean(axis=1)
    first = h * ((-4 - z + np.exp(z) * (4 - 3 * z + z**2)) / z**3).real.mean(axis=1)
    middle = h * ((2 + z + np.exp(z) * (z - 2)) / z**3).real.mean(axis=1)
    last = h * ((-4 - 3 * z - z**2 + np.exp(z) * (4 - z)) / z**3).real.mean(axis=1)
    states, rates = np.empty((2, steps + 1, modes + 1))
    v = coefficients(x**2 * np.cos(np.pi * x))
    for step in range(steps + 1):
        at_v = forcing(v)
        states[step], rates[step] = v, linear * v + at_v
        a = half * v + to_half * at_v
        at_a = forcing(a)
        b = half * v + to_half * at_a
        at_b = forcing(b)
        at_c = forcing(half * a + to_half * (2 * at_b - at_v))
        v = whole * v + first * at_v + 2 * middle * (at_a + at_b) + last * at_c
    return states, rates


SOLVERS: dict[str, Callable[[Points], Array]] = {"burgers": burgers, "allen_cahn": allen_cahn}
