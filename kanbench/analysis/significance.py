"""Tests of which methods differ: Friedman first, then Wilcoxon with Holm's correction.

Medians are (methods, tasks), because seeds are not tasks."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy.stats import friedmanchisquare, rankdata, wilcoxon

from kanbench.analysis.stats import Array
from kanbench.errors import are, counted

LEAST_TASKS = 6  # of five pairs the lowest two-sided p is 2 / 2^5 = 0.0625
LEVEL = 0.05


class Refusal(ValueError):
    """The data cannot answer the question; the message says why."""


@dataclass(frozen=True)
class PairTest:
    """Two methods, by index, and whether they differ."""

    first: int
    second: int
    log10_ratio: float  # median over tasks of log10(error of first / error of second); negative: first is better
    p: float  # of the pair alone, two-sided
    p_holm: float  # corrected for all comparisons that were tested together
    comparisons: int = 1  # how many those are; 1 for a pair that is tested alone


@dataclass(frozen=True)
class PairTests:
    """`p` is that of all methods being equal: of Friedman, or of the one pair if there are two methods."""

    p: float
    mean_ranks: Array  # (methods,), 1 is best
    pairs: list[PairTest]
    level: float = LEVEL

    def differ(self, pair: PairTest) -> bool:
        """Return whether a pair differs: Friedman's test finds that any do, and the corrected test that these do.

        A pair that is tested alone needs no other test.
        """
        return pair.p_holm <= self.level and (pair.comparisons == 1 or self.p <= self.level)


def compare_pairs(medians: Array, baseline: int | None = None, level: float = LEVEL) -> PairTests:
    """Test all pairs of methods, or all against `baseline`, on medians over seeds (methods, tasks).

    Holm's correction is for these pairs; `correct_together` makes it one for several budgets.

    Raises `Refusal` for fewer than six tasks or fewer than two methods.

    Source: Demsar 2006 (JMLR 7, 1-30) for Friedman, Wilcoxon and Holm; Benavoli et al. 2016 (JMLR 17, 1-10) for
    pairwise Wilcoxon in place of Nemenyi, whose answer about a pair depends on who else is in the pool.
    """
    n_methods, n_tasks = medians.shape
    if n_tasks < LEAST_TASKS:
        raise Refusal(
            f"{counted(n_tasks, 'task')} {are(n_tasks)} too few for a test: "
            f"at least {LEAST_TASKS} are needed for p under 0.05"
        )
    if n_methods < 2:
        raise Refusal("one method cannot be compared")
    logs = np.log10(np.maximum(medians, np.finfo(float).tiny))
    indices = [pair for pair in combinations(range(n_methods), 2) if baseline is None or baseline in pair]
    differences = np.stack([logs[a] - logs[b] for a, b in indices])
    p = paired_p(differences)
    pairs = [
        PairTest(a, b, float(np.median(difference)), float(alone), float(corrected), len(indices))
        for (a, b), difference, alone, corrected in zip(indices, differences, p, holm(p), strict=True)
    ]
    overall = friedman_p(logs) if n_methods > 2 else float(p[0])
    return PairTests(overall, rankdata(logs, axis=0).mean(axis=1), pairs, level)


def correct_together(found: Iterable[PairTests], alone: tuple[int, int, int] | None = None) -> list[PairTests]:
    """Return the tests with p corrected by Holm for the pairs of all of them, such as those of every budget.

    Args:
        found: the tests of each budget.
        alone: the place in `found`, and the two methods, of a comparison that was declared before the study. It keeps
            its own p, and the others are not corrected for it.
    """
    tests = list(found)
    declared = None if alone is None else (alone[0], set(alone[1:]))
    shared = [
        (place, pair)
        for place, each in enumerate(tests)
        for pair in each.pairs
        if (place, {pair.first, pair.second}) != declared
    ]
    corrected = holm(np.array([pair.p for _, pair in shared]))
    p_holm = {(place, pair.first, pair.second): float(p) for (place, pair), p in zip(shared, corrected, strict=True)}
    return [
        replace(each, pairs=[_corrected(pair, p_holm.get((place, pair.first, pair.second)), len(shared))
                             for pair in each.pairs])
        for place, each in enumerate(tests)
    ]  # fmt: skip


def _corrected(pair: PairTest, p_holm: float | None, comparisons: int) -> PairTest:
    """Return the pair with its corrected p; without one it was tested alone."""
    if p_holm is None:
        return replace(pair, p_holm=pair.p, comparisons=1)
    return replace(pair, p_holm=p_holm, comparisons=comparisons)


def friedman_p(values: Array) -> float:
    """p of the methods being exchangeable within tasks: (methods, tasks), three methods or more."""
    if np.all(values == values[0]):
        return 1.0
    return float(friedmanchisquare(*values).pvalue)


def paired_p(differences: Array) -> Array:
    """Two-sided p of Wilcoxon's signed-rank test for each row: (pairs, tasks) -> (pairs,).

    Exact for up to 50 tasks without ties. Zeros are ranked and given to neither side (Pratt): to drop them would
    call two methods different that are equal on most tasks.
    """
    p = np.ones(len(differences))
    any_differ = np.any(differences != 0, axis=1)
    if any_differ.any():
        p[any_differ] = wilcoxon(differences[any_differ], axis=1, zero_method="pratt").pvalue
    return p


def holm(p: Array) -> Array:
    """p corrected for their number, step by step: the k-th lowest (k = 0, 1, ..) is multiplied by n - k.

    Source: Holm 1979 (Scand. J. Statist. 6, 65-70).
    """
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def groups(tests: PairTests) -> list[list[int]]:
    """Maximal runs of neighbors by mean rank among which no pair was found to differ; runs of one are left out.

    What a critical-difference diagram ties with bars.
    """
    order = [int(i) for i in np.argsort(tests.mean_ranks, kind="stable")]
    apart = {frozenset((pair.first, pair.second)) for pair in tests.pairs if tests.differ(pair)}
    runs: list[list[int]] = []
    reached = 0
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and not any(frozenset((order[end], other)) in apart for other in order[start:end]):
            end += 1
        if end - start > 1 and end > reached:
            runs.append(order[start:end])
        reached = max(reached, end)
    return runs
