"""What a record becomes on W&B, on a record that is small enough for a pencil."""

import dataclasses
from itertools import pairwise

import pytest

from kanbench.analysis import load_records
from kanbench.loggers.content import POINTS, aggregate, flat, thinned, training
from kanbench.report.result import Result
from kanbench.store.record import CellRecord, RecordStore


def member(seed, error, status="ok", lr=None):
    return {
        "experiment": "e", "suite": "s", "task": "t", "method": "KAN RBF", "basis": "RBF", "aggregation": "sum",
        "activation": "", "budget": 50, "params": 49, "commit": "c", "cell": "k", "seed": seed, "lr": lr,
        "status": status, "reason": "", "evaluations": 10 * (seed + 1), "seconds": 0.5, "peak_memory_bytes": 7,
        "val_rel_l2": error, "test_rel_l2": error and 2 * error,
    }  # fmt: skip


def record(members, curve=None, **changes):
    cell = {
        "task": {"name": "t", "formula": "x"}, "sizes": {"train": 9}, "seeds": [0, 1, 2],
        "method": {"type": "KANMethod", "basis": {"type": "RBF", "centres": 5}}, "optimizer": {"steps": 3},
    }  # fmt: skip
    curve = curve or {"steps": [10, 20], "validation_mse": [[4.0, 3.0, None], [2.0, 5.0, None]]}
    return CellRecord("k", members, curve, cell | changes, {"torch": "2"})


NO_CURVE = {"steps": [], "validation_mse": []}
THREE = [member(0, 0.3), member(1, 0.1), member(2, 0.2)]


def test_the_config_is_flat_and_holds_switches_data_seeds_and_versions():
    config = training(record(THREE), "study", "p").config
    assert not any(isinstance(value, dict) for value in config.values())
    expected = {
        "method": "KAN RBF", "basis": "RBF", "aggregation": "sum", "budget": 50, "params": 49, "commit": "c",
        "seeds": [0, 1, 2], "rates": [], "method_basis_centres": 5, "optimizer_steps": 3, "environment_torch": "2",
    }  # fmt: skip
    assert expected.items() <= config.items()
    assert not {"seed", "val_rel_l2", "seconds", "status"} & set(config)


def test_data_are_named_by_what_they_are_drawn_from_and_by_nothing_else():
    def data(**changes):
        return training(record(THREE, **changes), "study", "p").config["data"]

    assert data() == data(method={"type": "MLPMethod"})
    assert len({data(), data(seeds=[0, 1, 3]), data(sizes={"train": 8}), data(task={"formula": "y"})}) == 4


def test_the_summary_holds_final_and_best_values():
    summary = training(record(THREE), "study", "p").summary
    assert summary["test_rel_l2/median"] == 0.4
    assert (summary["val_rel_l2/min"], summary["val_rel_l2/max"]) == (0.1, 0.3)
    assert (summary["best/seed"], summary["best/test_rel_l2"]) == (1, 0.2)
    assert summary["validation_mse/final"] == pytest.approx((2.0 + 5.0) / 2)
    assert summary["validation_mse/best"] == pytest.approx((2.0 + 3.0) / 2)
    assert summary["evaluations/max"] == 30


def test_the_best_member_is_chosen_by_the_metric_of_its_record():
    other = {"metric": "nrmse", "val_rel_l2": 0.5, "test_rel_l2": 0.5}
    members = [member(seed, 0.0) | other | {"val_nrmse": e, "test_nrmse": 3 * e} for seed, e in enumerate((2.0, 1.0))]
    summary = training(record(members, NO_CURVE), "study", "p").summary
    assert (summary["best/seed"], summary["best/val_nrmse"], summary["best/test_nrmse"]) == (1, 1.0, 3.0)


