"""The ratio of two errors: its interval against formulas, and simulated over tasks and seeds."""

import numpy as np
import pytest
from scipy import stats

from kanbench.analysis.ratio import error_ratio


def of(ours, theirs, **options):
    return error_ratio(np.array(ours), np.array(theirs), np.random.default_rng(0), **options)


def test_seeds_that_agree_leave_the_interval_of_students_test_over_tasks():
    logs = np.array([0.1, 0.9, -0.3, 0.4, 1.2, 0.2, 0.6])  # of the ratio of each task, in every seed
    ours = np.exp(logs)[:, None] * np.ones(5)
    interval = of(ours, np.ones((7, 5)), resamples=40_000)
    low, high = stats.ttest_1samp(logs, 0.0).confidence_interval(0.95)
    assert interval.estimate == pytest.approx(np.exp(logs.mean()))
    assert np.log([interval.low, interval.high]) == pytest.approx([low, high], abs=0.01)


def test_the_spread_within_tasks_adds_to_that_between_them():
    # Three seeds m - d, m, m + d: a redrawn median is each of them with probability 7, 13 and 7 of 27.
    between, within = np.array([0.0, 1.0, 2.0, 4.0]), 0.8
    interval = of(np.exp(between[:, None] + within * np.array([-1.0, 0.0, 1.0])), np.ones((4, 3)), resamples=40_000)
    deviation = np.sqrt((between.var() + within**2 * 14 / 27) / 4)
    half = stats.t.ppf(0.975, 3) * np.sqrt(4 / 3) * deviation
    assert np.log(interval.high / interval.estimate) == pytest.approx(half, rel=0.02)


def test_one_task_has_an_interval_over_its_seeds():
    ours, theirs = np.random.default_rng(3).lognormal(size=(2, 9))
    reference = stats.bootstrap(
        (ours, theirs), lambda a, b, axis: np.log(np.median(a, axis) / np.median(b, axis)),
        paired=True, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1),
    )  # fmt: skip
    interval = of(ours[None], theirs[None], resamples=20_000)
    assert interval.estimate == pytest.approx(np.median(ours) / np.median(theirs))
    half = stats.t.ppf(0.975, 8) * np.sqrt(9 / 8) * reference.standard_error
    assert np.log(interval.high / interval.estimate) == pytest.approx(half, rel=0.03)
    assert interval.low == pytest.approx(interval.estimate**2 / interval.high)


def test_pairing_takes_out_what_the_seeds_share():
    theirs = np.random.default_rng(0).lognormal(sigma=2.0, size=(6, 5))  # a seed that is hard is hard for both
    interval = of(3.0 * theirs, theirs)
    assert [interval.low, interval.estimate, interval.high] == pytest.approx([3.0, 3.0, 3.0])


def test_one_task_with_one_seed_and_errors_of_zero_have_no_interval():
    for ours, theirs in (([[1.0]], [[2.0]]), ([[0.0, 0.0]], [[1.0, 1.0]]), ([[1.0, 1.0]], [[0.0, 0.0]])):
        interval = of(ours, theirs)
        assert np.isnan([interval.low, interval.high]).all()
    sometimes = of([[0.0, 1.0, 1.0]] * 4, [[1.0] * 3] * 4)  # a resample may have zero as its median
    assert sometimes.estimate == 1.0
    assert sometimes.low < 1e-9


def test_one_seed_has_an_interval_over_tasks():
    interval = of([[1.0], [4.0], [2.0]], [[1.0], [1.0], [1.0]])
    assert interval.estimate == pytest.approx(2.0)
    assert interval.low < 2.0 < interval.high


def test_parts_of_a_task_are_redrawn_together():
    logs = np.random.default_rng(0).normal(size=(8, 1))
    once, thrice = np.exp(logs[..., None] * np.ones((8, 1, 3))), np.exp(logs[..., None] * np.ones((8, 3, 3)))
    assert of(thrice, np.ones_like(thrice)) == of(once, np.ones_like(once))  # three budgets are no more tasks than one
    thrice[2, 1:] = np.nan  # a task that was compared at one budget only
    assert of(thrice, np.ones_like(thrice)).estimate == pytest.approx(of(once, np.ones_like(once)).estimate)


def test_resamples_in_parts_are_those_drawn_at_once(monkeypatch):
    ours, theirs = np.random.default_rng(0).lognormal(size=(2, 7, 5))
    whole = of(ours, theirs)
    monkeypatch.setattr("kanbench.analysis.ratio.LARGEST_DRAW", 35)
    again = of(ours, theirs)
    assert again.estimate == whole.estimate
    assert np.log([again.low, again.high]) == pytest.approx(np.log([whole.low, whole.high]), rel=0.1)


EFFECTS = {  # between tasks, of mean zero
    "normal": lambda rng, size: rng.normal(size=size),
    "none": lambda rng, size: np.zeros(size),
    "skewed": lambda rng, size: rng.exponential(size=size) - 1.0,
    "heavy tails": lambda rng, size: rng.standard_t(3, size=size),
    "two kinds": lambda rng, size: rng.choice([-1.0, 1.0], size=size),
}
NOISE = {  # within a task, of both methods alike
    "normal": lambda rng, size: 0.4 * rng.normal(size=size),
    "skewed": lambda rng, size: 0.4 * rng.gumbel(size=size),
    "stuck now and then": lambda rng, size: 0.1 * rng.normal(size=size) + 3.0 * (rng.random(size) < 0.2),
}


def covered(effect, noise, n_tasks, n_seeds, repetitions=150):
    """Return in what share of experiments the interval holds the ratio of two methods that are equal on average."""
    rng = np.random.default_rng(n_tasks + n_seeds)
    hits = 0
    for _ in range(repetitions):
        ours, theirs = np.exp(NOISE[noise](rng, (2, n_tasks, n_seeds)))
        interval = error_ratio(ours * np.exp(EFFECTS[effect](rng, (n_tasks, 1))), theirs, rng, resamples=200)
        hits += interval.low <= 1.0 <= interval.high
    return hits / repetitions


@pytest.mark.parametrize(("n_tasks", "n_seeds"), [(6, 3), (30, 10)])
@pytest.mark.parametrize(("effect", "noise"), [("normal", "skewed"), ("two kinds", "stuck now and then")])
def test_the_interval_covers_the_truth_in_at_least_92_per_cent(effect, noise, n_tasks, n_seeds):
    assert covered(effect, noise, n_tasks, n_seeds) >= 0.92


@pytest.mark.slow
@pytest.mark.parametrize(("n_tasks", "n_seeds"), [(6, 3), (6, 10), (12, 5), (30, 3), (30, 10)])
@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("effect", EFFECTS)
def test_the_interval_covers_the_truth_whatever_the_shape(effect, noise, n_tasks, n_seeds):
    assert covered(effect, noise, n_tasks, n_seeds, repetitions=400) >= 0.92 - 0.025  # two deviations of the count
