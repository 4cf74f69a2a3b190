"""Networks beside classical solvers, on records that a pencil can follow."""

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from kanbench.analysis.kinds import OF_SOLUTIONS
from kanbench.analysis.load import COLUMNS
from kanbench.analysis.solvers import beside_solvers
from kanbench.analysis.summary import summarize
from kanbench.report.against import Kept
from kanbench.report.result import Result
from kanbench.report.solvers import add_solvers
from kanbench.report.terminal import print_summary

NETWORKS = {("MLP tanh", 50): ([3e-3, 2e-3, 5e-3], 2.0), ("KAN RBF", 50): ([1e-2, 2e-2, 9e-3], 0.3)}
SOLVERS = {  # error and seconds
    ("finite differences", 50): (4e-2, 0.01),
    ("spectral collocation", 50): (1e-2, 0.02),
    ("finite differences", 400): (6e-4, 0.25),
    ("spectral collocation", 400): (1e-9, 1.5),
    ("finite differences", 800): (2e-4, 0.5),
    ("spectral collocation", 800): (1e-13, 2.5),
}


def row(method, seed, score, seconds, **other):
    return dict.fromkeys(COLUMNS, np.nan) | {
        "suite": "pde", "task": "poisson", "same_as": "", "method": method, "seed": seed, "score": score, "flops": 1,
        "seconds": seconds, "status": "ok", "protocol": "p", "val_rel_l2": score, "missed": False, "basis": "",
        "aggregation": "", "cell": f"{method}{other}", "metric": "rel_l2",
    } | other  # fmt: skip


@pytest.fixture
def frame():
    trained = [
        row(method, seed, error, seconds * (1 + seed), budget=budget, params=budget)
        for (method, budget), (errors, seconds) in NETWORKS.items()
        for seed, error in enumerate(errors)
    ]
    solved = [
        row(method, seed, error, seconds, unknowns=unknowns, params=unknowns)
        for (method, unknowns), (error, seconds) in SOLVERS.items()
        for seed in range(3)
    ]
    return pd.DataFrame(trained + solved)


def test_solvers_stand_beside_each_network_at_equal_unknowns_and_at_equal_seconds(frame):
    found = beside_solvers(frame).set_index("method")
    mlp, kan = found.loc["MLP tanh"], found.loc["KAN RBF"]
    assert (mlp.error, mlp.seconds, kan.error, kan.seconds) == (3e-3, 4.0, 1e-2, 0.6)
    assert (mlp.equal_solver, mlp.equal_error, mlp.equal_seconds) == ("spectral collocation", 1e-2, 0.02)
    assert (mlp.timed_solver, mlp.timed_unknowns, mlp.timed_error) == ("spectral collocation", 800, 1e-13)
    assert (kan.timed_solver, kan.timed_unknowns, kan.timed_error) == ("finite differences", 800, 2e-4)


def test_further_unknowns_take_no_part_in_the_comparison_at_equal_parameters(frame):
    every, few = summarize(frame), summarize(frame[~(frame.unknowns > 50)])
    pd.testing.assert_frame_equal(every, few)
    assert set(every[every.reference].params) == {50}


def test_the_table_has_the_best_network_of_each_equation(frame):
    kept = Kept()
    add_solvers(kept, Result.of(frame))
    (of_mlp,) = kept.tables["solvers"].rows
    assert of_mlp[:7] == ["poisson", "MLP tanh", "3.00e-3", "4", "spectral collocation", "1.00e-2", "0.02"]
    assert of_mlp[7:] == ["spectral collocation", "800", "1.00e-13", "2.5"]


def test_a_solver_that_is_slower_than_every_network_is_not_counted(frame):
    slow = frame.assign(seconds=frame.seconds.where(frame.unknowns.isna(), 100.0))
    found = beside_solvers(slow)
    assert set(found.timed_solver) == {""}
    assert found.timed_error.isna().all()
    assert beside_solvers(frame.drop(columns="unknowns")).empty


def test_an_equation_whose_fixed_shape_has_fewer_parameters_keeps_its_row(frame):
    smaller = frame[~(frame.unknowns > 50)].assign(task="poisson_1d")
    smaller[["budget", "unknowns"]] = smaller[["budget", "unknowns"]].where(smaller[["budget", "unknowns"]].isna(), 40)
    kept = Kept()
    add_solvers(kept, Result.of(pd.concat([frame, smaller.assign(cell=smaller.cell + "1d")])))
    assert [row[:2] for row in kept.tables["solvers"].rows] == [["poisson", "MLP tanh"], ["poisson_1d", "MLP tanh"]]
    assert "at the largest budget of each equation, 40 to 50 parameters" in kept.tables["solvers"].caption


def test_failed_members_of_equations_count_as_zero_and_training_errors_are_those_of_residuals(frame, capsys):
    failed = frame.assign(measure=OF_SOLUTIONS, train_rel_l2=1e-3, stopped="cap", test_r2=0.9)
    failed.loc[0, ["status", "score"]] = ["diverged", 1.0]
    print_summary(Console(width=400), Result.of(failed))
    said = capsys.readouterr().out
    assert "each scored as u = 0: 1 at 50" in said
    assert "train: that of the residual on training rows" in said
    assert "constant" not in said
