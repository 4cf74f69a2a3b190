"""The sentences with numbers on the pages of the studies, by name, from the records by hand.

A sentence that claims more than its numbers asserts it: records that say otherwise need another sentence.
"""

import re
from functools import cache

import numpy as np
import pandas as pd
import yaml

from tests.analysis.by_hand import MLP, ROOT, graded, means, medians, pairs, part, records
from tests.analysis.pages import (
    aggregations,
    comparisons,
    comparisons_of_starts,
    rows_of,
    starts_of,
    times_of_methods,
    twins,
)
from tests.analysis.sentences_of_frontier import seen_afterwards
from tests.analysis.wording import e, functions, interval, p_value, percent, say, two

LEVEL = 0.05


def kans(found):
    return found[found.index.str.startswith("KAN")]


def room(found):
    """The factor, in either direction, that an interval does not exclude."""
    return max(found.high, 1 / found.low)


def at_cap(frame, line):
    members = frame[frame.line == line].drop_duplicates(["experiment", "task", "budget", "seed"])
    return members.stopped.eq("cap").mean()


@cache
def size_of_suite(name):
    """The number of tasks of a suite that is drawn from others, by its file."""
    suite = yaml.safe_load((ROOT / f"kanbench/data/suites/{name}.yaml").read_text(encoding="utf-8"))
    return sum(map(len, suite["of"].values()))


def steps(study):
    """The cap on steps, that all records of a study share."""
    (cap,) = {re.match(r"steps=(\d+)", settings)[1] for settings in records(study).settings.dropna()}
    return f"{int(cap):,}"


def shapes_of(study):
    return records(study).trials.max()


@cache
def screens():
    """Halving on development tasks, by the number of first seeds and steps."""
    return pd.read_csv(ROOT / "results/development/halving.csv").set_index(["seeds", "steps"])


def verdicts(found):
    """The KANs that cannot be told apart from the MLP, and those that are worse; none may be better."""
    rows = kans(found)
    differs = rows.holm < LEVEL
    assert not (differs & (rows.ratio < 1)).any()
    return rows[~differs].sort_values("ratio"), rows[differs].sort_values("ratio")


@cache
def frontier():
    found, frame = comparisons("frontier").loc["300 parameters"], part("frontier", budget=300)
    small = kans(comparisons("frontier").loc["100 parameters"])
    primary, (tied, worse) = found.loc["KAN Taylor"], verdicts(found)
    assert primary.p > LEVEL
    assert list(tied.index) == list(small[small.holm >= LEVEL].index) == ["KAN Taylor"], "other KANs need other words"
    diverged = frame[frame.line == "MLP tanh fourier=4"].status.eq("diverged")
    no_network = primary.tasks - small.tasks.max()
    of_screen, total = screens().loc[(3, 100)], size_of_suite("feynman_test")
    factors = worse.ratio.astype(float)
    return {
        "primary": f"error ratio {interval(primary)}, p = {p_value(primary.p)} over {primary.tasks} equations",
        "trained": f"{primary.tasks} of the {total} equations of the suite were trained",
        "cap": f"{percent(at_cap(frame, MLP))} of the chosen MLPs and {percent(at_cap(frame, 'KAN Taylor'))} of the "
        "Taylor KANs at 300 parameters were still falling",
        "worse": f"{two(factors.min())} to {two(factors.max())} times the error of the MLP at 300 parameters",
        "of_worse": functions(worse.index),
        "count": f"{say(len(worse))} of {say(len(tied) + len(worse))} are worse",
        "room": f"leaves room for a factor of {two(room(primary))} against the KAN and {two(1 / primary.low)} for it",
        "failed": f"{diverged.sum()} of the {len(diverged)} chosen networks of random features at 300 parameters "
        "diverged",
        "lacking": f"{say(no_network).capitalize()} task{'s lack' if no_network != 1 else ' lacks'} a Fourier KAN of "
        "100 parameters",
        "screen": f"this keeps the best shape in {percent(of_screen.best_kept)} of searches; where it does not, the "
        f"loss was a factor of {two(of_screen.worst)} at worst",
        "suite": f"the suite feynman_test ({total} equations",
        "spline_mlp": "an MLP with a learnable spline on each node has "
        f"{two(found.ratio['MLP bspline'])} times its error",
    } | seen_afterwards()


