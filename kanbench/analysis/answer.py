"""The answer in a sentence: which method is better, by how much, and how sure that is."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from kanbench.analysis.scores import scores_by_budget
from kanbench.analysis.stats import (
    BOOTSTRAP_SEED,
    Array,
    Interval,
    WinTieLoss,
    percentiles,
    task_geometric_mean,
    win_tie_loss,
)
from kanbench.plural import counted


@dataclass(frozen=True)
class Answer:
    """Two methods at one budget, the one with the lower error first.

    ratio: error of `other` over that of `better`, at least 1; its interval is NaN where there is none.
    counts: of `better`.   note: what `rival` was chosen from, "" if there was no choice.
    """

    better: str
    other: str
    budget: int
    tasks: int
    ratio: Interval
    counts: WinTieLoss
    rival: str
    note: str

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out a ratio of 1."""
        return self.ratio.low > 1.0

    def __str__(self) -> str:
        better, other = (f"{name}{self.note * (name == self.rival)}" for name in (self.better, self.other))
        if np.isnan(self.ratio.low):
            verdict, interval = f"{better} has a lower error than {other}", "no interval"
        else:
            verdict = (
                f"{better} is better than {other}" if self.is_clear else f"{better} and {other} cannot be told apart"
            )
            interval = f"95 % interval {digits(self.ratio.low)} .. {digits(self.ratio.high)}"
        where = f"on {counted(self.tasks, 'task')} at {self.budget:,} parameters"
        who = "it" if self.is_clear else better
        counts = f"; {who} wins {self.counts.win}, ties {self.counts.tie}, loses {self.counts.loss}"
        return f"{verdict} {where}: error ratio {digits(self.ratio.estimate)} ({interval}){counts * (self.tasks > 1)}"


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
    draws = generator.integers(n_seeds, size=(resamples, n_tasks, n_seeds))
    of_task = np.arange(n_tasks)[:, None]
    ratios = task_geometric_mean(scores[of_task, draws]) / task_geometric_mean(baseline[of_task, draws])
    low, high = percentiles(ratios, confidence)
    return Interval(estimate, float(low), float(high))


def answers(frame: pd.DataFrame, baseline: str | None = None) -> list[Answer]:
    """The baseline against its best rival at every budget at which methods can be compared, smallest budget first.

    The rival is the best of the others at the largest budget. Without a baseline, or where it was not trained, the
    two best methods there are compared. Empty for a single method.

    Raises `ValueError` for records that no one comparison may hold, and where there are none.
    """
    scores = {budget: compared.by_method for budget, compared in scores_by_budget(frame).items()}
    if not scores or len(last := scores[max(scores)]) < 2:
        return []
    ranked = sorted(last, key=lambda method: float(task_geometric_mean(last[method])))
    if baseline in last:
        reference, rivals = str(baseline), [method for method in ranked if method != baseline]
        note = f" (the best of {len(rivals)})" if len(rivals) > 1 else ""
    else:
        reference, rivals = ranked[0], ranked[1:]
        note = f" (the second of {len(ranked)})" if len(ranked) > 2 else ""
    return [
        _compare(reference, rivals[0], budget, of_method, note)
        for budget, of_method in scores.items()
        if reference in of_method and rivals[0] in of_method
    ]


def _compare(reference: str, rival: str, budget: int, scores: dict[str, Array], note: str) -> Answer:
    better, other = sorted((reference, rival), key=lambda method: float(task_geometric_mean(scores[method])))
    return Answer(
        better,
        other,
        budget,
        tasks=len(scores[better]),
        ratio=error_ratio(scores[other], scores[better], np.random.default_rng(BOOTSTRAP_SEED)),
        counts=win_tie_loss(scores[better], scores[other]),
        rival=rival,
        note=note,
    )


def say(found: list[Answer]) -> str:
    """The answer at the largest budget, and at which other budgets it is clearly the other way round; "" if none."""
    if not found:
        return ""
    answer, turned = found[-1], [each for each in found[:-1] if each.is_clear and each.better == found[-1].other]
    if not turned or not answer.is_clear:
        return f"{answer}."
    sizes = " and ".join(f"{each.budget:,}" for each in turned)
    return f"{answer}. At {sizes} parameters it is the other way round."
