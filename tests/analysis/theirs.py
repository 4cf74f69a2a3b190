"""Other people's KANs beside ours: the table of results/outside and its sentences, from the records by hand."""

from functools import cache

import pandas as pd

from tests.analysis.by_hand import MLP, graded, holm, means, pair, pairs, part
from tests.analysis.wording import e, interval, listed, p_value, say, thousands, two

OURS = {  # theirs: the start of their label, and ours beside it
    "efficient-kan": ("KAN 00959e", "KAN BSpline intervals=5 depth=1 base_branch=silu"),
    "pykan": ("KAN symbolic_enabled=false", "KAN BSpline intervals=5 depth=1 base_branch=silu"),
    "ChebyKAN": ("ChebyKANLayer", "KAN Chebyshev degree=8 depth=1"),
    "FourierKAN": ("NaiveFourierKANLayer", "KAN Fourier harmonics=4 depth=1"),
    "fast-kan": ("FastKAN", "KAN RBF centres=8 depth=1"),
}
HEAD = (
    "| | theirs | parameters | error | ours | parameters | error | theirs over ours (95 %) | p | wins / ties / losses |"
)


@cache
def theirs_over_ours():
    """Every pair by size and name: what `pair` says, the two labels, and p by Holm over all pairs."""
    found = {}
    for budget, frame in graded("outside").groupby("budget"):
        for name, (start, ours) in OURS.items():
            for theirs in (line for line in frame.line.unique() if line.startswith(start)):
                found[budget, name] = {"theirs": theirs, "ours": ours} | pair(frame, theirs, ours)
    pairs = pd.DataFrame(found).T
    return pairs.assign(holm=holm(pairs.p.astype(float)))


@cache
def errors_and_sizes(budget):
    """By method: the mean error over the equations that all have, and the median number of parameters."""
    frame = part("outside", budget=budget)
    return means(frame), frame.groupby("line").params.median()


def theirs_and_ours():
    """Markdown rows: each of theirs beside ours at each size, and the MLP."""
    rows = [HEAD, "|---" * 10 + "|"]
    for budget, at in theirs_over_ours().groupby(level=0):
        for (_, name), pair_of in at.iterrows():
            ours = pair_of.ours.replace(" depth=1", "")
            sides = [name, size_and_error(budget, pair_of.theirs), ours, size_and_error(budget, pair_of.ours)]
            rows.append(
                " | ".join([f"| {budget:.0f}", *sides, interval(pair_of), p_value(pair_of.holm), pair_of.wins]) + " |"
            )
        rows.append(f"| {budget:.0f} | | | | {MLP} | {size_and_error(budget, MLP)} | | | |")
    return rows


def size_and_error(budget, line):
    errors, sizes = errors_and_sizes(budget)
    return f"{sizes[line]:.0f} | {e(errors[line])}"


@cache
def outside():
    found, frame = theirs_over_ours(), graded("outside")
    small, large = sorted(frame.budget.unique())
    near, fast = found.drop("fast-kan", level=1), found.loc[large, "fast-kan"]
    splines = [found.loc[large, name] for name in ("efficient-kan", "pykan")]
    assert ((near.low < 1) & (near.high > 1)).all()
    is_bspline = near.ours.str.startswith("KAN BSpline")
    for (budget, _), of_pair in near[is_bspline].iterrows():
        sizes = errors_and_sizes(budget)[1]
        assert sizes[of_pair.theirs] < sizes[of_pair.ours]
    over_mlp = pd.concat([pairs(at) for _, at in frame[frame.line != fast.theirs].groupby("budget")])
    assert over_mlp.low.min() > 1
    n_tasks, n_theirs = frame.task.nunique(), found.index.unique(level=1).size
    sizes = errors_and_sizes(small)[1][[*found.loc[small, "efficient-kan"][["theirs", "ours"]]]]
    without = n_tasks - found.loc[small, "fast-kan"].tasks
    at_large, lost = f"at {large:.0f} parameters", fast.wins.split(" / ")[2]
    return {
        "records": f"[outside](outside): {n_tasks} equations, {say(n_theirs)} implementations",
        "named": f"{listed([*near.index.unique(level=1)])} cannot be told apart from ours",
        "splines": f"B-splines of the first two have {interval(splines[0])} and {interval(splines[1])} times the error "
        f"of ours {at_large}",
        "fast": f"fast-kan has {interval(fast)} times the error of our RBF network {at_large} and loses {lost} of "
        f"{n_tasks} equations",
        "mlp": f"{two(over_mlp.ratio.min())} to {thousands(over_mlp.ratio.max())} times the error of the MLP "
        f"over all {say(n_tasks)} equations",
        "room": f"a factor of {two(max(of_pair.high for of_pair in splines))}",
        "least": f"{p_value(2 / 2**n_tasks)} is the least p that {say(n_tasks)} equations can give",
        "corrected": f"the least p after it is {two(found.holm.min())}",
        "sizes": f"efficient-kan has {sizes.iloc[0]:.0f} parameters and our B-spline with a SiLU branch "
        f"{sizes.iloc[1]:.0f}",
        "models": f"{len(frame):,} models",
        "fewer": f"The errors at {small:.0f} parameters leave out {say(without)} equation",
    }
