"""Published numbers again from the committed records, by pandas, NumPy and SciPy; nothing of kanbench is used."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

ROOT = Path(__file__).parents[2]
MLP = "MLP tanh"
SOLVERS = ("finite differences", "spectral collocation")  # of differential equations
REFERENCES = ("constant", "linear", "cubic ridge", "class prior", "logistic", *SOLVERS)


def words(path):
    return re.sub(r"\s+", " ", (ROOT / path).read_text(encoding="utf-8"))


@cache
def records(study):
    """Every member; `line` is the method, or what its shape was searched for."""
    (path,) = (ROOT / "results" / study).glob("records.csv*")
    frame = pd.read_csv(path, low_memory=False)
    searched = frame.searched.fillna("") if "searched" in frame else pd.Series("", index=frame.index)
    stopped = frame.stopped if "stopped" in frame else ""  # of version 2
    return frame.copy().assign(line=searched.where(searched != "", frame.method), stopped=stopped)


@cache
def graded(study):
    """The members that were graded: those of the shape that a search chose, or all of a study without a search.

    A shape that was not chosen has no test error, but it has the score 1 if it diverged.
    """
    frame = records(study)
    is_passed_over = frame.chosen.eq(False) if "chosen" in frame else False
    was_graded = (frame.status != "skipped") & frame.score.notna() & ~frame.stopped.eq("outranked") & ~is_passed_over
    return at_the_best_rate(frame[was_graded])


def at_the_best_rate(frame):
    """The members at the learning rate that has the lowest validation error, the median over their seeds."""
    if "val_rmse" not in frame or frame.lr.nunique() < 2:
        return frame
    runs = ["optimizer", "line", "task", "budget"]
    rated = frame.assign(lr=frame.lr.fillna(0.0), val_rmse=frame.val_rmse.fillna(np.inf))
    errors = rated.groupby([*runs, "lr"]).val_rmse.median()
    best = errors.loc[errors.groupby(level=runs).idxmin()].index
    return frame[rated.set_index([*runs, "lr"]).index.isin(best)]


def part(study, **where):
    frame = graded(study)
    for column, value in where.items():
        frame = frame[frame[column] == value]
    return frame


def medians(frame, lines=None):
    """Medians over seeds, (lines, tasks), on the tasks that all lines have."""
    table = frame.pivot_table("score", "line", "task", "median")
    return (table if lines is None else table.loc[list(lines)]).dropna(axis=1)


def means(frame, lines=None):
    return np.exp(np.log(medians(frame, lines)).mean(axis=1))


def holm(p):
    """By the definition: the k-th lowest of n times n - k, never less than one before."""
    p = pd.Series(p)
    ordered = p.sort_values()
    return (ordered * np.arange(len(p), 0, -1)).cummax().clip(upper=1.0)[p.index]


def signed_ranks(gap):
    """Wilcoxon's p, two-sided; zeros are ranked and count for neither side (Pratt).

    Where there are few tasks, some of them equal, all signs are tried; elsewhere scipy knows the distribution.
    """
    if np.all(gap != 0) or len(gap) > 13:
        return stats.wilcoxon(gap, zero_method="pratt").pvalue
    ranks = np.where(gap == 0, 0, stats.rankdata(np.abs(gap)))
    signs = 2 * (np.arange(2 ** len(gap))[:, None] >> np.arange(len(gap)) & 1) - 1
    return min(1.0, 2 * np.mean(signs @ ranks >= np.abs(np.sign(gap) @ ranks)))


@cache
def redraws(n, n_seeds, resamples=2_000):
    """Tasks, and in each drawn task seeds, drawn again: (resamples, tasks, 1) and (resamples, tasks, seeds)."""
    rng = np.random.default_rng(0)
    draws = [(rng.integers(n, size=(n, 1)), rng.integers(n_seeds, size=(n, n_seeds))) for _ in range(resamples)]
    rows, seeds = zip(*draws, strict=True)
    return np.array(rows), np.array(seeds)


def differ(ours, theirs):
    """The tasks on which Mann and Whitney's test tells the seeds of two methods apart; exact where none are equal."""
    both = np.sort(np.hstack([ours, theirs]))
    has_ties = (both[:, 1:] == both[:, :-1]).any(axis=1)
    exact, normal = (stats.mannwhitneyu(ours, theirs, axis=1, method=how).pvalue for how in ("exact", "asymptotic"))
    return np.where(has_ties, normal, exact) < 0.05


def by_seed(frame):
    return frame.pivot_table("score", ["line", "task"], "seed", "first")


def pair(frame, method, against=MLP):
    """Return `ratio` of two lines of some members."""
    return ratio(by_seed(frame), method, against)


def ratio(scores, method, against):
    """Ratio of geometric means, its interval over tasks and seeds, Wilcoxon's p, and wins, ties and losses.

    The interval redraws tasks and, in each drawn task, seeds (as pairs); Student's quantile times the deviation of the
    logarithm, with the factor sqrt(n / (n - 1)). Tasks without a difference are ranked and given to neither side.
    """
    method_scores, against_scores = (scores.loc[line].dropna(axis=1, how="all").dropna() for line in (method, against))
    tasks = method_scores.index.intersection(against_scores.index)
    ours, theirs = (each.loc[tasks].to_numpy() for each in (method_scores, against_scores))
    gap = np.log(np.median(ours, axis=1)) - np.log(np.median(theirs, axis=1))
    n, n_seeds = ours.shape
    rows, seeds = redraws(n, n_seeds)
    redrawn = (np.log(np.median(errors[rows, seeds], axis=-1)).mean(axis=-1) for errors in (ours, theirs))
    half = stats.t.ppf(0.975, n - 1) * np.sqrt(n / (n - 1)) * np.std(np.subtract(*redrawn), ddof=1)
    far = np.where(np.abs(gap) > np.log(1.1), np.sign(gap), 0) * differ(ours, theirs)
    mean = gap.mean()
    return {
        "tasks": n,
        "ratio": np.exp(mean),
        "low": np.exp(mean - half),
        "high": np.exp(mean + half),
        "p": signed_ranks(gap) if n >= 6 else float("nan"),
        "wins": f"{(far < 0).sum()} / {(far == 0).sum()} / {(far > 0).sum()}",
    }


def pairs(frame, against=MLP):
    """`pair` for every other line, on the tasks that all lines have; `holm` corrects p for all of them."""
    lines = [line for line in frame.line.unique() if line not in (against, *REFERENCES)]
    shared = medians(frame, [*lines, against]).columns
    scores = by_seed(frame[frame.task.isin(shared)])
    found = pd.DataFrame({line: ratio(scores, line, against) for line in lines}).T
    return found.assign(holm=holm(found.p.astype(float)))
