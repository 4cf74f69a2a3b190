"""A cell from config to record."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from kanbench.analysis import load_records
from kanbench.bases import BSpline, Chebyshev
from kanbench.cells import Cell, Execution, Precision, Vary, run_cell, unfinished
from kanbench.cells import train as work_module
from kanbench.cells.cost import forward_flops, peak_memory
from kanbench.cells.train import _generator, _start
from kanbench.data import Conditions, FormulaTask, Shares, SplitSizes, Variable, grade, load_suite, sample
from kanbench.data import grading as outcome_module
from kanbench.data.table import table_task
from kanbench.methods import REFERENCES, BudgetTooSmall, KANMethod, MLPMethod
from kanbench.store.record import RecordStore
from kanbench.training import Adam, LevenbergMarquardt

CELL = Cell(
    experiment="test",
    suite="feynman",
    task=load_suite("feynman").task("I.27.6"),
    method=MLPMethod(depth=1),
    budget=30,
    seeds=(0, 1),
    optimizer=LevenbergMarquardt(steps=20),
    sizes=SplitSizes(100, 100, 200),
    precision=Precision.double,
)
MEASURED = {"seconds", "peak_memory_bytes"}


def change(**fields):
    return dataclasses.replace(CELL, **fields)


def facts(record):
    return [{k: v for k, v in member.items() if k not in MEASURED} for member in record.members]


def test_the_same_cell_gives_the_same_numbers_to_the_last_bit():
    first, second = run_cell(CELL), run_cell(CELL)
    assert facts(first) == facts(second)
    assert first.curve == second.curve


def test_a_seed_reaches_the_same_in_any_company():
    both, alone = run_cell(CELL), run_cell(change(seeds=(1,)))
    one, other = both.members[1], alone.members[0]
    assert (one["seed"], other["seed"]) == (1, 1)
    assert one["test_rel_l2"] == pytest.approx(other["test_rel_l2"], rel=1e-8)


def test_the_test_split_has_no_part_in_training():
    small, large = run_cell(CELL), run_cell(change(sizes=SplitSizes(100, 100, 999)))
    for ours, theirs in zip(small.members, large.members, strict=True):
        assert ours["train_rmse"] == theirs["train_rmse"]
        assert ours["val_rmse"] == theirs["val_rmse"]
        assert ours["test_rmse"] != theirs["test_rmse"]


def test_the_trainer_never_gets_the_test_split_which_is_graded_once_per_member(monkeypatch):
    given, graded = [], []
    real_fit, real_grade = work_module.fit, outcome_module.grade

    def spy_fit(module, *splits, **settings):
        assert not graded
        given.extend(np.concatenate([x.numpy().ravel(), y.numpy().ravel()]) for x, y in splits)
        assert not settings.keys() & {"test", "datasets"}
        return real_fit(module, *splits, **settings)

    def spy_grade(prediction, target, mean):
        graded.append(target)
        return real_grade(prediction, target, mean)

    monkeypatch.setattr(work_module, "fit", spy_fit)
    monkeypatch.setattr(outcome_module, "grade", spy_grade)
    run_cell(CELL)
    tests = [dataset.test for dataset in CELL.datasets().values()]
    assert [part.size for part in given] == [2 * 100 * 3, 2 * 100 * 3]  # members, rows, two inputs and a target
    for test in tests:
        assert not np.isin(test.x.ravel(), np.concatenate(given)).any()
        assert sum(np.array_equal(test.y, target) for target in graded) == 1


def test_members_are_seeds_times_rates_and_each_is_graded():
    record = run_cell(change(optimizer=Adam(steps=50, rates=(1e-3, 1e-2), doublings=0)))
    assert [(m["seed"], m["lr"]) for m in record.members] == [(0, 1e-3), (0, 1e-2), (1, 1e-3), (1, 1e-2)]
    assert len({m["test_rel_l2"] for m in record.members}) == 4
    assert {m["evaluations"] for m in record.members} == {50}
    assert all(m["params"] == CELL.sizing.params == 29 for m in record.members)


def test_divergence_is_a_status_with_a_reason():
    # One step of this length throws every member far off.
    record = run_cell(change(optimizer=Adam(steps=1, check_every=1, rates=(50.0,))))
    assert {m["status"] for m in record.members} == {"diverged"}
    assert all("worse than a constant" in m["reason"] for m in record.members)


def test_a_member_whose_loss_was_never_finite_has_diverged():
    # Steps of 1e300 overflow in the first product.
    record = run_cell(change(optimizer=Adam(steps=2, check_every=1, rates=(1e300,))))
    assert {(m["status"], m["reason"]) for m in record.members} == {("diverged", "the loss was never finite")}


def test_a_budget_that_no_width_fits_is_refused_with_the_least():
    with pytest.raises(BudgetTooSmall, match="smallest model has 26"):
        run_cell(change(method=KANMethod(1, basis=BSpline(intervals=5)), budget=20))
    record = unfinished(change(method=KANMethod(1, basis=BSpline(intervals=5)), budget=20), "skipped", "why")
    assert [(m["seed"], m["status"], m["reason"]) for m in record.members] == [
        (0, "skipped", "why"),
        (1, "skipped", "why"),
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"budget": 31},
        {"seeds": (0, 2)},
        {"method": MLPMethod(depth=2)},
        {"method": KANMethod(basis=Chebyshev())},
        {"optimizer": LevenbergMarquardt(steps=21)},
        {"sizes": SplitSizes(101, 100, 200)},
        {"precision": Precision.single},
        {"conditions": Conditions(noise=0.1)},
        {"conditions": Conditions(extrapolation=0.2)},
        {"vary": Vary.initialization},
        {"task": load_suite("feynman").task("I.16.6")},
        {"task": dataclasses.replace(CELL.task, variables=(*CELL.task.variables[:1], Variable("b", 0.5, 2.1)))},
    ],
    ids=str,
)
def test_the_key_changes_with_whatever_the_numbers_depend_on(fields):
    assert change(**fields).key != CELL.key


def test_the_key_does_not_change_with_where_a_cell_is_filed():
    assert change(task=dataclasses.replace(CELL.task, same_as="x")).key != CELL.key  # comparisons depend on it
    renamed = change(experiment="other", suite="mine", task=dataclasses.replace(CELL.task, note="n", source="s"))
    assert renamed.key == CELL.key


def test_cells_that_are_older_than_an_axis_keep_their_key():
    described = CELL.describe()
    assert "conditions" not in described
    assert "vary" not in described
    assert "conditions" in change(conditions=Conditions(noise=0.1)).describe()


def parts_of(cell):
    """What the two seeds of a cell draw: their data, initial weights and batch orders."""
    data = [cell.datasets()[seed].train.x for seed in cell.seeds]
    starts = [torch.randn(5, generator=_start(cell, seed)[0]).numpy() for seed in cell.seeds]
    orders = [torch.randn(5, generator=_generator(seed, Vary.order, cell)).numpy() for seed in cell.seeds]
    return {"data": data, "initialization": starts, "order": orders}


@pytest.mark.parametrize("vary", Vary)
def test_seeds_differ_in_what_is_to_vary_and_the_rest_is_that_of_the_first(vary):
    of_all, parts = parts_of(CELL), parts_of(change(vary=vary))
    for purpose, (first, second) in parts.items():
        np.testing.assert_array_equal(first, of_all[purpose][0])
        expected = of_all[purpose][1 if vary.name in ("all", purpose) else 0]
        np.testing.assert_array_equal(second, expected)
        assert not np.array_equal(*of_all[purpose])


def test_seeds_of_one_data_set_reach_different_minima_of_it():
    record = run_cell(change(vary=Vary.initialization, method=KANMethod(1, basis=BSpline(intervals=5)), budget=60))
    assert len({member["test_rel_l2"] for member in record.members}) == 2
    constant = run_cell(change(vary=Vary.initialization, method=REFERENCES["regression"][0], budget=0))
    assert len({member["test_rmse"] for member in constant.members}) == 1


def test_a_table_trains_as_a_formula_does_and_its_rows_are_not_in_the_record():
    x = np.random.default_rng(0).uniform(0, 9, (200, 2))
    task = table_task("made", ("a", "b"), x, "y", np.sin(x[:, 0] / 3) + x[:, 1])
    record = run_cell(change(task=task, sizes=Shares()))
    assert all(m["status"] == "ok" and m["test_rel_l2"] < 0.1 and m["n_train"] == 120 for m in record.members)
    assert {"x", "y"}.isdisjoint(record.cell["task"])
    other = table_task("made", ("a", "b"), x + 1e-9, "y", task.y)
    assert change(task=other, sizes=Shares()).key != change(task=task, sizes=Shares()).key


def test_noise_reaches_the_training_and_not_the_grades_of_the_others():
    cell = change(method=REFERENCES["regression"][0], budget=0, sizes=SplitSizes(20_000, 100, 10_000))
    clean, noisy = (
        run_cell(cell).members[0],
        run_cell(dataclasses.replace(cell, conditions=Conditions(noise=1.0))).members[0],
    )
    assert noisy["train_rmse"] == pytest.approx(clean["train_rmse"] * math.sqrt(2), rel=0.03)
    assert noisy["test_rmse"] == pytest.approx(clean["test_rmse"], rel=0.01)


def test_flops_are_two_per_weight_and_row():
    model = MLPMethod(depth=1).build(2, 5, torch.Generator(), torch.float64)
    assert forward_flops(model, 2) == 2 * (2 * 5 + 5 * 1)


def test_single_precision_trains_too():
    record = run_cell(change(precision=Precision.single))
    assert all(m["status"] == "ok" and m["test_rel_l2"] < 0.2 for m in record.members)


def test_metrics_are_in_the_units_of_the_target():
    # y = 1000 + 0.001 x: a model that is nearly exact has a tiny RMSE whatever the offset.
    task = FormulaTask("offset", "1000+x/1000", (Variable("x", -1.0, 1.0),))
    record = run_cell(change(task=task))
    dataset = sample(task, 0, CELL.sizes)
    constant = grade(np.full(200, dataset.y_mean), dataset.test.y, dataset.y_mean)
    assert constant["rel_l2"] == 1.0
    assert record.members[0]["test_rmse"] < 0.05 * constant["rmse"]
    assert math.isclose(constant["rmse"], 0.001 / math.sqrt(3), rel_tol=0.1)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's account of resident memory")
def test_peak_memory_is_what_a_block_takes_whatever_went_before():
    def megabytes_of(numbers):
        with peak_memory(torch.device("cpu")) as memory:
            torch.ones(numbers, dtype=torch.float64)
        return memory.bytes / 1e6

    assert megabytes_of(10_000_000) == pytest.approx(80, rel=0.1)
    assert megabytes_of(2_500_000) == pytest.approx(20, rel=0.2)
    assert megabytes_of(10) < 2


def test_the_protocol_is_what_a_comparison_holds_fixed():
    for fields in (
        {"method": KANMethod(1, basis=BSpline(intervals=5))},
        {"budget": 60},
        {"task": load_suite("feynman").task("I.16.6")},
    ):
        assert change(**fields).protocol == CELL.protocol
    for fields in ({"seeds": (0, 2)}, {"optimizer": Adam()}, {"sizes": SplitSizes(9, 9, 9)}):
        assert change(**fields).protocol != CELL.protocol


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("optimizer", [LevenbergMarquardt(steps=20), Adam(steps=50, rates=(1e-2,), batch=32)])
def test_cuda_reaches_what_the_cpu_reaches(optimizer):
    cell = change(method=KANMethod(1, basis=BSpline(intervals=5)), budget=60, optimizer=optimizer)
    there, here = run_cell(cell, Execution(accelerator="cuda")), run_cell(cell)
    for ours, theirs in zip(there.members, here.members, strict=True):
        assert ours["test_rel_l2"] == pytest.approx(theirs["test_rel_l2"], rel=1e-3)


def test_a_reference_is_one_member_per_seed_whatever_the_rates_and_is_graded_like_any_other():
    adam = change(
        method=REFERENCES["regression"][1], budget=0, optimizer=Adam(steps=50, rates=(1e-3, 1e-2), doublings=0)
    )
    record = run_cell(adam)
    assert [(m["seed"], m["lr"], m["budget"]) for m in record.members] == [(0, None, None), (1, None, None)]
    assert {(m["method"], m["params"], m["flops"], m["width"], m["missed"]) for m in record.members} == {
        ("linear", 3, 4, 0, False)
    }
    assert adam.protocol == change(optimizer=adam.optimizer).protocol
    dataset = sample(CELL.task, 1, CELL.sizes)
    slopes = np.polynomial.polynomial.polyvander2d(*dataset.train.x.T, [1, 1])[:, :3]  # 1, x1, x0
    weights = np.linalg.lstsq(slopes, dataset.train.y)[0]
    predicted = np.polynomial.polynomial.polyvander2d(*dataset.test.x.T, [1, 1])[:, :3] @ weights
    expected = grade(predicted, dataset.test.y, dataset.y_mean)
    assert record.members[1]["test_rel_l2"] == pytest.approx(expected["rel_l2"], rel=1e-10)


def test_a_reference_that_is_worse_than_a_constant_has_not_diverged_and_is_scored_as_one(tmp_path):
    record = run_cell(change(method=REFERENCES["regression"][2], budget=0, conditions=Conditions(extrapolation=3.0)))
    assert all(member["test_rel_l2"] > 1.0 for member in record.members)
    assert {(member["status"], member["reason"]) for member in record.members} == {("ok", "")}
    store = RecordStore(tmp_path / "cells")
    store.prepare()
    store.write(record)
    assert load_records(tmp_path).score.tolist() == [1.0, 1.0]


def test_the_constant_reference_has_error_one_on_test():
    record = run_cell(change(method=REFERENCES["regression"][0], budget=0))
    assert [(m["test_rel_l2"], m["status"]) for m in record.members] == [(1.0, "ok")] * 2
