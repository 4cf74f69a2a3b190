"""Wins, ties and losses of one method against another, task by task."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from kanbench.analysis.significance import LEVEL
from kanbench.analysis.stats import TIE_BAND, Array

LEAST_SEEDS = 4  # of three and three the lowest two-sided p is 2 / 20
WIN = "a win needs medians over 10 % apart and Mann-Whitney p < 0.05 over seeds"
NOT_COUNTED = f"wins are not counted under {LEAST_SEEDS} seeds"


@dataclass(frozen=True)
class WinTieLoss:
    """The number of tasks on which a method wins, ties and loses."""

    win: int
    tie: int
    loss: int

    def __str__(self) -> str:
        return f"{self.win} / {self.tie} / {self.loss}"


def winners(scores: Array, baseline: Array) -> NDArray[np.int64] | None:
    """Return 1 for each task that `scores` (tasks, seeds) win, -1 for each that the baseline wins, 0 for ties.

    A win needs medians over 10 % apart and p < 0.05 of the Mann-Whitney test over seeds. Under four seeds no p can be
    so low, and the answer is None.
    """
    if min(scores.shape[1], baseline.shape[1]) < LEAST_SEEDS:
        return None
    ours, theirs = np.median(scores, axis=1), np.median(baseline, axis=1)
    side = (ours * TIE_BAND < theirs).astype(int) - (theirs * TIE_BAND < ours)
    apart = np.flatnonzero(side)
    side[apart[unpaired_p(scores[apart], baseline[apart]) >= LEVEL]] = 0
    return side


def win_tie_loss(scores: Array, baseline: Array) -> WinTieLoss | None:
    """Count wins, ties and losses of `scores` (tasks, seeds), see `winners`; None under four seeds."""
    side = winners(scores, baseline)
    return None if side is None else WinTieLoss(int((side > 0).sum()), int((side == 0).sum()), int((side < 0).sum()))


def count_columns(counts: WinTieLoss | None) -> dict[str, float]:
    """Return the columns win, tie and loss of a table, NaN where nothing was counted."""
    return dict.fromkeys(("win", "tie", "loss"), np.nan) if counts is None else dict(vars(counts))


def say_wins(wins: pd.Series) -> str:
    """Say what a win is, or that none are counted, from the column `win` of a table."""
    return WIN if wins.notna().any() else NOT_COUNTED


def unpaired_p(scores: Array, baseline: Array) -> Array:
    """Return the two-sided p of the Mann-Whitney test of each task: (tasks, seeds) twice -> (tasks,).

    The test is exact where no two errors of a task are equal; otherwise it is the normal approximation with its
    correction for ties.
    """
    pooled = np.sort(np.concatenate([scores, baseline], axis=1), axis=1)
    tied = (np.diff(pooled, axis=1) == 0).any(axis=1)
    p = np.ones(len(scores))
    for rows, method in ((~tied, "exact"), (tied, "asymptotic")):
        if rows.any():
            p[rows] = mannwhitneyu(scores[rows], baseline[rows], axis=1, method=method).pvalue
    return p
