"""The answer in a sentence: which method is better, by how much, and how sure that is."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from kanbench.analysis.ratio import error_ratio
from kanbench.analysis.scores import Compared, Records, Scores, compared
from kanbench.analysis.significance import LEAST_TASKS, LEVEL, Refusal, holm
from kanbench.analysis.stats import BOOTSTRAP_SEED, Array, Interval, task_geometric_mean
from kanbench.analysis.wins import LEAST_SEEDS, NOT_COUNTED, WinTieLoss, unpaired_p, win_tie_loss, winners
from kanbench.errors import counted

Kind = tuple[str, int, Interval]
MOST_INPUTS = 3  # tasks of so many inputs and of more are one kind
MOST_NAMED = 5  # tasks on which the method with the higher mean error wins


@dataclass(frozen=True)
class Test:
    """The test of the two methods of an answer: Wilcoxon over tasks, or Mann-Whitney over the seeds of one task.

    p: two-sided, corrected by Holm for the number of `comparisons` that were tested together.
    agrees: whether the method with the lower mean error also has the lower error on the median task.
    is_primary: whether it is the comparison that the study declared beforehand, which is tested alone.
    """

    p: float
    over: str
    comparisons: int
    agrees: bool = True
    is_primary: bool = False


@dataclass(frozen=True)
class Answer:
    """Two methods at one budget, the one with the lower error first.

    ratio: error of `other` over that of `better`, at least 1; its interval is NaN where there is none.
    counts: of `better`; nothing under four seeds.   lost: the tasks that `other` wins, the clearest first.
    note: what `rival` was chosen from, "" if there was no choice.
    test: nothing where there are too few tasks, or too few seeds of a single task.
    by_inputs: the same ratio on the tasks of 1, 2, and 3 or more inputs: (name, number of tasks, ratio); empty where
        all are alike or unknown.   by_smoothness: the same of smooth targets and of others.
    """

    better: str
    other: str
    budget: int
    tasks: int
    seeds: int
    ratio: Interval
    counts: WinTieLoss | None
    rival: str
    note: str
    test: Test | None = None
    lost: tuple[str, ...] = ()
    by_inputs: tuple[Kind, ...] = ()
    by_smoothness: tuple[Kind, ...] = ()

    @property
    def is_clear(self) -> bool:
        """True if the interval leaves out a ratio of 1, and the test finds the same method better."""
        return self.ratio.low > 1.0 and self.test is not None and self.test.p <= LEVEL and self.test.agrees

    def __str__(self) -> str:
        better, other = (f"{name}{self.note * (name == self.rival)}" for name in (self.better, self.other))
        if self.is_clear:
            verdict = f"{better} is better than {other}"
        elif np.isnan(self.ratio.low):
            verdict = f"{better} has a lower error than {other}"
        else:
            verdict = f"{better} and {other} cannot be told apart"
        where = f"on {counted(self.tasks, 'task')} at {self.budget:,} parameters"
        evidence = f"{self._interval}; {self._test}"
        return f"{verdict} {where}: error ratio {digits(self.ratio.estimate)} ({evidence}){self._counts}"

    @property
    def _counts(self) -> str:
        if self.tasks == 1:
            return ""
        if self.counts is None:
            return f"; {NOT_COUNTED}"
        who = "it" if self.is_clear else self.better
        more = f" and {len(self.lost) - MOST_NAMED} more" * (len(self.lost) > MOST_NAMED)
        named = f" ({', '.join(self.lost[:MOST_NAMED])}{more})" * bool(self.lost)
        return f"; {who} wins {self.counts.win}, ties {self.counts.tie}, loses {self.counts.loss}{named}"

    @property
    def _interval(self) -> str:
        if np.isnan(self.ratio.low):
            return "no interval"
        over = "seeds alone" if self.tasks == 1 else "tasks alone" if self.seeds == 1 else "tasks and seeds"
        return f"95 % interval over {over} {digits(self.ratio.low)} .. {digits(self.ratio.high)}"

    @property
    def _test(self) -> str:
        if self.test is None:
            few = f"{LEAST_SEEDS} seeds" if self.tasks == 1 else f"{LEAST_TASKS} tasks"
            return f"no test over fewer than {few}"
        p = f"p = {self.test.p:.2g}" if self.test.p >= 1e-3 else "p < 0.001"
        corrected = f", corrected for {self.test.comparisons} comparisons" * (self.test.comparisons > 1)
        alone = ", the primary comparison, tested alone" * self.test.is_primary
        opposed = self.test.p <= LEVEL and not self.test.agrees
        against = f", but {self.other} has the lower error on the median task" * opposed
        return f"{p} over {self.test.over}{corrected}{alone}{against}"


def digits(number: float) -> str:
    """Three significant digits, and no exponent under a million: 1.04, 14.3, 2,310."""
    return f"{number:,.0f}" if 1e3 <= number < 1e6 else f"{number:#.3g}".rstrip(".")


def answers(records: Records, baseline: str | None = None) -> list[Answer]:
    """The baseline against its best rival at every budget at which methods can be compared, smallest budget first.

    The rival is the best of the others at the largest budget. Without a baseline, or where it was not trained, the
    two best methods there are compared. Empty for a single method. A rival was chosen from many, so its test is
    corrected for all comparisons that could have been chosen, at all budgets, as in the table of tests.

    Where the records have a primary comparison, its two methods are compared.

    Raises `ValueError` for records that no one comparison may hold, and where there are none.
    """
    found = compared(records)
    if not found.by_budget or len(last := found.by_budget[max(found.by_budget)].by_method) < 2:
        return []
    if found.primary:
        reference, rival, note, baseline = found.primary.against, found.primary.method, "", found.primary.against
    else:
        reference, rival, note = _chosen_pair(last, baseline)
    return [
        _answer(found, reference, rival, budget, baseline, note)
        for budget, scores in found.by_budget.items()
        if reference in scores.methods and rival in scores.methods
    ]


def _chosen_pair(last: dict[str, Array], baseline: str | None) -> tuple[str, str, str]:
    """Return the reference, its best rival by errors (tasks, seeds), and what the rival was chosen from."""
    ranked = sorted(last, key=lambda method: float(task_geometric_mean(last[method])))
    if baseline in last:
        rivals = [method for method in ranked if method != baseline]
        return str(baseline), rivals[0], f" (the best of {len(rivals)})" if len(rivals) > 1 else ""
    return ranked[0], ranked[1], f" (the second of {len(ranked)})" if len(ranked) > 2 else ""


def _answer(found: Compared, reference: str, rival: str, budget: int, baseline: str | None, note: str) -> Answer:
    scores = found.by_budget[budget]
    better, other = sorted((reference, rival), key=lambda method: float(task_geometric_mean(scores.of(method))))
    return Answer(
        better,
        other,
        budget,
        tasks=len(scores.tasks),
        seeds=scores.errors.shape[-1],
        ratio=error_ratio(scores.of(other), scores.of(better), np.random.default_rng(BOOTSTRAP_SEED)),
        counts=win_tie_loss(scores.of(better), scores.of(other)),
        rival=rival,
        note=note,
        test=_test_over_seeds(found, better, other, budget, baseline)
        if len(scores.tasks) == 1
        else _test_over_tasks(found, better, other, budget, baseline),
        lost=_lost(scores, better, other),
        by_inputs=_by_kind(_n_inputs(found, scores), scores, better, other),
        by_smoothness=_by_kind(_smoothness(found, scores), scores, better, other),
    )


def _by_kind(kinds: list[str], scores: Scores, better: str, other: str) -> tuple[Kind, ...]:
    """Return the ratio of the errors on the tasks of each kind; nothing where a task has none, or all have the same."""
    if "" in kinds or len(set(kinds)) < 2:
        return ()
    ratios = []
    for kind in sorted(set(kinds)):
        of_kind = [i for i, each in enumerate(kinds) if each == kind]
        theirs, ours = scores.of(other)[of_kind], scores.of(better)[of_kind]
        ratios.append((kind, len(of_kind), error_ratio(theirs, ours, np.random.default_rng(BOOTSTRAP_SEED))))
    return tuple(ratios)


def _n_inputs(found: Compared, scores: Scores) -> list[str]:
    """Return the number of inputs of each task as 1, 2 or 3+; "" where the records do not say it."""
    numbers = _of_tasks(found, scores, "n_inputs")
    return ["" if pd.isna(n) else f"{MOST_INPUTS}+" if n >= MOST_INPUTS else f"{n:.0f}" for n in numbers]


def _smoothness(found: Compared, scores: Scores) -> list[str]:
    """Return whether the target of each task is smooth, in words; "" where the records do not say it."""
    return [{"yes": "smooth", "no": "not smooth"}.get(mark, "") for mark in _of_tasks(found, scores, "smooth")]


def _of_tasks(found: Compared, scores: Scores, column: str) -> list[Any]:
    """Return what a column of the records says of each task; None without the column."""
    if column not in found.chosen:
        return [None] * len(scores.tasks)
    return found.chosen.groupby(["suite", "task"])[column].first().reindex(scores.tasks).to_list()


def _lost(scores: Scores, better: str, other: str) -> tuple[str, ...]:
    """Return the tasks that the method with the higher mean error wins, the one of the largest ratio first."""
    side = winners(scores.of(better), scores.of(other))
    if side is None:
        return ()
    several = len({suite for suite, _ in scores.tasks}) > 1
    names = [f"{suite} {task}" if several else task for suite, task in scores.tasks]
    medians = np.median(scores.of(better), axis=1), np.median(scores.of(other), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        order = np.argsort(-medians[0] / medians[1], kind="stable")
    return tuple(names[i] for i in order if side[i] < 0)


def _test_over_tasks(found: Compared, better: str, other: str, budget: int, baseline: str | None) -> Test | None:
    """Return the pair's part of `Compared.tests_at`, whose comparisons are those of the table of tests."""
    try:
        tests = found.tests_at(budget, baseline)
    except Refusal:
        return None
    scores = found.by_budget[budget]
    index = scores.methods.index(better), scores.methods.index(other)
    (pair,) = (pair for pair in tests.pairs if {pair.first, pair.second} == set(index))
    lower = pair.log10_ratio if pair.first == index[0] else -pair.log10_ratio
    is_primary = found.is_primary(budget, better, other)
    p = pair.p_holm if pair.comparisons == 1 else max(tests.p, pair.p_holm)  # Friedman guards what was chosen
    return Test(p, "tasks", pair.comparisons, lower <= 0.0, is_primary)


