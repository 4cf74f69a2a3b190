"""Tests between methods: worked by hand, and simulated where nothing differs."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from kanbench.analysis.significance import (
    Refusal,
    compare_pairs,
    correct_together,
    friedman_p,
    groups,
    holm,
    paired_p,
)

TASKS = 27


def test_wilcoxon_by_hand():
    # All six differences of one sign: 2 of the 2^6 ways to give signs are as extreme.
    assert paired_p(np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])) == pytest.approx(2 / 64)
    # Only the least one disagrees: rank sums 0 and 1 on one side, one way each, and their mirrors.
    assert paired_p(np.array([[-1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])) == pytest.approx(4 / 64)


def test_rows_are_tested_alone_and_methods_that_are_equal_everywhere_do_not_differ():
    differences = np.random.default_rng(0).normal(size=(3, 12))
    differences[1] = 0.0
    p = paired_p(differences)
    assert p[1] == 1.0
    assert p[[0, 2]] == pytest.approx([wilcoxon(differences[i]).pvalue for i in (0, 2)])


def test_equal_on_most_tasks_is_not_different():
    differences = np.zeros((1, 27))
    differences[0, :6] = 1.0
    assert paired_p(differences) > 0.01  # without the zeros it would be 2 / 64, as if 21 tasks did not exist


def test_friedman_by_hand():
    # Three methods, ranks 1, 2, 3 on each of six tasks: chi2 = 12 / (6 * 3 * 4) * (6^2 + 12^2 + 18^2) - 3 * 6 * 4 = 12,
    # and the tail of chi2 with two degrees of freedom is exp(-chi2 / 2).
    values = np.array([[1.0] * 6, [2.0] * 6, [3.0] * 6])
    assert friedman_p(values) == pytest.approx(np.exp(-6.0))
    assert friedman_p(np.ones((3, 6))) == 1.0


def test_holm_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    assert holm(np.array([0.5, 0.9])) == pytest.approx([1.0, 1.0])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_the_step_down_procedure_rejects(values):
    p = np.array(values)
    rejected = set()
    for k, index in enumerate(np.argsort(p, kind="stable")):
        if p[index] * (len(p) - k) > 0.05:
            break
        rejected.add(int(index))
    assert set(np.flatnonzero(holm(p) <= 0.05)) == rejected


def test_budgets_are_corrected_together_but_for_a_comparison_that_was_declared():
    rng = np.random.default_rng(0)
    small, large = (compare_pairs(10.0 ** rng.normal(size=(3, 12)), baseline=2) for _ in range(2))
    alone = np.array([pair.p for tests in (small, large) for pair in tests.pairs])
    together = correct_together([small, large])
    assert [pair.p_holm for tests in together for pair in tests.pairs] == pytest.approx(holm(alone))
    assert {pair.comparisons for tests in together for pair in tests.pairs} == {4}
    one, others = correct_together([small, large], alone=(0, 2, 1))
    corrected = holm(np.delete(alone, 1))  # the pair (1, 2) of the first budget keeps its own p
    assert [pair.p_holm for pair in one.pairs] == pytest.approx([corrected[0], alone[1]])
    assert [pair.p_holm for pair in others.pairs] == pytest.approx(corrected[1:])
    assert [pair.comparisons for pair in (*one.pairs, *others.pairs)] == [3, 1, 3, 3]
    assert correct_together([]) == []


def test_a_declared_comparison_needs_no_other_test():
    medians = np.stack([np.full(8, 1.0), np.full(8, 0.5), *np.random.default_rng(0).lognormal(sigma=9.0, size=(9, 8))])
    (tests,) = correct_together([compare_pairs(medians)], alone=(0, 0, 1))
    (pair,) = (each for each in tests.pairs if (each.first, each.second) == (0, 1))
    assert tests.p > 0.05  # of Friedman: nine methods are noise
    assert tests.differ(pair)


def test_fewer_than_six_tasks_are_refused_with_the_reason():
    with pytest.raises(Refusal, match="5 tasks are too few for a test: at least 6"):
        compare_pairs(np.ones((3, 5)))


def test_the_winner_is_found_and_named():
    generator = np.random.default_rng(0)
    tasks = 10.0 ** generator.uniform(-5, -1, TASKS)  # tasks differ by far more than methods do
    noise = 10.0 ** generator.normal(scale=0.1, size=(3, TASKS))
    comparison = compare_pairs(tasks * noise * np.array([[1.0], [1.0], [3.0]]))
    assert comparison.p < 1e-6
    assert comparison.mean_ranks[2] == 3.0
    first, second, third = comparison.pairs
    assert (first.first, first.second) == (0, 1)
    assert not comparison.differ(first)
    assert comparison.differ(second)
    assert comparison.differ(third)
    assert second.log10_ratio == pytest.approx(np.log10(1 / 3), abs=0.1)
    assert [set(group) for group in groups(comparison)] == [{0, 1}]
    against = compare_pairs(tasks * noise * np.array([[1.0], [1.0], [3.0]]), baseline=2)
    assert [(pair.first, pair.second) for pair in against.pairs] == [(0, 2), (1, 2)]


def test_no_pair_differs_unless_friedman_says_that_any_do():
    comparison = compare_pairs(10.0 ** np.random.default_rng(0).normal(size=(4, TASKS)))
    assert comparison.p > 0.05
    assert not any(comparison.differ(pair) for pair in comparison.pairs)
    assert [len(group) for group in groups(comparison)] == [4]


def test_two_methods_that_are_equal_are_called_different_in_at_most_6_per_cent():
    generator = np.random.default_rng(3)
    scores = generator.gumbel(size=(2, 10_000, TASKS, 5))
    difference = np.subtract(*np.median(scores, axis=-1))
    assert 0.03 < np.mean(paired_p(difference) <= 0.05) <= 0.06


def test_any_of_six_equal_methods_is_called_different_in_at_most_6_per_cent():
    generator = np.random.default_rng(4)
    found = 0
    for _ in range(600):
        comparison = compare_pairs(np.exp(generator.normal(size=(6, TASKS))))
        found += any(comparison.differ(pair) for pair in comparison.pairs)
    assert found <= 0.06 * 600


def random_medians(seed):
    """Methods whose errors overlap: some pairs differ and some do not."""
    generator = np.random.default_rng(seed)
    return 10.0 ** (generator.normal(size=(5, TASKS)) + np.linspace(0.0, 1.5, 5)[:, None])


@pytest.mark.parametrize("seed", range(6))
def test_pairs_are_what_scikit_posthocs_says(seed):
    medians = random_medians(seed)
    theirs = scikit_posthocs.posthoc_wilcoxon(list(np.log10(medians)), zero_method="pratt", p_adjust="holm").to_numpy()
    ours = compare_pairs(medians).pairs
    assert [pair.p_holm for pair in ours] == pytest.approx([theirs[pair.first, pair.second] for pair in ours])


@pytest.mark.parametrize("seed", range(6))
def test_groups_are_the_bars_of_the_critical_difference_diagram_of_scikit_posthocs(seed):
    comparison = compare_pairs(random_medians(seed))
    ranks = pd.Series(comparison.mean_ranks)
    p = pd.DataFrame(np.eye(len(ranks)))
    for pair in comparison.pairs:
        p.loc[pair.first, pair.second] = p.loc[pair.second, pair.first] = pair.p_holm
    figure, axes = plt.subplots()
    drawn = scikit_posthocs.critical_difference_diagram(ranks, p, ax=axes)["crossbars"]
    plt.close(figure)
    bars = sorted([min(bar.get_xdata()), max(bar.get_xdata())] for (bar,) in drawn)
    expected = sorted([min(ranks[group]), max(ranks[group])] for group in groups(comparison))
    assert len(bars) > 0
    assert bars == [pytest.approx(ends) for ends in expected]
