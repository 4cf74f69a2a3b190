"""What was seen in frontier after its declared test, by name, from the records by hand; no p of it is corrected."""

from functools import cache

import numpy as np
import pandas as pd
import yaml

from tests.analysis.by_hand import MLP, ROOT, graded, means, pair, part, signed_ranks
from tests.analysis.wording import interval, p_value, say, two

TAYLOR = "KAN Taylor"


def compared(found):
    found = pd.Series(found)
    p = p_value(found.p)
    return f"{interval(found)} times the error of the MLP (p {p if p.startswith('<') else f'= {p}'})"


def ratios(frame, column, aggregate):
    """The logarithms of the errors of KANs over those of the MLP, (methods, tasks), by an aggregate over seeds."""
    members = frame.groupby(["line", "task"])
    errors = members.apply(lambda at: aggregate(at, column), include_groups=False).rename("error").reset_index()
    logs = np.log(errors.pivot_table("error", "line", "task"))
    return logs.sub(logs.loc[MLP]).drop(MLP)


def best_by_validation(at, column):
    return at.loc[at.val_rmse.idxmin(), column]


def mean(at, column):
    return at[column].mean()


def median(at, column):
    return at[column].median()


@cache
def seen_afterwards():
    frame = part("frontier", budget=300)
    frame = frame[frame.family.str.startswith("KAN") | (frame.line == MLP)]
    suite = yaml.safe_load((ROOT / "kanbench/data/suites/feynman_test.yaml").read_text(encoding="utf-8"))["of"]
    plain, units = (frame[frame.task.isin(suite[name])] for name in ("feynman", "feynman_full"))
    assert len(plain) + len(units) == len(frame)
    earlier = set(graded("robustness").task) & set(frame.task)
    fresh = pd.Series(pair(frame[~frame.task.isin(earlier)], TAYLOR))
    aggregates = [("score", best_by_validation), ("score", mean), ("test_rel_median", median)]
    gaps = [ratios(frame, *aggregate) for aggregate in aggregates]
    others = [gap.drop(TAYLOR).mean(axis=1) for gap in gaps]
    assert all((behind > 0).all() for behind in others)
    of_plain = means(plain)
    assert set(of_plain.index[of_plain < of_plain[MLP]]) == {TAYLOR, "KAN Bernstein"}
    best, average, points = (
        f"{two(np.exp(gap.loc[TAYLOR].mean()))} (p = {p_value(signed_ranks(gap.loc[TAYLOR].to_numpy()))})"
        for gap in gaps
    )
    return {
        "sources": f"on the {plain.task.nunique()} dimensionless equations the Taylor KAN has "
        f"{compared(pair(plain, TAYLOR))}, on the {units.task.nunique()} with units {compared(pair(units, TAYLOR))}",
        "aggregates": f"with the seed of the lowest validation error in place of the median the ratio is {best}, with "
        f"the mean over seeds {average}, and with the median error over test points in place of relative L2 {points}",
        "behind": "The other families stay behind the MLP in the mean of each of these, but for Bernstein polynomials "
        "on dimensionless equations",
        "earlier": f"{say(len(earlier)).capitalize()} of the equations had been graded for these two methods in "
        f"[robustness](../robustness), at 100 parameters, before the declaration; without them the ratio is "
        f"{interval(fresh)}, p = {p_value(fresh.p)}",
    }
