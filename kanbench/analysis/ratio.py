"""The ratio of the errors of two methods, with an interval over tasks and seeds."""

import numpy as np
from scipy.stats import t

from kanbench.analysis.stats import LARGEST_DRAW, Array, Interval


def error_ratio(
    scores: Array, baseline: Array, generator: np.random.Generator, *, resamples: int = 2_000, confidence: float = 0.95
) -> Interval:
    """Return the geometric-mean error of one method over that of another, with its interval over tasks and seeds.

    A two-level bootstrap redraws tasks, and then the seeds within each drawn task. Seeds are redrawn as pairs, the same
    for both methods, because one seed means the same data for both. The deviation s of the resampled log ratios gives
    the interval: ratio * exp(+- t s sqrt(n / (n - 1))), where t is the quantile of Student's distribution with n - 1
    degrees of freedom for n tasks. Percentiles of the same resamples cover too little with few tasks.

    One task alone gives an interval over its seeds, with n seeds in place of n tasks. One task with one seed gives NaN,
    and so does a ratio of zero or infinity.

    Args:
        scores: errors (tasks, seeds), or (tasks, parts, seeds) where a task has several parts that are redrawn
            together, such as its budgets; a part that a task lacks is NaN.
        baseline: errors of the other method, of the same shape.

    Source: Davison & Hinkley 1997, Bootstrap Methods and Their Application, section 3.8, for two levels; Hesterberg
        2015 (The American Statistician 69, 371-386), section 4.4, for the factor and Student's quantile.
    """
    ours, theirs = (each if each.ndim == 3 else each[:, None] for each in (scores, baseline))
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = float(np.exp(_mean_log(ours) - _mean_log(theirs)))
    n_tasks, _, n_seeds = ours.shape
    n = n_tasks if n_tasks > 1 else n_seeds
    if n == 1 or not 0.0 < estimate < np.inf:  # an error of exactly zero has no ratio
        return Interval(estimate)
    at_once = max(1, LARGEST_DRAW // scores.size)
    logs = np.concatenate(
        [_redrawn(ours, theirs, generator, min(at_once, resamples - done)) for done in range(0, resamples, at_once)]
    )
    half = t.ppf(0.5 + confidence / 2.0, n - 1) * np.sqrt(n / (n - 1)) * logs.std(ddof=1)
    with np.errstate(over="ignore"):
        return Interval(estimate, estimate * float(np.exp(-half)), estimate * float(np.exp(half)))


def _redrawn(ours: Array, theirs: Array, generator: np.random.Generator, resamples: int) -> Array:
    """Return resampled log ratios: (tasks, parts, seeds) twice -> (resamples,)."""
    n_tasks, _, n_seeds = ours.shape
    tasks = generator.integers(n_tasks, size=(resamples, n_tasks, 1, 1))
    seeds = generator.integers(n_seeds, size=(resamples, n_tasks, 1, n_seeds))
    parts = np.arange(ours.shape[1])[:, None]
    least = np.finfo(float).tiny  # an error of zero in a resample has a finite logarithm
    drawn = (np.maximum(errors[tasks, parts, seeds], least) for errors in (ours, theirs))
    return np.subtract(*map(_mean_log, drawn))


def _mean_log(errors: Array) -> Array:
    """Return the mean over tasks of mean logs of the medians of parts: (.., tasks, parts, seeds) -> (..)."""
    return np.nanmean(np.log(np.median(errors, axis=-1)), axis=-1).mean(axis=-1)
