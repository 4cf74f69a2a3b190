"""Estimates and intervals as pure functions on arrays. NaN-free input; a score matrix is (tasks, seeds)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import binomtest, trim_mean

Array = NDArray[np.float64]
LARGEST_DRAW = 1_000_000  # numbers at a time, which bounds the memory and changes no draw
BOOTSTRAP_SEED = 0
TIE_BAND = 1.1  # medians whose ratio is within 1 / 1.1 and 1.1 are equal


def geometric_mean(values: Array, axis: int = -1) -> Array:
    """exp of the mean log; zero if any value is zero."""
    with np.errstate(divide="ignore"):
        return np.exp(np.mean(np.log(values), axis=axis))


def task_geometric_mean(scores: Array) -> Array:
    """Over tasks, the geometric mean of each task's median over seeds: (..., tasks, seeds) -> (...)."""
    return geometric_mean(np.median(scores, axis=-1), axis=-1)


def task_interquartile_mean(scores: Array) -> Array:
    """The same without the quarter of the tasks that went best and the quarter that went worst: (..., tasks, seeds).

    Medians over seeds are averaged as logarithms. The size of a quarter is rounded down, so three tasks are all used.

    Source: Agarwal et al. 2021 (arXiv:2108.13264), section 4.3, there of plain scores.
    """
    medians = np.median(scores, axis=-1)
    with np.errstate(divide="ignore"):
        return np.exp(trim_mean(np.log(medians), 0.25, axis=-1))


Statistic = Callable[[Array], Array]  # (..., tasks, seeds) -> (...)


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval."""

    estimate: float
    low: float = np.nan
    high: float = np.nan

    def columns(self, name: str) -> dict[str, float]:
        """As the columns of a table: `name`, `name`_low and `name`_high."""
        return {name: self.estimate, f"{name}_low": self.low, f"{name}_high": self.high}


UNKNOWN = Interval(np.nan)


def bootstrap(
    scores: Array,
    generator: np.random.Generator,
    statistic: Statistic = task_geometric_mean,
    *,
    resamples: int = 2_000,
    confidence: float = 0.95,
) -> Interval:
    """Percentile interval of a statistic, stratified by task: seeds are redrawn within each task.

    It says how much one method's number would move if the same tasks were run with other seeds; NaN for a single seed,
    which says nothing of the spread. It says nothing of other tasks: methods are compared by `error_ratio`.

    Source: Agarwal et al. 2021 (arXiv:2108.13264), section 4.1.
    """
    estimate = float(statistic(scores))
    if scores.shape[1] == 1:
        return Interval(estimate)
    at_once = max(1, LARGEST_DRAW // scores.size)
    values = np.concatenate(
        [statistic(redraw_seeds(scores, generator, min(at_once, resamples - i))) for i in range(0, resamples, at_once)]
    )
    low, high = percentiles(values, confidence)
    return Interval(estimate, float(low), float(high))


def percentiles(resampled: Array, confidence: float = 0.95) -> Array:
    """Return the ends of the central interval of the resamples: (resamples, ...) -> (2, ...)."""
    tail = (1.0 - confidence) / 2.0
    return np.quantile(resampled, [tail, 1.0 - tail], axis=0)


def redraw_seeds(scores: Array, generator: np.random.Generator, resamples: int) -> Array:
    """Resamples of the seeds of each task, with replacement: (tasks, seeds) -> (resamples, tasks, seeds)."""
    n_tasks, n_seeds = scores.shape
    draws = generator.integers(n_seeds, size=(resamples, n_tasks, n_seeds))
    return scores[np.arange(n_tasks)[:, None], draws]


def performance_profile(scores: Array, thresholds: Array) -> Array:
    """The fraction of runs whose error is at most each threshold: (..., tasks, seeds), (n,) -> (..., n).

    Source: Dolan & More 2002, here of errors and of runs, as in Agarwal et al. 2021 (arXiv:2108.13264), section 4.2.
    """
    runs = scores.reshape(*scores.shape[:-2], -1, 1)
    return np.mean(runs <= thresholds, axis=-2)


def profile_band(
    scores: Array, thresholds: Array, generator: np.random.Generator, *, resamples: int = 500, confidence: float = 0.95
) -> tuple[Array, Array]:
    """Pointwise bootstrap interval of `performance_profile`, stratified by task: two arrays (n,)."""
    profiles = performance_profile(redraw_seeds(scores, generator, resamples), thresholds)
    low, high = percentiles(profiles, confidence)
    return low, high


def wilson(failures: int, runs: int, confidence: float = 0.95) -> Interval:
    """A failure rate with its Wilson score interval, which stays within 0 and 1 and is no point where none failed."""
    test = binomtest(failures, runs)
    low, high = test.proportion_ci(confidence, method="wilson")
    return Interval(failures / runs, float(low), float(high))


def expected_best(errors: Array) -> Array:
    """Expected lowest error of n runs out of those made, for n = 1 .. runs: (..., runs) -> (..., runs).

    Unbiased: the mean over all subsets of n runs, each without repetition. Of the C(runs, n) subsets,
    C(runs - i, n - 1) have the i-th lowest error (i = 1, 2, ..) as their best.

    Source: Dodge et al. 2019 (arXiv:1909.03004) for the idea, whose estimator draws with repetition and is biased.
    """
    runs = errors.shape[-1]
    i = np.arange(1, runs + 1)  # ranks, lowest error first
    n = i[:, None]
    possible = i <= runs - n + 1  # n - 1 others have to be worse
    log_share = _log_choose(np.where(possible, runs - i, runs), n - 1) - _log_choose(np.full(runs, runs), n)
    return np.sort(errors, axis=-1) @ np.where(possible, np.exp(log_share), 0.0).T


def _log_choose(n: NDArray[np.int64], k: NDArray[np.int64]) -> Array:
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
