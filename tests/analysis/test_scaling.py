"""Local slopes: those of a power law are its exponent, and what overfits is refused."""

import numpy as np
import pandas as pd
import pytest

from kanbench.analysis.scaling import local_slope, slopes

BUDGETS = (50, 100, 200, 400, 1000)


def members(test, train=None, budgets=BUDGETS, method="KAN Taylor", tasks=6, seeds=3):
    """Members whose errors are functions of the parameters N, on tasks of different difficulty and size."""
    rows = [
        {
            "suite": "s", "task": f"t{i}", "same_as": "", "method": method, "budget": budget, "basis": "", "lr": np.nan,
            "params": (n := budget + 1 + i), "seed": seed, "status": "ok", "protocol": "p", "val_rel_l2": 0.1,
            "cell": f"{method}{i}{budget}", "score": 10.0**-i * test(n) * 1.1**seed,
            "train_rel_l2": 10.0**-i * (train or test)(n) * 1.1**seed,
        }
        for i in range(tasks) for budget in budgets for seed in range(seeds)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(budget=lambda frame: frame.budget.astype("Int64"))


@pytest.mark.parametrize("exponent", [0.5, 2.0, 4.0, -1.0])
def test_the_slopes_of_a_power_are_its_exponent_whatever_the_sizes_of_tasks_are(exponent):
    table = slopes(members(lambda n: 1e-4 * n**-exponent))
    assert len(table) == 4
    np.testing.assert_allclose(table.slope, exponent, rtol=1e-9)
    np.testing.assert_allclose(table.train_slope, exponent, rtol=1e-9)
    np.testing.assert_allclose(table.gap, 1.0)
    assert table.smaller.tolist() == [53.5, 103.5, 203.5, 403.5]  # medians over tasks
    assert (table.reason == "").all()


def test_no_floor_is_fitted_a_curve_that_flattens_has_smaller_slopes():
    table = slopes(members(lambda n: n**-2.0 + 1e-5))
    assert table.slope.is_monotonic_decreasing
    assert table.slope.iloc[0] < 2.0
    assert table.slope.iloc[-1] < 0.5


def test_the_slope_is_refused_where_test_and_training_error_part_and_the_training_error_keeps_its_own():
    assert slopes(members(lambda n: n**-2.0, lambda n: n**-2.0 / 1.9)).slope.notna().all()
    table = slopes(members(lambda n: 1e-3 / n, lambda n: 1e-3 / n * (1.0 if n < 300 else 0.4)))
    assert table.slope.notna().tolist() == [True, True, False, False]
    assert table.reason.iloc[2] == "the test error is 2.5 times the training error at 404 parameters"
    assert table.gap.iloc[2] == pytest.approx(2.5)
    assert table.train_slope.notna().all()


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (members(lambda n: 1 / n, budgets=BUDGETS[:4]), "4 sizes are too few for a slope: at least 5 are needed"),
        (members(lambda n: 1 / n, budgets=(100, 200, 300, 400, 500)), "sizes from 104 to 504 are less than a decade"),
    ],
)
def test_few_sizes_are_one_row_with_the_reason(frame, reason):
    table = slopes(frame)
    assert table.reason.tolist() == [reason]
    assert table.slope.isna().all()


def test_older_records_without_training_errors_have_no_slope_of_the_test_error():
    table = slopes(members(lambda n: 1 / n).drop(columns="train_rel_l2"))
    assert table.slope.isna().all()
    assert table.train_slope.isna().all()
    assert table.reason.str.startswith("no training errors are known").all()


def test_an_error_of_zero_is_refused_and_so_are_budgets_that_share_no_task():
    frame = members(lambda n: 1 / n)
    frame.loc[(frame.budget == 100) & (frame.task == "t0") & (frame.seed == 0), "score"] = 0.0
    assert slopes(frame).reason.tolist() == ["an error of zero has no logarithm"] * 2 + [""] * 2
    one = members(lambda n: 1 / n)
    assert slopes(one[(one.budget == 50) ^ (one.task == "t0")]).reason.tolist() == [
        "no task was trained at every budget"
    ]


def test_budgets_that_give_the_same_models_have_no_slope_between_them():
    frame = members(lambda n: 1 / n)
    frame.loc[frame.budget == 100, "params"] = frame.params[frame.budget == 50].to_numpy()
    table = slopes(frame)
    assert table.reason.iloc[0] == "both sizes are the same"
    assert table.slope.isna().tolist() == [True, False, False, False]


def test_a_method_that_is_constant_over_tasks_and_seeds_has_a_point_for_an_interval():
    frame = members(lambda n: n**-1.5)
    table = slopes(frame)
    np.testing.assert_allclose(table.slope_low, 1.5, rtol=1e-9)
    np.testing.assert_allclose(table.slope_high, 1.5, rtol=1e-9)


def test_the_interval_over_tasks_and_seeds_covers_the_mean_slope_of_the_population():
    """Slopes of tasks scatter by 0.5 about 1.5, seeds by a third: intervals over seeds alone would be far too short."""
    generator = np.random.default_rng(0)
    sizes = np.stack([np.linspace(80.0, 120.0, 8), np.linspace(190.0, 210.0, 8)])
    covered, trials = 0, 200
    for _ in range(trials):
        of_task = generator.normal(1.5, 0.5, size=(8, 1))
        logs = -of_task * np.log(sizes)[:, :, None] + generator.normal(0.0, 0.3, size=(2, 8, 5))
        interval = local_slope(sizes, np.exp(logs), generator)
        covered += interval.low <= 1.5 <= interval.high
    assert covered / trials >= 0.92
