"""Statistics as pure functions on arrays. NaN-free input; a score matrix is (tasks, seeds)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TIE_BAND = 1.1  # medians whose ratio is within 1 / 1.1 and 1.1 are equal


def geometric_mean(values: Array, axis: int = -1) -> Array:
    """exp of the mean log; zero if any value is zero."""
    with np.errstate(divide="ignore"):
        return np.exp(np.mean(np.log(values), axis=axis))


def task_geometric_mean(scores: Array) -> Array:
    """Over tasks, the geometric mean of each task's median over seeds: (..., tasks, seeds) -> (...)."""
    return geometric_mean(np.median(scores, axis=-1), axis=-1)


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval."""

    estimate: float
    low: float
    high: float


def bootstrap(
    scores: Array, generator: np.random.Generator, *, resamples: int = 2_000, confidence: float = 0.95
) -> Interval:
    """Percentile interval of `task_geometric_mean`, stratified by task: seeds are redrawn within each task.

    It says how much the number would move if the same tasks were run with other seeds.

    Source: Agarwal et al. 2021 (arXiv:2108.13264), section 4.1.
    """
    n_tasks, n_seeds = scores.shape
    draws = generator.integers(n_seeds, size=(resamples, n_tasks, n_seeds))
    values = task_geometric_mean(scores[np.arange(n_tasks)[:, None], draws])
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return Interval(float(task_geometric_mean(scores)), float(low), float(high))


@dataclass(frozen=True)
class WinTieLoss:
    """On how many tasks a method has the lower error, the same, or the higher."""

    win: int
    tie: int
    loss: int

    def __str__(self) -> str:
        return f"{self.win} / {self.tie} / {self.loss}"


def win_tie_loss(scores: Array, baseline: Array) -> WinTieLoss:
    """Compare medians over seeds, task by task; ratios within `TIE_BAND` are ties, and so are two zeros."""
    ours, theirs = np.median(scores, axis=1), np.median(baseline, axis=1)
    win = ours * TIE_BAND < theirs
    loss = theirs * TIE_BAND < ours
    return WinTieLoss(int(win.sum()), int((~win & ~loss).sum()), int(loss.sum()))