def irregular():
    rough, smooth = (comparisons("irregular").loc[name] for name in ("rough", "smooth"))
    assert (rough.holm >= LEVEL).all()
    errors = medians(twins(False))
    factors = kans(errors).div(errors.loc[MLP])
    best, worst = factors.min(), factors.max()
    ratios = kans(rough).ratio.astype(float)
    without = means(twins(False).query("task != @best.idxmin()"))
    assert kans(without).min() > without[MLP]
    return {
        "ratios": f"{two(ratios.min())} to {two(ratios.max())} times the error of the MLP",
        "smooth": f"{two(smooth.ratio['KAN BSpline'])} times its error on the smooth twins",
        "best": f"has {two(best.min())} times the error of the MLP on {best.idxmin()}",
        "worst": f"{two(worst.max())} times on {worst.idxmax()}",
        "pairs": f"{errors.shape[1]} functions",
        "without": f"Without {best.idxmin()} no KAN is ahead of the MLP in the mean",
    }


@cache
def over_all_inputs():
    return pairs(graded("frequency"))


@cache
def frequency():
    along, frame = comparisons("frequency").loc["1 input"], graded("frequency")
    fourier, together = along.loc["KAN Fourier"], over_all_inputs()
    several = comparisons("frequency").drop(index="1 input")
    assert not (several.holm < LEVEL).any()
    best = kans(along).query("holm < @LEVEL and ratio < 1")
    assert set(best.index) == {"KAN Fourier", "KAN RBF", "KAN Taylor"}
    whole, waves = together.loc["KAN Fourier"], frame.query("n_inputs == 1")
    return {
        "fourier": f"{interval(fourier)} times the error of the tanh MLP",
        "together": f"Over all {whole.tasks} tasks together the Fourier KAN has {two(whole.ratio)} times the error of "
        f"the MLP, p = {p_value(whole.p)} uncorrected and {p_value(whole.holm)} by Holm over the "
        f"{say(len(together))} methods",
        "cap": f"{percent(at_cap(waves, MLP))} of the chosen MLPs and {percent(at_cap(waves, 'KAN Fourier'))} of the "
        "chosen Fourier KANs were still falling",
    }


@cache
def aggregation():
    frame = graded("aggregation")
    usual = [(f"KAN {basis} {other}", f"KAN {basis}") for basis in BASES for other in ("mean", "sum_over_sqrt")]
    found = pd.DataFrame([aggregations(*lines) for lines in usual])
    equal = [aggregations(f"KAN {basis} mean", f"KAN {basis} initialisation=fan_in") for basis in BASES]
    twins_apart = pd.concat([apart(frame, basis) for basis in BASES])
    assert min(found.p.min(), *(each.p for each in equal)) > LEVEL
    return {
        "ratios": f"ratios of {found.ratio.min():.2f} to {found.ratio.max():.2f}, p >= {found.p.min():.2g}",
        "equal": f"within {percent(max(map(room, equal)) - 1)}",
        "room": f"a factor of up to {two(max(map(room, found.itertuples())))}",
        "members": f"end within 1 % in {percent((twins_apart < 1.01).mean())} of the pairs (rounding grows to a factor "
        f"of {two(twins_apart.max())} at worst)",
        "cap": f"{percent(frame.stopped.eq('cap').mean())} of the members stopped at the cap",
    }


BASES = ("BSpline", "Taylor")


def apart(frame, basis):
    """The factors between the errors of members that start from the same functions, as a mean and as a sum."""
    lines = (f"KAN {basis} mean", f"KAN {basis} initialisation=fan_in")
    mean, total = (frame[frame.line == line].set_index(["task", "seed"]).score for line in lines)
    return np.exp(np.abs(np.log(mean.div(total))))


@cache
def samples():
    found, rows = comparisons("samples"), sorted(graded("samples").train_size.unique())
    taylor, spline = (interval(found.loc[("1,000 rows", f"KAN {basis}")]) for basis in ("Taylor", "BSpline"))
    assert (found.ratio > 1).all()
    for rows_of_train in (1_000, 10_000):
        without = means(part("samples", train_size=rows_of_train, noise=0.0).query("task != 'I.9.18'"))
        assert without["KAN Taylor"] < without[MLP]
    assert (found.holm >= LEVEL).all()
    tasks = found.tasks.max()
    many = part("samples", train_size=3000)
    return {
        "ratios": f"{taylor} for Taylor and {spline} for B-splines at 1,000 rows",
        "least_p": f"with {say(tasks)} equations none can be under {2 / 2**tasks * len(found):.3g}",
        "without": "without one equation Taylor is ahead at 1,000 and 10,000 rows",
        "rows": f"at {rows[0]:,.0f} to {rows[-1]:,.0f} rows",
        "cap": f"{percent(at_cap(many, MLP))} of the chosen MLPs and {percent(at_cap(many, 'KAN Taylor'))} of the "
        "chosen Taylor KANs at 3,000 rows were still falling",
    }