def _test_over_seeds(found: Compared, better: str, other: str, budget: int, baseline: str | None) -> Test | None:
    """Return the Mann-Whitney test over the seeds of one task, corrected like the others; None under four seeds."""
    scores = found.by_budget[budget]
    if scores.errors.shape[-1] < LEAST_SEEDS:
        return None
    if found.is_primary(budget, better, other):
        p = unpaired_p(scores.of(better), scores.of(other))
        return Test(float(p[0]), "seeds", 1, is_primary=True)
    pairs = list(_pairs_of_one_task(found, baseline))
    of_pair = {(at, *sorted(pair)): i for i, (at, pair, _) in enumerate(pairs)}
    corrected = holm(np.concatenate([p for _, _, p in pairs]))
    return Test(float(corrected[of_pair[(budget, *sorted((better, other)))]]), "seeds", len(pairs))


def _pairs_of_one_task(found: Compared, baseline: str | None) -> Iterator[tuple[int, tuple[str, str], Array]]:
    """Yield the budget, the methods and the p of each comparison that a choice could have been made from."""
    for budget, scores in found.by_budget.items():
        chosen = baseline if baseline in scores.methods else None
        for pair in combinations(scores.methods, 2):
            if (chosen is None or chosen in pair) and not found.is_primary(budget, *pair) and len(scores.tasks) == 1:
                yield budget, pair, unpaired_p(scores.of(pair[0]), scores.of(pair[1]))


