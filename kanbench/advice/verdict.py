"""The verdict of test rows: errors of predictors that were chosen before, their intervals, and which of two is better.

All predictors see the same rows, so they are compared in pairs by a bootstrap over rows. It answers for the fitted
models: what their errors would be on other rows of the same kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax
from scipy.stats import t

from kanbench.analysis.stats import BOOTSTRAP_SEED, LARGEST_DRAW, Array, Interval
from kanbench.data import Classification, Dataset, Grading, class_prior

RESAMPLES, FEWEST_RESAMPLES = 2_000, 200
MOST_DRAWS = 4e7  # rows times resamples, which take a second or two
LEAST_ERROR = 1e-8  # relative; two errors below it are both those of rounding


@dataclass(frozen=True)
class Verdict:
    """The errors of predictors on the same rows, relative to the predictor that ignores the inputs.

    logs: of each predictor the logarithm of its error.   resampled: of each the same on resampled rows, (resamples,).
    """

    rows: int
    logs: dict[str, float]
    resampled: dict[str, Array]

    def error(self, name: str) -> Interval:
        """Return the error of a predictor, with its 95 % interval over rows."""
        return self._interval(self.logs[name], self.resampled[name])

    def ratio(self, name: str, other: str) -> Interval:
        """Return the error of a predictor over that of another, with its 95 % interval over rows."""
        return self._interval(self.logs[name] - self.logs[other], self.resampled[name] - self.resampled[other])

    def is_better(self, name: str, other: str) -> bool:
        """Return True if the interval of the ratio is below 1."""
        return self.ratio(name, other).high < 1.0

    def _interval(self, log: float, resampled: Array) -> Interval:
        """Return exp(log +- t s sqrt(n / (n - 1))), as `error_ratio` does it over tasks."""
        half = t.ppf(0.975, self.rows - 1) * np.sqrt(self.rows / (self.rows - 1)) * resampled.std(ddof=1)
        with np.errstate(over="ignore"):
            return Interval(*(float(np.exp(log + step)) for step in (0.0, -half, half)))


def judge(grading: Grading, dataset: Dataset, predictions: Mapping[str, Array]) -> Verdict:
    """Return the verdict on predictions of the test rows, in units of the target or as logits."""
    y = dataset.test.y
    losses = np.stack([_losses(grading, each, y) for each in predictions.values()])  # (predictors, n, n_outputs)
    trivial = _losses(grading, _trivial(grading, dataset), y)
    power = 1.0 if isinstance(grading, Classification) else 0.5

    def logs(weights: Array) -> Array:
        """Return logarithms of errors by the weights of rows: (resamples, n) -> (predictors, resamples)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.nan_to_num((weights @ losses) / (weights @ trivial), nan=1.0)
        return np.log(np.maximum((ratios**power).mean(axis=-1), LEAST_ERROR))

    random, n = np.random.default_rng(BOOTSTRAP_SEED), len(y)
    at_once = max(1, LARGEST_DRAW // n)
    resamples = max(FEWEST_RESAMPLES, min(RESAMPLES, int(MOST_DRAWS / n)))
    parts = [
        logs(random.multinomial(n, np.full(n, 1.0 / n), size=min(at_once, resamples - done)).astype(float))
        for done in range(0, resamples, at_once)
    ]
    whole, resampled = logs(np.ones((1, n)))[:, 0], np.concatenate(parts, axis=1)
    names = list(predictions)
    return Verdict(
        n, dict(zip(names, whole.tolist(), strict=True)), dict(zip(names, resampled, strict=True))
    )  # fmt: skip


def _losses(grading: Grading, predictions: Array, y: Array) -> Array:
    """Return what each row adds to the loss of each output: (n, n_outputs), one column for classes."""
    if isinstance(grading, Classification):
        return -log_softmax(predictions, axis=1)[np.arange(len(y)), y.astype(int), None]
    return np.square(predictions - y).reshape(len(y), -1)


def _trivial(grading: Grading, dataset: Dataset) -> Array:
    """Return the predictions that ignore the inputs: the means of training rows, or the logarithms of class shares."""
    y = dataset.train.y
    if isinstance(grading, Classification):
        prior = np.log(class_prior(y, grading.n_classes))
        return np.broadcast_to(prior, (len(dataset.test.y), grading.n_classes))
    return np.broadcast_to(y.mean(axis=0), dataset.test.y.shape)
