"""Scaling of errors with size: A N^-alpha + E, or the reason why no exponent can be given."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from kanbench.analysis.significance import Refusal
from kanbench.analysis.stats import TIE_BAND, Array, Interval, redraw_seeds, task_geometric_mean
from kanbench.errors import are, counted

LEAST_SIZES = 5
LEAST_RATIO = 10.0  # between the largest and the smallest size
STEEPEST = 12.0
STARTS = tuple((exponent, share) for exponent in (0.5, 1.0, 2.0, 4.0) for share in (1e-3, 0.8))
LEAST_DISTINCT = 4  # sizes of a resample: three would be fitted by the three parameters exactly


@dataclass(frozen=True)
class PowerLaw:
    """error = amplitude * size^-exponent + floor."""

    amplitude: float
    exponent: float
    floor: float

    def __call__(self, sizes: Array) -> Array:
        return self.amplitude * sizes**-self.exponent + self.floor


@dataclass(frozen=True)
class Scaling:
    """A fitted law, and the interval of its exponent."""

    law: PowerLaw
    exponent: Interval


def fit_power_law(sizes: Array, errors: Array, starts: tuple[tuple[float, float], ...] = STARTS) -> PowerLaw:
    """The law of least soft-L1 distance between logarithms: (n,), (n,).

    A distance of 0.1 (a tenth of the error) counts squared, larger ones linearly: one bad size does not bend the law.
    The best of all `starts` wins: exponents, and floors as shares of the lowest error.
    """
    x, y = np.log(sizes), np.log(errors)
    centre = x.mean()  # amplitude and exponent are nearly independent about the centre
    lowest = float(y.min())

    def residuals(parameters: Array) -> Array:
        height, exponent, log_floor = parameters
        return np.logaddexp(height - exponent * (x - centre), log_floor) - y

    def jacobian(parameters: Array) -> Array:
        height, exponent, log_floor = parameters
        power = height - exponent * (x - centre)
        share = np.exp(power - np.logaddexp(power, log_floor))  # of the power in the error
        return np.stack([share, -share * (x - centre), 1.0 - share], axis=1)

    bounds = ([-np.inf, 0.0, lowest - 12.0], [np.inf, STEEPEST, lowest + 0.1])
    fits = [
        least_squares(
            residuals, [y.mean(), exponent, lowest + np.log(share)], jacobian, bounds, loss="soft_l1", f_scale=0.1
        )
        for exponent, share in starts
    ]
    height, exponent, log_floor = min(fits, key=lambda fit: fit.cost).x
    return PowerLaw(float(np.exp(height + exponent * centre)), float(exponent), float(np.exp(log_floor)))


def fit_scaling(sizes: Array, scores: Array, generator: np.random.Generator, *, resamples: int = 200) -> Scaling:
    """The law of geometric means over tasks of medians over seeds: (sizes,), (sizes, tasks, seeds).

    The interval of the exponent is the 95 % percentile bootstrap over seeds within tasks, and over sizes.

    Raises `Refusal` for fewer than five sizes, sizes within a decade, errors of zero or that do not
    fall, and an exponent at its bound.
    """
    check_sizes(sizes)
    errors = task_geometric_mean(scores)
    if np.any(scores <= 0):  # of any seed: a resample may have it as its median
        raise Refusal("an error of zero has no logarithm")
    law = fit_power_law(sizes, errors)
    check_exponent(law, sizes)
    start = (max(law.exponent, 0.1), min(max(law.floor / errors.min(), 1e-3), 0.8))
    exponents = []
    redrawn = np.stack([task_geometric_mean(redraw_seeds(of_size, generator, resamples)) for of_size in scores])
    for draw in range(resamples):
        kept = _redraw_sizes(len(sizes), generator)
        fit = fit_power_law(sizes[kept], redrawn[kept, draw], (start,))
        exponents.append(fit.exponent)
    low, high = np.quantile(exponents, [0.025, 0.975])
    return Scaling(law, Interval(law.exponent, float(low), float(high)))


def check_sizes(sizes: Array) -> None:
    """Raise `Refusal` if the sizes cannot tell a power from a floor."""
    if len(sizes) < LEAST_SIZES:
        raise Refusal(
            f"{counted(len(sizes), 'size')} {are(len(sizes))} too few for three parameters: "
            f"at least {LEAST_SIZES} are needed"
        )
    ratio = sizes.max() / sizes.min()
    if ratio < LEAST_RATIO:
        raise Refusal(f"sizes from {sizes.min():,.0f} to {sizes.max():,.0f} are less than a decade")


def check_exponent(law: PowerLaw, sizes: Array) -> None:
    """Raise `Refusal` if nothing falls, or the exponent is where the fit was stopped."""
    if law(sizes.min()) < TIE_BAND * law(sizes.max()) or law.exponent < 1e-3:
        raise Refusal("the error does not fall with size")
    if law.exponent > STEEPEST - 1e-3:
        raise Refusal(f"the error falls at once to its floor: the exponent is at its bound, {STEEPEST:g}")


def _redraw_sizes(n_sizes: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Indices drawn with replacement, at least four of them distinct."""
    while True:
        drawn = generator.integers(n_sizes, size=n_sizes)
        if len(np.unique(drawn)) >= LEAST_DISTINCT:
            return drawn
