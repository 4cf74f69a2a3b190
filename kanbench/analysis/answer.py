"""The answer in a sentence: which method is better, by how much, and how sure that is."""

from dataclasses import dataclass

import numpy as np

from kanbench.analysis.scores import Records, Scores, scores_by_budget
from kanbench.analysis.significance import LEAST_TASKS, LEVEL, Refusal
from kanbench.analysis.stats import (
    BOOTSTRAP_SEED,
    LARGEST_DRAW,
    Array,
    Interval,
    WinTieLoss,
    percentiles,
    task_geometric_mean,
    win_tie_loss,
)
from kanbench.errors import counted


@dataclass(frozen=True)
class TaskTest:
    """The test over tasks of the two methods of an answer.

    p: two-sided, corrected for the number of `pairs` that were tested together.
    agrees: whether the method with the lower mean error also has the lower error on the median task.
    """

    p: float
    pairs: int
    agrees: bool


@dataclass(frozen=True)
class Answer:
    """Two methods at one budget, the one with the lower error first.

    ratio: error of `other` over that of `better`, at least 1; its interval is NaN where there is none.
    counts: of `better`.   note: what `rival` was chosen from, "" if there was no choice.
    test: over tasks; nothing where there are too few of them.
    """

    better: str
    other: str
    budget: int
    tasks: int
    ratio: Interval
    counts: WinTieLoss
    rival: str
    note: str
    test: TaskTest | None = None

    @property
    def is_clear(self) -> bool:
        """True if the interval leaves out a ratio of 1 and the test over tasks, where there is one, agrees."""
        return self.ratio.low > 1.0 and (self.test is None or (self.test.p <= LEVEL and self.test.agrees))

    def __str__(self) -> str:
        better, other = (f"{name}{self.note * (name == self.rival)}" for name in (self.better, self.other))
        if self.is_clear:
            verdict = f"{better} is better than {other}"
        elif np.isnan(self.ratio.low):
            verdict = f"{better} has a lower error than {other}"
        else:
            verdict = f"{better} and {other} cannot be told apart"
        where = f"on {counted(self.tasks, 'task')} at {self.budget:,} parameters"
        who = "it" if self.is_clear else better
        counts = f"; {who} wins {self.counts.win}, ties {self.counts.tie}, loses {self.counts.loss}"
        evidence = f"{self._interval}; {self._test}"
        return f"{verdict} {where}: error ratio {digits(self.ratio.estimate)} ({evidence}){counts * (self.tasks > 1)}"

    @property
    def _interval(self) -> str:
        if np.isnan(self.ratio.low):
            return "no interval"
        return f"95 % interval over seeds {digits(self.ratio.low)} .. {digits(self.ratio.high)}"

    @property
    def _test(self) -> str:
        if self.test is None:
            return f"no test over fewer than {LEAST_TASKS} tasks"
        p = f"p = {self.test.p:.2g}" if self.test.p >= 1e-3 else "p < 0.001"
        corrected = f", corrected for {self.test.pairs} pairs" * (self.test.pairs > 1)
        opposed = self.test.p <= LEVEL and not self.test.agrees
        against = f", but {self.other} has the lower error on the median task" * opposed
        return f"{p} over tasks{corrected}{against}"


def digits(number: float) -> str:
    """Three significant digits, and no exponent under a million: 1.04, 14.3, 2,310."""
    return f"{number:,.0f}" if 1e3 <= number < 1e6 else f"{number:#.3g}".rstrip(".")


def error_ratio(
    scores: Array, baseline: Array, generator: np.random.Generator, *, resamples: int = 2_000, confidence: float = 0.95
) -> Interval:
    """The geometric-mean error of `scores` (tasks, seeds) over that of `baseline`, with its percentile interval.

    Paired and stratified by task: every resample redraws the seeds within each task, the same for both methods,
    which saw the same data under one seed. The interval is NaN for a single seed, which says nothing of the spread.
    """
    n_tasks, n_seeds = scores.shape
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = float(task_geometric_mean(scores) / task_geometric_mean(baseline))
    if n_seeds == 1 or not 0.0 < estimate < np.inf:  # an error of exactly zero has no ratio
        return Interval(estimate)
    of_task = np.arange(n_tasks)[:, None]
    at_once = max(1, LARGEST_DRAW // scores.size)
    ratios = []
    for done in range(0, resamples, at_once):
        draws = generator.integers(n_seeds, size=(min(at_once, resamples - done), n_tasks, n_seeds))
        ratios.append(task_geometric_mean(scores[of_task, draws]) / task_geometric_mean(baseline[of_task, draws]))
    low, high = percentiles(np.concatenate(ratios), confidence)
    return Interval(estimate, float(low), float(high))


def answers(records: Records, baseline: str | None = None) -> list[Answer]:
    """The baseline against its best rival at every budget at which methods can be compared, smallest budget first.

    The rival is the best of the others at the largest budget. Without a baseline, or where it was not trained, the
    two best methods there are compared. Empty for a single method. A rival was chosen from many, so the test over
    tasks is corrected for all pairs that could have been chosen, as in the table of tests.

    Raises `ValueError` for records that no one comparison may hold, and where there are none.
    """
    scores = scores_by_budget(records)
    if not scores or len(last := scores[max(scores)].by_method) < 2:
        return []
    ranked = sorted(last, key=lambda method: float(task_geometric_mean(last[method])))
    if baseline in last:
        reference, rivals = str(baseline), [method for method in ranked if method != baseline]
        note = f" (the best of {len(rivals)})" if len(rivals) > 1 else ""
    else:
        reference, rivals = ranked[0], ranked[1:]
        note = f" (the second of {len(ranked)})" if len(ranked) > 2 else ""
    return [
        _answer(reference, rivals[0], budget, compared, baseline, note)
        for budget, compared in scores.items()
        if reference in compared.methods and rivals[0] in compared.methods
    ]


def _answer(reference: str, rival: str, budget: int, scores: Scores, baseline: str | None, note: str) -> Answer:
    better, other = sorted((reference, rival), key=lambda method: float(task_geometric_mean(scores.of(method))))
    return Answer(
        better,
        other,
        budget,
        tasks=len(scores.tasks),
        ratio=error_ratio(scores.of(other), scores.of(better), np.random.default_rng(BOOTSTRAP_SEED)),
        counts=win_tie_loss(scores.of(better), scores.of(other)),
        rival=rival,
        note=note,
        test=_test(better, other, scores, baseline),
    )


def _test(better: str, other: str, scores: Scores, baseline: str | None) -> TaskTest | None:
    """The pair's part of `Scores.tests`, which holds as many pairs as the table of tests."""
    try:
        found = scores.tests(baseline)
    except Refusal:
        return None
    index = scores.methods.index(better), scores.methods.index(other)
    (pair,) = (pair for pair in found.pairs if {pair.first, pair.second} == set(index))
    lower = pair.log10_ratio if pair.first == index[0] else -pair.log10_ratio
    return TaskTest(max(found.p, pair.p_holm), len(found.pairs), agrees=lower <= 0.0)  # Friedman guards the pairs


def say(found: list[Answer]) -> str:
    """The answer at the largest budget, and at which other budgets it is clearly the other way round; "" if none."""
    if not found:
        return ""
    answer, turned = found[-1], [each for each in found[:-1] if each.is_clear and each.better == found[-1].other]
    if not turned or not answer.is_clear:
        return f"{answer}."
    sizes = " and ".join(f"{each.budget:,}" for each in turned)
    return f"{answer}. At {sizes} parameters it is the other way round."