@cache
def start():
    found = pd.concat([comparisons_of_starts(usual).loc[usual] for usual in ("KAN BSpline", "KAN Taylor", MLP)])
    far = found.loc["KAN Taylor gain=1.0"]
    assert list(found[found.holm < LEVEL].index) == ["KAN Taylor gain=1.0"]
    assert far.low < 1 < far.ratio
    assert not (found.high < 1).any()
    widths = np.sqrt((found.high / found.low).astype(float))
    best, errors = means(starts_of("KAN BSpline")).min(), means(graded("start"))
    shallow = errors[errors.index.str.contains("depth=1")]
    deep = errors[errors.index.str.startswith(MLP) & ~errors.index.str.contains("depth=1")].min()
    return {
        "far": f"Taylor with gain 1 has {say(far.ratio)} times the error (p = {p_value(far.holm)}, but the interval "
        "holds 1)",
        "best": f"The best start of B-splines has {two(best / errors['KAN BSpline'])} times the error of the default "
        f"and {two(best / errors[MLP])} times that of the MLP",
        "unseen": f"intervals reach a factor of {two(widths.min())} to {two(widths.max())} to either side",
        "shallow": f"MLPs of one hidden layer have {two(shallow.min() / deep)} to {two(shallow.max() / deep)} times "
        "the error of the best MLP of two or three",
    }


@cache
def tables():
    errors = graded("tables").pivot_table("score", "line", "task", "median")
    learned = errors.loc[:, errors.min() < 0.99]
    simple = learned.columns[learned.idxmin().isin(["linear", "logistic"])]
    ahead = kans(errors).lt(errors.loc[MLP]).sum()
    taylor, mlp = (part("tables", line=line).set_index(["task", "seed"]).score for line in ("KAN Taylor", MLP))
    splits = taylor.lt(mlp).groupby("task").sum()
    assert ahead[["iris", "wine"]].eq(1).all()
    assert errors.loc["KAN Taylor", ["iris", "wine"]].lt(errors.loc[MLP, ["iris", "wine"]]).all()
    assert splits["iris"] == splits["wine"]
    assert ahead["diabetes"] == kans(errors).shape[0]
    return {
        "simple": f"{say(len(simple))} of the {say(learned.shape[1])} where anything is learned",
        "ahead": f"All {say(ahead['diabetes'])} KANs are ahead of the MLP on diabetes, {say(ahead['breast_cancer'])} "
        f"on breast_cancer, and only Taylor on iris and wine (on {say(splits['iris'])} of "
        f"{say(len(taylor.loc['iris']))} splits each)",
    }


@cache
def cost():
    rows = [row.strip("| ").split(" | ") for row in rows_of("cost")[2:]]
    polynomial, other = ([row for row in rows if ("over" in row[3]) == far] for far in (False, True))
    slowest = max(float(cell.removeprefix("at most ")) for row in polynomial for cell in row[4:])
    fastest = min(float(cell.removeprefix("over ")) for row in other for cell in row[4:])
    assert {row[0] for row in polynomial} == {"KAN Taylor", "KAN Chebyshev", MLP}
    times = np.exp(np.log(times_of_methods()).groupby(level=[0, 1]).mean())
    forward, step = times.loc["KAN BSpline", 200] / times.loc[MLP, 100]
    kan, mlp = means(part("feynman", budget=200))["KAN BSpline"], means(part("feynman", budget=100))[MLP]
    return {
        "longer": f"take up to {two(slowest)} times as long; the other KANs need more than three times as many "
        f"parameters, and over {two(fastest)} times the time",
        "errors": f"a B-spline KAN has {e(kan)} with 200 parameters and the MLP {e(mlp)} with 100",
        "times": f"{two(forward)} times as long to predict and {two(step)} times as long for a step",
    }
