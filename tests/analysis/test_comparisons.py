"""Tables of answers, on frames whose answers are known."""

import numpy as np
import pandas as pd
import pytest

from kanbench.analysis import summarize
from kanbench.analysis.comparisons import (
    aggregations,
    best_of,
    failures,
    not_worse,
    pair_tests,
    ranking,
)
from kanbench.analysis.scores import scores_by_budget

TASKS = [f"t{i}" for i in range(8)]


def study(factors, budgets=(50,), tasks=TASKS, seeds=4, exponent=1.0):
    """Methods whose errors are a factor times a power of the budget times the task's difficulty; seeds by 1 %."""
    rows = [
        {
            "suite": "s", "task": task, "same_as": "", "method": method, "budget": budget, "params": budget + 1,
            "basis": method.split()[1] if method.startswith("KAN") else "",
            "aggregation": "mean" if "mean" in method else "sum" if method.startswith("KAN") else "",
            "flops": 10 * budget, "seconds": 0.5, "seed": seed, "lr": np.nan, "status": "ok", "protocol": "p",
            "missed": False, "cell": f"{method}{task}{budget}", "val_rel_l2": 0.1,
            "score": factor * 10.0 ** -(i % 3) * float(budget) ** -exponent * 1.01**seed,
        }
        for method, factor in factors.items()
        for i, task in enumerate(tasks)
        for budget in budgets
        for seed in range(seeds)
    ]  # fmt: skip
    return pd.DataFrame(rows)


FACTORS = {"KAN Taylor": 1.0, "KAN Taylor mean": 2.0, "KAN RBF": 4.0, "MLP tanh": 1.05}


def test_the_ranking_puts_the_lowest_error_first_with_its_interval():
    table = ranking(study(FACTORS, seeds=3))
    assert table.method.tolist() == ["KAN Taylor", "MLP tanh", "KAN Taylor mean", "KAN RBF"]
    assert table.mean_rank.tolist() == [1, 2, 3, 4]
    # Difficulties 10^0 three times, 10^-1 three times, 10^-2 twice; without two at each end: -1, -1, -1, 0.
    best = table.iloc[0]
    assert best.iqm == pytest.approx(1.01 / 50 * 10**-0.75)
    assert best.error == pytest.approx(1.01 / 50 * 10 ** (-7 / 8))
    assert best.iqm_low <= best.iqm <= best.iqm_high
    assert (best.params, best.flops, best.seconds) == (51, 500, 0.5)


def test_a_method_that_is_skipped_on_most_tasks_takes_nothing_from_the_others():
    frame = study(FACTORS)
    small = (frame.method == "KAN RBF") & (frame.task != "t0")
    frame.loc[small, ["status", "score"]] = ["skipped", np.nan]
    frame = frame[(frame.method != "MLP tanh") | (frame.task != "t7")]  # a cell that is not there at all
    scores = scores_by_budget(frame)[50]
    assert scores.methods == ["KAN Taylor", "KAN Taylor mean", "MLP tanh"]
    assert [task for _, task in scores.tasks] == TASKS[:7]
    assert "KAN RBF" not in set(ranking(frame).method)
    summary = summarize(frame, "MLP tanh").set_index("method")
    assert np.isnan(summary.loc["KAN RBF", "error"])
    assert summary.loc["KAN RBF", ["win", "tie", "loss"]].isna().all()
    assert summary.loc["KAN Taylor", ["win", "tie", "loss"]].tolist() == [0, 7, 0]


def test_pairs_are_tested_over_tasks_and_few_tasks_are_refused():
    table = pair_tests(study(FACTORS)).set_index(["first", "second"])
    assert len(table) == 6
    pair = table.loc[("KAN RBF", "KAN Taylor")]
    assert pair.ratio == pytest.approx(4.0)
    assert (pair.win, pair.tie, pair.loss) == (0, 0, 8)
    assert pair.p == pytest.approx(2 / 2**8)
    assert pair.p_holm == pytest.approx(6 * 2 / 2**8)  # all six pairs agree on all eight tasks
    assert table.loc[("KAN Taylor", "MLP tanh")].tie == 8
    assert len(pair_tests(study(FACTORS), "MLP tanh")) == 3
    refused = pair_tests(study(FACTORS, tasks=TASKS[:5]))
    assert refused.reason.tolist() == ["5 tasks are too few for a test: at least 6 are needed for p under 0.05"]


def test_what_is_not_worse_than_the_best():
    assert not_worse(study({"KAN Taylor": 1.0, "KAN RBF": 4.0}), 50) == {"KAN Taylor"}
    frame = study({"KAN Taylor": 1.0, "KAN RBF": 1.0})
    frame.loc[(frame.method == "KAN RBF") & frame.task.isin(TASKS[:4]), "score"] *= 1.01
    frame.loc[(frame.method == "KAN RBF") & frame.task.isin(TASKS[4:]), "score"] /= 1.01
    assert not_worse(frame, 50) == {"KAN Taylor", "KAN RBF"}
    assert not_worse(study(FACTORS, tasks=TASKS[:2]), 50) == {"KAN Taylor"}


def test_failures_are_counted_with_their_interval_and_skips_apart():
    frame = study(FACTORS)
    of_rbf = frame.index[frame.method == "KAN RBF"]
    frame.loc[of_rbf[:3], "status"] = "diverged"
    frame.loc[of_rbf[3:5], "status"] = "skipped"
    row = failures(frame).iloc[0]
    assert (row.method, row.members, row.failed, row.skipped) == ("KAN RBF", 30, 3, 2)
    assert row.rate == pytest.approx(3 / 30)
    assert row.rate_low < 3 / 30 < row.rate_high


def test_sum_against_mean_is_paired_by_everything_else():
    table = aggregations(study(FACTORS | {"KAN RBF mean": 1.0, "KAN Taylor mean depth=2": 9.0}, (50, 100)))
    assert list(table.method) == ["KAN Taylor", "KAN RBF"]
    assert table.ratio.tolist() == pytest.approx([2.0, 0.25])
    assert table.pairs.tolist() == [16, 16]
    assert table.loss.tolist() == [16, 0]
    assert table.p_holm.tolist() == pytest.approx([4 / 2**8] * 2)


def test_more_seeds_to_choose_from_give_a_lower_error():
    table = best_of(scores_by_budget(study({"KAN Taylor": 1.0}, tasks=TASKS[:1], seeds=3))[50])
    assert table.iloc[0, 1:].tolist() == pytest.approx([(1 + 1.01 + 1.0201) / 150, (1 + 1 + 1.01) / 150, 1 / 50])