def leading(found: list[Answer]) -> Answer:
    """Return the answer that is said first: that of the primary comparison, or else that at the largest budget."""
    return next((each for each in found if each.test and each.test.is_primary), found[-1])


def say(found: list[Answer]) -> str:
    """The answer at the largest budget, and at which other budgets it is clearly the other way round; "" if none.

    A primary comparison is answered at its own budget.
    """
    if not found:
        return ""
    answer = leading(found)
    turned = [each for each in found if each.is_clear and each.better == answer.other]
    said = f"{answer}."
    if turned and answer.is_clear:
        said += f" At {' and '.join(f'{each.budget:,}' for each in turned)} parameters it is the other way round."
    inputs, smoothness = _say_kinds(answer.by_inputs), _say_kinds(answer.by_smoothness)
    said += f" Error ratio by number of inputs: {inputs}." * bool(inputs)
    return said + f" Error ratio by smoothness: {smoothness}." * bool(smoothness)


def _say_kinds(kinds: tuple[Kind, ...]) -> str:
    """Say the ratio of each kind of task: "1: 2.00 (6 tasks, 1.20 .. 3.30); 2: 4.00 (1 task)"."""
    return "; ".join(
        f"{name}: {digits(ratio.estimate)} ({counted(tasks, 'task')}"
        + (")" if np.isnan(ratio.low) else f", {digits(ratio.low)} .. {digits(ratio.high)})")
        for name, tasks, ratio in kinds
    )
