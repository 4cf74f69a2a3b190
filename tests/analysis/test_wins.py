"""Wins, ties and losses by hand, and of methods that are equal."""

import time

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from kanbench.analysis.wins import WinTieLoss, unpaired_p, win_tie_loss, winners

CLOSE = np.array([[1.0, 1.001, 1.002, 1.003]])


def test_win_tie_loss_by_hand():
    ours = np.array([[1.0] * 4, [1.05] * 4, [2.0] * 4, [0.0] * 4])
    theirs = np.array([[2.0] * 4, [1.0] * 4, [1.0] * 4, [0.0] * 4])
    assert winners(ours, theirs).tolist() == [1, 0, -1, 0]
    assert win_tie_loss(ours, theirs) == WinTieLoss(1, 2, 1)
    assert str(win_tie_loss(theirs, ours)) == "1 / 2 / 1"


def test_the_tie_band_is_symmetric_and_ends_at_ten_per_cent():
    assert win_tie_loss(CLOSE, 1.099 * CLOSE).tie == 1
    assert win_tie_loss(CLOSE, 1.101 * CLOSE).win == 1
    assert win_tie_loss(1.101 * CLOSE, CLOSE).loss == 1


def test_medians_that_are_far_apart_are_a_tie_where_the_seeds_overlap():
    ours, theirs = np.array([[1.0, 1.0, 1.1, 9.0]]), np.array([[2.0, 0.5, 8.0, 9.0]])
    assert np.median(theirs) > 4 * np.median(ours)
    assert win_tie_loss(ours, theirs) == WinTieLoss(0, 1, 0)


def test_p_by_hand():
    # All eight in order: 2 of the 8! / (4! 4!) = 70 ways to choose the four are as extreme.
    assert unpaired_p(CLOSE, 2 * CLOSE) == pytest.approx(2 / 70)
    # One pair the other way round: rank sums of 0 and 1 and their mirrors.
    assert unpaired_p(np.array([[1.0, 2.0, 3.0, 5.0]]), np.array([[4.0, 6.0, 7.0, 8.0]])) == pytest.approx(4 / 70)


def test_each_task_is_tested_alone_exactly_where_no_errors_are_equal():
    ours, theirs = np.random.default_rng(0).lognormal(size=(2, 6, 10))
    ours[2, :3] = theirs[2, :3] = 1.0  # members that failed
    p = unpaired_p(ours, theirs)
    for i in range(6):
        method = "asymptotic" if i == 2 else "exact"
        assert p[i] == pytest.approx(mannwhitneyu(ours[i], theirs[i], method=method).pvalue)


def test_nothing_is_counted_under_four_seeds():
    assert winners(CLOSE[:, :3], 9 * CLOSE[:, :3]) is None
    assert win_tie_loss(CLOSE[:, :3], 9 * CLOSE[:, :3]) is None


@pytest.mark.parametrize("n_seeds", [4, 5, 10])
@pytest.mark.parametrize("draw", ["lognormal", "failures"])
def test_two_identical_methods_win_at_most_5_per_cent_of_tasks_each_way(draw, n_seeds):
    rng = np.random.default_rng(0)
    scores = rng.lognormal(sigma=2.0, size=(2, 4_000, n_seeds))
    if draw == "failures":
        scores[rng.random(scores.shape) < 0.4] = 1.0
    counts = win_tie_loss(*scores)
    assert max(counts.win, counts.loss) <= 0.05 * 4_000


def test_all_pairs_of_twenty_methods_on_120_tasks_are_counted_in_seconds():
    scores = np.random.default_rng(0).lognormal(size=(20, 120, 5))
    started = time.process_time()
    for first in range(20):
        for second in range(first):
            win_tie_loss(scores[first], scores[second])
    assert time.process_time() - started < 5.0  # 0.5 s on a quiet core
