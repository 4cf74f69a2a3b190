"""Slopes of single tasks: those of a power law are its exponent, and the bound says what ends it."""

import numpy as np
import pandas as pd
import pytest

from kanbench.analysis.curves import by_curve
from kanbench.analysis.protocol import check_protocol
from kanbench.analysis.task_scaling import slopes_by_task
from kanbench.report.result import Result

GRIDS = (3, 5, 10, 20, 50)


def members(test, train=None, task="t", edges=3, curve="KAN BSpline hidden=1", **columns):
    """Members of a shape with so many edges whose errors are functions of the parameters N."""
    rows = [
        {
            "suite": "s", "task": task, "same_as": "", "method": f"KAN BSpline intervals={grid} hidden=1",
            "curve": curve, "budget": (n := edges * (grid + 3)), "params": n, "basis": "", "lr": np.nan, "seed": seed,
            "status": "ok", "protocol": "p", "val_rel_l2": 0.1, "cell": f"{task}{curve}{grid}", "stopped": "converged",
            "score": test(n) * 1.1**seed, "train_rel_l2": (train or test)(n) * 1.1**seed,
        } | columns
        for grid in GRIDS for seed in range(3)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(budget=lambda frame: frame.budget.astype("Int64"))


@pytest.mark.parametrize("exponent", [0.5, 4.0])
def test_every_task_has_the_exponent_of_its_own_sizes(exponent):
    frame = pd.concat([members(lambda n: n**-exponent), members(lambda n: 1.0 / n, task="u", edges=26)])
    table = slopes_by_task(frame.reset_index(drop=True))
    assert table.task.tolist() == ["t"] * 4 + ["u"] * 4
    assert set(table.method) == {"KAN BSpline hidden=1"}
    assert table.smaller.tolist()[:4] == [18.0, 24.0, 39.0, 69.0]
    np.testing.assert_allclose(table.slope[:4], exponent, rtol=1e-9)
    np.testing.assert_allclose(table.train_slope[4:], 1.0, rtol=1e-9)
    assert (table.bound == "").all()


def test_the_bound_says_rows_where_test_and_training_part_and_the_slope_is_given_all_the_same():
    table = slopes_by_task(members(lambda n: n**-4.0 + 1e-7, lambda n: n**-4.0))
    assert table.bound.tolist() == ["", "", "rows: test and training error part", "rows: test and training error part"]
    assert table.slope.is_monotonic_decreasing
    np.testing.assert_allclose(table.train_slope, 4.0)


def test_members_that_are_stuck_or_at_the_cap_are_counted_at_the_larger_size():
    frame = members(lambda n: n**-2.0)
    frame.loc[(frame.params == 24) & (frame.seed == 1), "stopped"] = "cap"
    frame.loc[(frame.params == 69) & (frame.seed == 0), ["score", "train_rel_l2"]] = 0.9
    table = slopes_by_task(frame)
    assert table.bound.tolist() == ["steps: 1 of 3 were still improving", "", "optimization: 1 of 3 is stuck", ""]
    frame.loc[(frame.params == 69) & (frame.seed == 0), "score"] = 0.0
    assert slopes_by_task(frame).slope.isna().tolist() == [False, False, True, True]


def test_a_method_at_other_sizes_stands_beside_a_curve_and_not_without_one():
    mlp = members(lambda n: 1.0 / n).assign(method="MLP tanh", curve="", cell="m").query("budget > 20")
    mlp["cell"] = "m" + mlp.budget.astype(str)
    both = pd.concat([members(lambda n: n**-2.0), mlp], ignore_index=True)
    assert Result.of(both).methods == ["KAN BSpline hidden=1", "MLP tanh"]
    assert slopes_by_task(both).groupby("method").size().tolist() == [4, 3]
    with pytest.raises(ValueError, match="budgets differ"):
        check_protocol(both.drop(columns="curve"))
    assert by_curve(by_curve(both)).equals(by_curve(both))
