"""The sentences on optimizers, longer training and sizes of grids, by name, from the records by hand."""

from functools import cache

import pandas as pd

from tests.analysis.by_hand import MLP, graded, means, pair, part, records
from tests.analysis.pages import at_both_caps, comparisons
from tests.analysis.sentences import LEVEL, at_cap, kans, steps
from tests.analysis.wording import e, interval, listed, p_value, percent, say, two


@cache
def optimizers():
    errors = graded("optimizers").groupby("optimizer").apply(means, include_groups=False)
    lm, lbfgs, adam = (errors.loc[name] for name in ("LevenbergMarquardt", "LBFGS", "Adam"))
    assert (errors.rank(axis=1) == lm.rank()).all(axis=None)
    assert (comparisons("optimizers").holm >= LEVEL).all()
    for name in ("LBFGS", "Adam"):
        without = means(part("optimizers", optimizer=name).query("task != 'I.9.18'"))
        assert without["KAN Taylor"] < without[MLP]
    by_adam = part("optimizers", optimizer="Adam")
    slower = [each / lm for each in (lbfgs, adam)]
    low, high = (two(pd.concat(slower).agg(extreme)) for extreme in ("min", "max"))
    factors = [two(each.max() / each.min()) for each in (lm, lbfgs, adam)]
    return {
        "errors": f"the MLP has {e(lm[MLP])} under Levenberg-Marquardt, {e(lbfgs[MLP])} under L-BFGS and "
        f"{e(adam[MLP])} under Adam",
        "slower": f"leave {low} to {high} times the error of Levenberg-Marquardt",
        "methods": f"by factors of up to {factors[0]}, {factors[1]} and {factors[2]}",
        "adam": f"Adam with the best of {say(records('optimizers').lr.nunique())} rates",
        "seeds": f"{say(by_adam.seed.nunique())} seeds under Adam",
        "cap": f"{percent(by_adam.stopped.eq('cap').mean())} of the members that Adam trained came to its cap",
    }


@cache
def convergence():
    """Sentences on the declared comparison with five times as many steps."""
    usual, longer = at_both_caps().values()
    before, after = (pair(frame, "KAN Taylor") for frame in (usual, longer))
    assert [steps("frontier"), steps("convergence")] == ["1,000", "5,000"]
    assert after["low"] < 1 < after["high"]
    falling = listed([f"{percent(at_cap(usual, line))} of the {name}" for line, name in NAMES.items()])
    assert not longer.stopped.eq("cap").any()
    return {
        "ratio": f"goes from {two(before['ratio'])} to {interval(pd.Series(after))} over {after['tasks']} equations",
        "falling": f"{falling} were still falling at 1,000 steps",
        "none": f"with a cap of 5,000 none is, on {say(after['tasks'])} of the equations (the longest training took "
        f"{longer.steps.max():,.0f})",
    }


NAMES = {MLP: "MLPs", "KAN Taylor": "Taylor KANs"}


@cache
def sizes():
    found, errors = kans(comparisons("sizes").loc["300 parameters"]), means(graded("sizes"))
    best = errors.drop(MLP).idxmin()
    assert best == "KAN BSpline depth=3"
    intervals = [2, 5, 10, 20]
    two_intervals, *finer = ("KAN BSpline" + f" intervals={n}" * (n > 2) for n in intervals)
    for depth in ("", " depth=1", " depth=3"):
        by_size = errors[[two_intervals + depth, *(line + depth for line in finer)]]
        assert by_size.is_monotonic_increasing
    return {
        "best": f"has {interval(found.loc[best])} times the error of the MLP (p = {p_value(found.holm[best])})",
        "smallest": f"at {graded('sizes').budget.max():.0f} parameters B-spline KANs of {say(intervals[0])} intervals "
        f"are ahead of those of {listed([say(n) for n in intervals[1:]])} at every depth",
        "finer": f"from {e(errors[two_intervals])} with two intervals to {two(errors[finer[-1]])} with twenty",
    }
