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
    return frame[(frame.status != "skipped") & frame.score.notna() & ~frame.stopped.eq("outranked") & ~is_passed_over]


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


def pair(frame, method, against=MLP, resamples=2_000):
    """Ratio of geometric means, its interval over tasks and seeds, Wilcoxon's p, and wins, ties and losses.

    The interval redraws tasks and, in each drawn task, seeds (as pairs); Student's quantile times the deviation of the
    logarithm, with the factor sqrt(n / (n - 1)). Tasks without a difference are ranked and given to neither side.
    """
    table = {
        line: frame[frame.line == line].pivot_table("score", "task", "seed", "first") for line in (method, against)
    }
    tasks = table[method].dropna().index.intersection(table[against].dropna().index)
    ours, theirs = (table[line].loc[tasks].to_numpy() for line in (method, against))
    gap = np.log(np.median(ours, axis=1)) - np.log(np.median(theirs, axis=1))
    n, n_seeds = ours.shape
    rng = np.random.default_rng(0)
    draws = [(rng.integers(n, size=(n, 1)), rng.integers(n_seeds, size=(n, n_seeds))) for _ in range(resamples)]
    rows, seeds = (np.array(each) for each in zip(*draws, strict=True))
    redrawn = (np.log(np.median(errors[rows, seeds], axis=-1)).mean(axis=-1) for errors in (ours, theirs))
    drawn = np.subtract(*redrawn)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt(n / (n - 1)) * np.std(drawn, ddof=1)
    wins = [0, 0, 0]
    for a, b in zip(ours, theirs, strict=True):
        ratio = np.median(a) / np.median(b)
        apart = stats.mannwhitneyu(a, b).pvalue < 0.05
        wins[0 if apart and ratio < 1 / 1.1 else 2 if apart and ratio > 1.1 else 1] += 1
    mean = gap.mean()
    return {
        "tasks": n,
        "ratio": np.exp(mean),
        "low": np.exp(mean - half),
        "high": np.exp(mean + half),
        "p": stats.wilcoxon(gap, zero_method="pratt").pvalue if n >= 6 else float("nan"),
        "wins": " / ".join(map(str, wins)),
    }


def pairs(frame, against=MLP):
    """`pair` for every other line; `holm` corrects p for all of them."""
    lines = [line for line in frame.line.unique() if line not in (against, *REFERENCES)]
    found = pd.DataFrame({line: pair(frame, line, against) for line in lines}).T
    return found.assign(holm=holm(found.p.astype(float)))


def e(number):
    mantissa, exponent = f"{number:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def two(number):
    """Two significant digits, as the pages write a ratio; three where two would say 1."""
    digits = 3 if float(f"{number:.2g}") == 1.0 else 2
    return f"{float(f'{number:.{digits}g}'):g}"


def interval(found):
    return f"{two(found.ratio)} ({two(found.low)} .. {two(found.high)})"


def p_value(p):
    return "< .001" if p < 0.001 else "" if np.isnan(p) else f"{p:.2g}"
