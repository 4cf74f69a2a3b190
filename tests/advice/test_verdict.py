"""The verdict on test rows: errors as they are graded, and intervals that another way of reckoning gives too."""

import numpy as np
import pytest

from kanbench.advice.verdict import judge
from kanbench.data import Classification, Dataset, Regression, SeveralOutputs, Split

RANDOM = np.random.default_rng(0)
X = np.zeros((400, 1))


def dataset(y):
    return Dataset(Split(X[:100], y[:100]), Split(X[:100], y[:100]), Split(X, y))


NUMBERS = RANDOM.normal(size=400)
TWO = RANDOM.normal(size=(400, 2)) * [1.0, 50.0]
LABELS = RANDOM.integers(3, size=400).astype(float)


@pytest.mark.parametrize(
    ("grading", "y", "predictions"),
    [
        (Regression(), NUMBERS, NUMBERS + 0.3 * RANDOM.normal(size=400)),
        (SeveralOutputs(("a", "b")), TWO, TWO + [0.1, 20.0] * RANDOM.normal(size=(400, 2))),
        (Classification(3), LABELS, 2.0 * np.eye(3)[LABELS.astype(int)] + RANDOM.normal(size=(400, 3))),
    ],
)
def test_errors_are_those_of_the_grading(grading, y, predictions):
    data = dataset(y)
    error = judge(grading, data, {"a": predictions}).error("a")
    assert error.estimate == pytest.approx(grading.grade(data, predictions, y)[grading.score.metric], rel=1e-12)
    assert error.low < error.estimate < error.high


def test_the_interval_of_a_ratio_is_that_of_the_delta_method():
    a, b = NUMBERS + 0.3 * RANDOM.normal(size=400), NUMBERS + 0.33 * RANDOM.normal(size=400)
    ratio = judge(Regression(), dataset(NUMBERS), {"a": a, "b": b}).ratio("a", "b")
    squares = (a - NUMBERS) ** 2, (b - NUMBERS) ** 2
    parts = squares[0] / squares[0].mean() - squares[1] / squares[1].mean()  # of twice the log of the ratio
    half = 1.96 * parts.std(ddof=1) / np.sqrt(400) / 2.0
    assert np.log(ratio.high / ratio.low) == pytest.approx(2.0 * half, rel=0.06)
    assert ratio.estimate == pytest.approx(np.sqrt(squares[0].mean() / squares[1].mean()))


def test_the_same_rows_tell_apart_what_separate_intervals_do_not():
    noise = RANDOM.normal(size=400)
    verdict = judge(Regression(), dataset(NUMBERS), {"a": NUMBERS + 0.30 * noise, "b": NUMBERS + 0.31 * noise})
    assert verdict.error("a").high > verdict.error("b").low
    assert verdict.is_better("a", "b")
    assert not verdict.is_better("b", "a")


def test_errors_of_rounding_are_equal():
    verdict = judge(Regression(), dataset(NUMBERS), {"a": NUMBERS + 1e-15, "b": NUMBERS * (1.0 + 1e-12)})
    assert verdict.ratio("a", "b").estimate == 1.0
    assert not verdict.is_better("a", "b")


def test_of_equal_predictors_few_are_called_better():
    found = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        y, noise = random.normal(size=60), random.normal(size=(2, 60))
        data = Dataset(Split(X[:60], y), Split(X[:60], y), Split(X[:60], y))
        found += judge(Regression(), data, {"a": y + noise[0], "b": y + noise[1]}).is_better("a", "b")
    assert found <= 5  # 1.5 are expected