def test_members_that_are_not_ok_are_counted_and_leave_the_medians_alone():
    summary = training(
        record([member(0, 0.3), member(1, 9.0, "diverged"), member(2, None, "failed")]), "study", "p"
    ).summary
    assert (summary["members/ok"], summary["members/diverged"], summary["val_rel_l2/max"]) == (1, 1, 0.3)
    failed = training(record([member(0, None, "failed")], NO_CURVE), "study", "p")
    assert failed.failed
    assert failed.summary["members/failed"] == 1
    assert "test_rel_l2/median" not in failed.summary


def test_learning_curves_are_named_by_seed_and_rate_and_leave_out_what_is_not_finite():
    content = training(record([member(0, 0.3, lr=0.01), member(0, 0.2, lr=0.1), member(1, 0.1)]), "study", "p")
    assert content.history == [
        (10, {"validation_mse/seed_0_lr_0.01": 4.0, "validation_mse/seed_0_lr_0.1": 3.0, "validation_mse/median": 3.5}),
        (20, {"validation_mse/seed_0_lr_0.01": 2.0, "validation_mse/seed_0_lr_0.1": 5.0, "validation_mse/median": 3.5}),
    ]


def test_learning_curves_have_a_bounded_number_of_points_evenly_apart():
    steps = list(range(0, 50_000, 10))
    curve = {"steps": steps, "validation_mse": [[1.0] * 3] * len(steps), "layers": {"norm": [[1.0]] * len(steps)}}
    logged = [step for step, _ in training(record(THREE, curve), "study", "p").history]
    assert len(logged) == POINTS
    assert (logged[0], logged[-1]) == (0, 49_990)
    gaps = {b - a for a, b in pairwise(logged)}
    assert max(gaps) - min(gaps) <= 10
    assert thinned(3, 100) == [0, 1, 2]
    assert thinned(0, 100) == []


def test_ids_follow_from_study_cell_and_fate():
    good = record(THREE)
    ids = [
        training(good, "study", "p").id,
        training(good, "other", "p").id,
        training(good, "study", "q").id,
        training(dataclasses.replace(good, key="l"), "study", "p").id,
        training(record([member(0, None, "failed")], NO_CURVE), "study", "p").id,
    ]
    assert len(set(ids)) == 5
    assert training(record(THREE), "study", "p").id == ids[0]


def test_flat_joins_keys():
    assert dict(flat({"a": {"b": {"c": 1}}, "d": [2]}, "x")) == {"x_a_b_c": 1, "x_d": [2]}


def report(folder, noise, methods=("KAN RBF", "MLP tanh")):
    """Of a run under one noise: a task, two seeds, errors 0.1, 0.2, .. method by method."""
    store = RecordStore(folder / "cells")
    store.prepare()
    for i, method in enumerate(methods, start=1):
        facts = {
            "method": method, "same_as": "", "cell": f"{method} {noise}", "missed": False, "protocol": f"p{noise}",
            "train_size": 1000, "noise": noise, "extrapolation": 0.0,
        }  # fmt: skip
        store.write(CellRecord(f"{i}", [member(seed, i / 20) | facts for seed in (0, 1)], NO_CURVE, {}, {}))
    records = load_records(folder)
    return Result.of(records)


def test_every_level_of_a_sweep_has_an_aggregate_that_names_it(tmp_path):
    clean, noisy = (aggregate(report(tmp_path / f"{noise}", noise), "e", "p", "c") for noise in (0.0, 0.05))
    assert clean.name == "KAN RBF | MLP tanh on s, training rows 1,000"
    assert noisy.name == "KAN RBF | MLP tanh on s, training rows 1,000, noise 0.05"
    assert (clean.config["noise"], noisy.config["noise"], noisy.config["train_size"]) == (0.0, 0.05, 1000.0)
    assert clean.id != noisy.id
    assert clean.summary["answer"].startswith("KAN RBF and MLP tanh cannot be told apart on 1 task")
    assert clean.summary["error/MLP tanh"] == 0.2
    many = aggregate(report(tmp_path / "many", 0.05, [f"KAN {letter * 20}" for letter in "abcdefgh"]), "e", "p", "c")
    assert len(many.name) == 120
    assert many.name.endswith(" on s, training rows 1,000, noise 0.05")
