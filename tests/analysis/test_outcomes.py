"""What stands beside an error, counted by hand."""

import numpy as np
import pandas as pd
import pytest

from kanbench.analysis import summarize, wilson
from kanbench.analysis.comparisons import ranking
from kanbench.analysis.outcomes import OUTCOMES, outcomes

TASKS = [("s", "t0"), ("s", "t1")]
# By task and seed: error on test, error on training, R^2 on test, how it ended.
MEMBERS = {
    "t0": [(0.01, 0.001, 0.9999, "converged"), (0.02, 0.002, 0.9996, "cap"), (0.6, 0.5, 0.64, "no step helps")],
    "t1": [(0.04, 0.01, 0.9984, "cap"), (0.08, 0.04, 0.9936, "cap"), (0.09, 0.09, 0.9919, "converged")],
}


def frame(method="KAN Taylor", **changes):
    rows = [
        {
            "suite": "s", "task": task, "same_as": "", "method": method, "budget": 50, "params": 51, "seed": seed,
            "basis": "", "lr": np.nan, "status": "ok", "protocol": "p", "cell": f"{method}{task}", "missed": False,
            "flops": 9.0, "seconds": 1.0, "val_rel_l2": 0.1, "score": test, "test_rel_l2": test, "train_rel_l2": train,
            "test_r2": r2, "stopped": stopped,
        } | changes
        for task, of_task in MEMBERS.items() for seed, (test, train, r2, stopped) in enumerate(of_task)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(budget=lambda each: each.budget.astype("Int64"))


def test_the_outcomes_of_six_members_by_hand():
    found = outcomes(frame(), TASKS)["KAN Taylor"]
    assert found["train"] == pytest.approx(np.sqrt(0.002 * 0.04))
    assert found["gap"] == pytest.approx(np.sqrt(0.02 * 0.08) / np.sqrt(0.002 * 0.04))
    assert found["solved"] == 0.5  # the medians are 0.9996 and 0.9936
    assert (found["solved_low"], found["solved_high"]) == (wilson(1, 2).low, wilson(1, 2).high)
    assert found["at_cap"] == pytest.approx(3 / 6)
    assert found["stuck"] == pytest.approx(1 / 6)


def test_members_that_failed_are_stuck_at_the_error_of_the_constant_on_both_splits():
    members = frame()
    failed = (members.task == "t0") & (members.seed < 2)
    members.loc[failed, ["status", "score", "train_rel_l2", "test_r2", "stopped"]] = [
        "diverged",
        1.0,
        np.nan,
        np.nan,
        "",
    ]
    found = outcomes(members, TASKS)["KAN Taylor"]
    assert found["train"] == pytest.approx(np.sqrt(1.0 * 0.04))
    assert found["solved"] == 0.0
    assert found["at_cap"] == pytest.approx(2 / 4)  # of those that say how they ended
    assert found["stuck"] == pytest.approx(3 / 6)


def test_the_ranking_and_the_summary_have_the_outcomes_and_leave_out_what_no_record_says():
    both = pd.concat([frame(), frame("MLP tanh")], ignore_index=True)
    for table in (ranking(both), summarize(both)):
        assert set(OUTCOMES) <= set(table)
        assert table.at_cap.tolist() == [0.5, 0.5]
    old = both.drop(columns=["stopped", "test_r2"])
    for table in (ranking(old), summarize(old)):
        assert set(OUTCOMES) & set(table) == {"train", "gap", "stuck"}


def test_references_are_not_called_stuck_and_classes_have_no_r2():
    constant = frame("constant", budget=pd.NA, stopped="", score=1.0)
    found = outcomes(constant, TASKS)["constant"]
    assert np.isnan(found["stuck"])
    assert np.isnan(found["at_cap"])
    of_classes = frame(metric="rel_cross_entropy", test_rel_cross_entropy=0.1, train_rel_cross_entropy=0.05)
    found = outcomes(of_classes, TASKS)["KAN Taylor"]
    assert found["train"] == pytest.approx(0.05)
    assert np.isnan(found["solved"])
