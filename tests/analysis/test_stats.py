"""Statistics on matrices small enough for a pencil."""

import numpy as np
import pytest

from kanbench.analysis.stats import bootstrap, geometric_mean, task_geometric_mean, win_tie_loss


def test_geometric_mean_by_hand():
    assert geometric_mean(np.array([1.0, 4.0, 16.0])) == pytest.approx(4.0)
    assert geometric_mean(np.array([0.0, 4.0])) == 0.0


def test_seeds_are_aggregated_before_tasks():
    # Medians 2 and 8, whatever the outlying seeds do.
    scores = np.array([[1.0, 2.0, 1e9], [8.0, 1e-9, 9.0]])
    assert task_geometric_mean(scores) == pytest.approx(4.0)


def test_win_tie_loss_by_hand():
    ours = np.array([[1.0], [1.05], [2.0], [0.0]])
    theirs = np.array([[2.0], [1.0], [1.0], [0.0]])
    counts = win_tie_loss(ours, theirs)
    assert (counts.win, counts.tie, counts.loss) == (1, 2, 1)
    assert str(win_tie_loss(theirs, ours)) == "1 / 2 / 1"


def test_the_tie_band_is_symmetric_and_ends_at_ten_per_cent():
    one = np.array([[1.0]])
    assert win_tie_loss(one, np.array([[1.0999]])).tie == 1
    assert win_tie_loss(one, np.array([[1.1001]])).win == 1
    assert win_tie_loss(np.array([[1.1001]]), one).loss == 1


def test_the_interval_of_equal_seeds_is_a_point_and_of_two_seeds_by_enumeration():
    generator = np.random.default_rng(0)
    flat = bootstrap(np.full((3, 5), 0.5), generator)
    assert flat.low == pytest.approx(flat.high) == pytest.approx(0.5)
    # One task, two seeds 1 and 4: a resample's median is 1, 2.5 or 4 with probability 1/4, 1/2, 1/4.
    interval = bootstrap(np.array([[1.0, 4.0]]), generator, confidence=0.4)
    assert (interval.low, interval.estimate, interval.high) == (2.5, 2.5, 2.5)
    assert bootstrap(np.array([[1.0, 4.0]]), generator, confidence=0.95).low == 1.0


def test_the_interval_covers_the_truth():
    generator = np.random.default_rng(1)
    truth, hits = 1.0, 0
    for _ in range(200):
        scores = np.exp(generator.normal(size=(12, 9)))  # median 1 on every task
        interval = bootstrap(scores, generator, resamples=400)
        hits += interval.low <= truth <= interval.high
    assert hits >= 0.9 * 200
