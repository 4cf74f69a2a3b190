"""Statistics on matrices small enough for a pencil."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import binom, norm

from kanbench.analysis.stats import (
    bootstrap,
    expected_best,
    geometric_mean,
    performance_profile,
    profile_band,
    task_geometric_mean,
    task_interquartile_mean,
    wilson,
)


def test_geometric_mean_by_hand():
    assert geometric_mean(np.array([1.0, 4.0, 16.0])) == pytest.approx(4.0)
    assert geometric_mean(np.array([0.0, 4.0])) == 0.0


def test_seeds_are_aggregated_before_tasks():
    # Medians 2 and 8, whatever the outlying seeds do.
    scores = np.array([[1.0, 2.0, 1e9], [8.0, 1e-9, 9.0]])
    assert task_geometric_mean(scores) == pytest.approx(4.0)


def test_the_interval_of_equal_seeds_is_a_point_and_of_two_seeds_by_enumeration():
    generator = np.random.default_rng(0)
    flat = bootstrap(np.full((3, 5), 0.5), generator)
    assert flat.low == pytest.approx(flat.high) == pytest.approx(0.5)
    # One task, two seeds 1 and 4: a resample's median is 1, 2.5 or 4 with probability 1/4, 1/2, 1/4.
    interval = bootstrap(np.array([[1.0, 4.0]]), generator, confidence=0.4)
    assert (interval.low, interval.estimate, interval.high) == (2.5, 2.5, 2.5)
    assert bootstrap(np.array([[1.0, 4.0]]), generator, confidence=0.95).low == 1.0
    alone = bootstrap(np.array([[1.0], [4.0]]), generator)
    assert alone.estimate == 2.0
    assert np.isnan([alone.low, alone.high]).all()


SKEWED = np.median(np.random.default_rng(9).gumbel(size=(200_000, 5)), axis=1).mean()


@pytest.mark.parametrize("statistic", [task_geometric_mean, task_interquartile_mean])
@pytest.mark.parametrize(("draw", "truth"), [("normal", 0.0), ("gumbel", SKEWED)])
def test_95_per_cent_intervals_cover_the_truth_in_at_least_92(statistic, draw, truth):
    generator = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        scores = np.exp(getattr(generator, draw)(size=(12, 5)))  # log errors of one expected median on every task
        interval = bootstrap(scores, generator, statistic, resamples=300)
        hits += interval.low <= np.exp(truth) <= interval.high
    assert hits >= 0.92 * 400


@pytest.mark.parametrize(("rate", "runs"), [(0.05, 135), (0.5, 20), (0.01, 500)])
def test_wilson_intervals_cover_the_rate_in_at_least_92_per_cent(rate, runs):
    covered = [wilson(k, runs).low <= rate <= wilson(k, runs).high for k in range(runs + 1)]
    assert binom.pmf(np.arange(runs + 1), runs, rate) @ covered >= 0.92


def test_wilson_is_its_closed_form():
    k, n, z = 3, 20, norm.ppf(0.975)
    centre, half = k / n + z**2 / (2 * n), z * np.sqrt(k / n * (1 - k / n) / n + z**2 / (4 * n**2))
    interval = wilson(k, n)
    assert interval.estimate == 0.15
    assert interval.low == pytest.approx((centre - half) / (1 + z**2 / n))
    assert interval.high == pytest.approx((centre + half) / (1 + z**2 / n))
    assert wilson(0, 20).low == 0.0
    assert wilson(0, 20).high > 0.1  # none of twenty is not never


def test_the_interquartile_mean_leaves_out_the_best_and_worst_quarter_of_the_tasks():
    medians = np.array([1e-12, 1e-3, 1e-1, 1e6])  # the outer two say nothing
    scores = np.stack([medians] * 3, axis=1)
    assert task_interquartile_mean(scores) == pytest.approx(1e-2)
    assert task_interquartile_mean(scores[1:3]) == pytest.approx(1e-2)  # too few to leave any out


def test_a_performance_profile_by_hand():
    scores = np.array([[0.1, 0.2], [0.2, 0.4]])
    thresholds = np.array([0.05, 0.1, 0.2, 1.0])
    assert performance_profile(scores, thresholds).tolist() == [0.0, 0.25, 0.75, 1.0]
    low, high = profile_band(np.array([[0.1, 0.3]]), np.array([0.2]), np.random.default_rng(0))
    assert (low, high) == (0.0, 1.0)  # both seeds good, or both bad, in a quarter of the resamples each


def test_expected_best_by_enumeration():
    errors = np.random.default_rng(0).exponential(size=6)
    expected = [np.mean([min(subset) for subset in combinations(errors, n)]) for n in range(1, 7)]
    assert expected_best(errors) == pytest.approx(expected)
    assert expected_best(np.stack([errors, 2 * errors]))[1] == pytest.approx(2 * np.array(expected))
