"""Rows of the rounds of a training on an equation, and the chances of candidates."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chisquare

from kanbench.data import SplitSizes, load_suite, sample
from kanbench.data.equations.drawing import CANDIDATES, chances, choose_rows, draw_candidates
from kanbench.data.equations.renewal import NOTHING, Renewal

BURGERS = load_suite("pde").task("burgers")


def test_chances_are_half_even_and_half_by_the_size_of_the_residual():
    by_hand = np.array([1 / 1.5 + 1, 2 / 1.5 + 1, 0 + 1, 3 / 1.5 + 1])
    np.testing.assert_allclose(chances(np.array([1.0, -2.0, 0.0, 3.0])), by_hand / 8, rtol=1e-14)
    np.testing.assert_allclose(chances(np.zeros(4)), 0.25)
    np.testing.assert_allclose(chances(np.array([np.nan, np.inf, 1.0])), np.array([1, 1, 4]) / 6, rtol=1e-14)
    np.testing.assert_allclose(chances(np.array([1e300, 3e300])), np.array([1.5, 2.5]) / 4, rtol=1e-14)


def test_candidates_are_drawn_one_after_the_other_without_replacement():
    """The frequencies of all ordered pairs of first draws, against p_i p_j / (1 - p_i)."""
    residuals, draws = np.array([1.0, 2.0, 0.5, 4.0]), 4_000
    p = chances(residuals)
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    expected = [p[i] * p[j] / (1 - p[i]) + p[j] * p[i] / (1 - p[j]) for i, j in pairs]
    found = [tuple(choose_rows(residuals, 2, "task", seed, 1)) for seed in range(draws)]
    counts = [found.count(pair) for pair in pairs]
    assert sum(counts) == draws
    assert chisquare(counts, np.array(expected) * draws).pvalue > 0.01
    assert chisquare(counts, np.full(6, draws / 6)).pvalue < 1e-9  # the test tells them from even ones


def test_rows_of_further_rounds_are_new_and_those_of_the_first_are_the_training_split():
    split = sample(BURGERS, 3, SplitSizes(40, 40, 100)).train.x
    first, second, third = (BURGERS.rows_of_round(3, 40, number) for number in range(3))
    np.testing.assert_array_equal(first, split)
    for one, two in ((first, second), (second, third), (second, BURGERS.rows_of_round(4, 40, 1))):
        np.testing.assert_array_equal(one[:, 2:], two[:, 2:])  # blocks and factors
        assert not np.intersect1d(one[:40], two[:40, :2]).size
        assert not np.intersect1d(one[40:42, 0], two[40:42, 0]).size
    assert set(second[40:42, 1]) == {0.0}
    np.testing.assert_array_equal(second, BURGERS.rows_of_round(3, 40, 1))


def test_candidates_are_ten_for_each_row_and_no_rows_of_a_round():
    points = draw_candidates(BURGERS.trained, "burgers", 3, 40, 1)
    assert points.shape == (40 * CANDIDATES, 2)
    assert not np.intersect1d(points, BURGERS.rows_of_round(3, 40, 1)[:40, :2]).size
    assert not np.intersect1d(points, draw_candidates(BURGERS.trained, "burgers", 3, 40, 2)).size


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"rounds": 0}, "rounds: must be at least 1, got 0"),
        ({"causal": -1.0}, "causal: must not be negative, got -1.0"),
        ({"causal": float("nan")}, "causal must be finite"),
        ({"rounds": 2, "rows": "new"}, "rows must be fixed or resampled or adaptive, got 'new'"),
        ({"balance": "ntk"}, "balance must be equal or gradients, got 'ntk'"),
        ({"rows": "resampled"}, "rows: must be fixed with rounds=1, which renews no rows, got 'resampled'"),
    ],
)
def test_renewals_that_cannot_be_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Renewal(**settings)


def test_what_an_equation_has_nothing_for_is_refused():
    poisson = load_suite("pde").task("poisson")
    with pytest.raises(ValueError, match="task poisson: causal weights need a variable t, the time"):
        replace(poisson, renewal=Renewal(causal=1.0))
    with pytest.raises(ValueError, match="task poisson: balance=gradients needs a condition that is left to the loss"):
        replace(poisson, hard=poisson.form, renewal=Renewal(balance="gradients"))
    assert replace(poisson, renewal=NOTHING) == poisson
