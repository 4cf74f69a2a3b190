"""From record files to the comparison, on records that are written by hand."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from kanbench.analysis import answers, choose_rates, load_records, summarize
from kanbench.analysis.comparisons import ranking
from kanbench.analysis.load import COLUMNS
from kanbench.report.figures.curves import loss_vs_parameters, small_multiples
from kanbench.report.figures.style import save
from kanbench.report.result import Result
from kanbench.report.terminal import print_summary
from kanbench.store.record import CellRecord, RecordStore


def member(method, task, budget, seed, error, **changes):
    basis = method.split()[1] if method.startswith("KAN") else ""
    facts = {
        "experiment": "e", "suite": "s", "task": task, "same_as": "", "method": method, "basis": basis,
        "aggregation": "sum" if basis else "", "activation": "", "depth": 1, "budget": budget,
        "params": (budget or 0) + 1, "width": 3, "flops": 10, "seed": seed, "lr": None,
        "optimizer": "LevenbergMarquardt", "evaluations": 9,
        "seconds": 0.5, "peak_memory_bytes": 7, "train_rel_l2": error, "val_rel_l2": error, "test_rel_l2": error,
        "test_rmse": error, "test_max_error": error, "test_r2": 1 - error**2, "status": "ok", "reason": "",
        "cell": f"{method}-{task}-{budget}".replace(" ", ""), "commit": "c", "budget_miss": 0.0, "missed": False,
        "protocol": "p",
    }  # fmt: skip
    return facts | changes


def frame(members, folder):
    store = RecordStore(folder / "cells")
    store.prepare()
    for key, group in pd.DataFrame(members).groupby("cell"):
        rows = [{k: None if pd.isna(v) else v for k, v in row.items()} for row in group.to_dict("records")]
        store.write(CellRecord(str(key), rows, {}, {}, {}))
    return load_records(folder)


def both(task, budget, kan, mlp, **changes):
    return [
        member(name, task, budget, seed, error, **changes)
        for name, errors in (("KAN Taylor", kan), ("MLP tanh", mlp))
        for seed, error in enumerate(errors)
    ]


def test_a_folder_of_records_is_one_tidy_frame(tmp_path):
    records = frame(both("a", 50, [0.1, 0.2], [0.3, 0.4]), tmp_path)
    assert list(records.columns[: len(COLUMNS)]) == COLUMNS
    assert len(records) == 4
    assert records.score.tolist() == [0.1, 0.2, 0.3, 0.4]
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_records(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["records.csv", "records.csv.gz"])
def test_a_table_of_records_is_read_as_the_folder_that_it_came_from(name, tmp_path):
    records = frame(both("a", 50, [0.1, 0.2], [0.3, 0.4]), tmp_path)
    (tmp_path / "published").mkdir()
    records.to_csv(tmp_path / "published" / name, index=False)
    for source in (tmp_path / "published" / name, tmp_path / "published"):
        again = load_records(source)
        pd.testing.assert_frame_equal(summarize(again, "MLP tanh"), summarize(records, "MLP tanh"), check_dtype=False)
        assert again.basis.tolist() == records.basis.tolist()


@pytest.mark.parametrize(("text", "sentence"), [("x\n1\n", "it has no column 'experiment'"), ("", "No columns")])
def test_a_file_that_is_no_table_of_records_is_said(text, sentence, tmp_path):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=rf"a\.csv: not a table of records.*{sentence}"):
        load_records(tmp_path / "a.csv")


def test_failures_are_scored_as_the_constant_predictor_and_skips_are_not_scored(tmp_path):
    members = [
        member("MLP tanh", "a", 50, 0, 3.5, status="diverged"),
        member("MLP tanh", "a", 50, 1, np.nan, status="failed"),
        member("MLP tanh", "b", 50, 0, np.nan, status="skipped"),
        member("MLP tanh", "b", 50, 1, 0.2),
    ]
    assert frame(members, tmp_path).score.tolist()[:2] == [1.0, 1.0]
    assert frame(members, tmp_path).score.isna().tolist() == [False, False, True, False]


def test_a_damaged_file_is_named_and_left_out(tmp_path, caplog):
    frame(both("a", 50, [0.1], [0.2]), tmp_path)
    path = next((tmp_path / "cells").glob("KAN*.json"))
    path.write_bytes(path.read_bytes()[:-5])
    assert load_records(tmp_path).method.tolist() == ["MLP tanh"]
    assert path.name in caplog.text


def test_the_summary_by_hand(tmp_path):
    members = both("a", 50, [0.1, 0.1, 0.1, 0.1, 0.3], [0.4] * 5) + both("b", 50, [0.4] * 5, [0.1, 0.1, 0.1, 0.2, 0.2])
    summary = summarize(frame(members, tmp_path), "MLP tanh").set_index("method")
    assert summary.loc["KAN Taylor", "error"] == pytest.approx(0.2)  # sqrt(0.1 * 0.4)
    assert summary.loc["MLP tanh", "error"] == pytest.approx(0.2)
    assert summary.loc["KAN Taylor", ["win", "tie", "loss"]].tolist() == [1, 0, 1]
    assert summary.loc["MLP tanh", ["win", "tie", "loss"]].isna().all()
    assert summary.loc["KAN Taylor", ["params", "params_min", "params_max", "tasks"]].tolist() == [51, 51, 51, 2]
    assert summary.loc["KAN Taylor", "error_low"] <= 0.2 <= summary.loc["KAN Taylor", "error_high"]


def test_only_tasks_that_every_method_was_trained_on_are_compared_and_duplicates_count_once(tmp_path):
    members = both("a", 50, [0.1], [0.2]) + both("twin", 50, [0.5], [0.5], same_as="a") + both("c", 50, [0.4], [0.2])
    members += [member("KAN Taylor", "d", 50, 0, np.nan, status="skipped"), member("MLP tanh", "d", 50, 0, 0.01)]
    summary = summarize(frame(members, tmp_path), "MLP tanh").set_index("method")
    assert summary.tasks.tolist() == [2, 2]
    assert summary.loc["KAN Taylor", "error"] == pytest.approx(0.2)
    assert summary.loc["MLP tanh", "error"] == pytest.approx(0.2)
    assert summary.loc["KAN Taylor", "skipped"] == 1


def test_a_method_on_less_than_half_of_the_tasks_is_compared_nowhere(tmp_path):
    on = {"KAN Taylor": "abcdef", "MLP tanh": "abcghij", "MLP relu": "abc"}  # which share a, b and c
    errors = {"KAN Taylor": 0.2, "MLP tanh": 0.4, "MLP relu": 0.1}
    records = frame(
        [
            member(method, task, 50, 0, errors[method], status="ok" if task in on[method] else "skipped")
            for method in on
            for task in "abcdefghij"
        ],
        tmp_path,
    )
    summary = summarize(records, "MLP relu").set_index("method")
    assert summary.tasks.tolist() == [3, 3, 3]
    assert summary.error.dropna().to_dict() == pytest.approx({"KAN Taylor": 0.2, "MLP tanh": 0.4})
    assert summary[["win", "tie", "loss"]].isna().all(axis=None)
    assert ranking(records).method.tolist() == ["KAN Taylor", "MLP tanh"]
    (answer,) = answers(records, "MLP relu")
    assert (answer.better, answer.other) == ("KAN Taylor", "MLP tanh")


def test_references_stand_beside_every_budget_and_change_no_comparison(tmp_path, capsys):
    members = [m for b in (50, 100) for t in "ab" for m in both(t, b, [0.1] * 4, [0.4, 0.2] * 2)]
    without = summarize(frame(members, tmp_path / "without"), "MLP tanh")
    for task, error in (("a", 0.1), ("b", 0.9), ("other", 1e-9)):
        members += [member("linear", task, None, seed, error, params=3, width=0) for seed in range(4)]
    members.append(member("cubic ridge", "a", None, 0, 0.5))
    members.append(member("cubic ridge", "b", None, 0, np.nan, status="skipped"))
    records = frame(members, tmp_path / "with")
    summary = summarize(records, "MLP tanh")
    methods, references = summary[~summary.reference], summary[summary.reference]
    pd.testing.assert_frame_equal(methods.reset_index(drop=True), without)
    assert references.groupby("method").budget.apply(list).to_dict() == {"linear": [50, 100], "cubic ridge": [50, 100]}
    linear = references[references.method == "linear"]
    assert linear.error.tolist() == pytest.approx([0.3, 0.3])  # sqrt(0.1 * 0.9)
    assert linear[["win", "tie", "loss", "params"]].to_numpy().tolist() == [[1, 0, 1, 3]] * 2
    assert references[references.method == "cubic ridge"].error.isna().all()
    print_summary(Console(width=200), Result.of(records, baseline="MLP tanh"))
    assert "small enough for their task: 1, of cubic ridge\n" in capsys.readouterr().out  # once, and at no budget
    lines = {line.get_label(): line for line in loss_vs_parameters(summary, records, "title").axes[0].get_lines()}
    np.testing.assert_allclose(lines["linear"].get_ydata(), [0.3, 0.3])
    np.testing.assert_allclose(lines["linear"].get_xdata(), [51, 101])  # where the methods are


def of_classes(method, task, seed, error, **changes):
    wide = dict.fromkeys(["train_rel_l2", "val_rel_l2", "test_rel_l2", "test_rmse", "test_max_error", "test_r2"])
    facts = {"test_rel_cross_entropy": error, "val_rel_cross_entropy": error, "test_accuracy": 1 - error / 2}
    return member(method, task, 50, seed, 0.0) | wide | facts | changes


def test_classifications_are_compared_by_relative_cross_entropy_and_say_their_accuracy(tmp_path):
    members = [
        of_classes("MLP tanh", "a", seed, error, lr=lr, val_rel_cross_entropy=validation)
        for seed in (0, 1)
        for lr, error, validation in ((0.1, 0.2, 0.3), (0.01, 0.1, 0.4))
    ]
    pairs = [(seed, lr) for seed in (0, 1) for lr in (0.1, 0.01)]
    members += [of_classes("MLP tanh", "b", seed, 0.8, lr=lr) for seed, lr in pairs]
    members += [of_classes("MLP tanh", "c", seed, 3.0, lr=lr, status="diverged") for seed, lr in pairs]
    records = frame(members, tmp_path)
    summary = summarize(records)
    assert summary.error.tolist() == pytest.approx([(0.2 * 0.8 * 1.0) ** (1 / 3)])  # validation chose 0.1
    assert summary.accuracy.tolist() == pytest.approx([(0.9 + 0.6 - 0.5) / 3])
    (axes,) = loss_vs_parameters(summary, records, "title").axes
    assert axes.get_xlabel().startswith("cross-entropy on test over that of the class prior")
    plain = frame(both("a", 50, [0.1], [0.2]), tmp_path / "numbers")
    (axes,) = loss_vs_parameters(summarize(plain), plain, "title").axes
    assert axes.get_xlabel().startswith("relative L2 error on test")
    assert summarize(plain).accuracy.isna().all()


def test_the_learning_rate_is_chosen_on_validation_per_cell(tmp_path):
    rates = {1e-3: [0.5, 0.5, 0.1], 1e-2: [0.2, 0.3, 0.4], 1e-1: [np.nan, np.nan, 0.0]}
    members = [
        member("MLP tanh", "a", 50, seed, 0.9 - 0.1 * seed, lr=lr, val_rel_l2=value)
        for lr, values in rates.items()
        for seed, value in enumerate(values)
    ]
    chosen = choose_rates(frame(members, tmp_path))
    assert chosen.lr.unique().tolist() == [1e-2]
    assert not chosen.best_rate_at_edge.any()
    shifted = frame([m | {"val_rel_l2": m["lr"]} for m in members], tmp_path / "shifted")
    assert choose_rates(shifted).best_rate_at_edge.all()
    assert summarize(shifted).at_edge.tolist() == [1]


def test_records_of_different_protocols_are_not_compared(tmp_path):
    members = both("a", 50, [0.1], [0.2])
    members[1] |= {"protocol": "other optimizer"}
    with pytest.raises(ValueError, match="they are of 2 protocols, which older records do not describe"):
        summarize(frame(members, tmp_path))


def test_tasks_of_one_name_in_two_suites_are_two_tasks(tmp_path):
    members = both("a", 50, [1e-6] * 4, [1.0] * 4)
    members += [m | {"suite": "t", "cell": m["cell"] + "t", "test_rel_l2": 0.01} for m in members]
    summary = summarize(frame(members, tmp_path), "MLP tanh").set_index("method")
    assert summary.tasks.tolist() == [2, 2]
    assert summary.loc["KAN Taylor", "error"] == pytest.approx(1e-4)
    assert summary.loc["KAN Taylor", ["win", "tie", "loss"]].tolist() == [1, 1, 0]


def test_figures_show_every_method_and_the_same_frame_gives_the_same_file(tmp_path):
    members = [m for b in (50, 100) for t in "abc" for m in both(t, b, [1 / b, 2 / b], [3 / b, 4 / b])]
    records = frame(members, tmp_path)
    summary = summarize(records, "MLP tanh")
    figure = loss_vs_parameters(summary, records, "title")
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert set(lines) == {"KAN Taylor", "MLP tanh"}
    np.testing.assert_allclose(lines["KAN Taylor"].get_xdata(), [51, 101])
    np.testing.assert_allclose(lines["KAN Taylor"].get_ydata(), [1.5 / 50, 1.5 / 100])
    panels = small_multiples(records, "title")
    assert [axes.get_title(loc="left") for axes in panels.axes] == ["a", "b", "c"]
    png = save(figure, tmp_path / "one")
    save(loss_vs_parameters(summary, records, "title"), tmp_path / "two")
    assert png.stat().st_size > 10_000
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_results_are_read_without_torch():
    code = "import sys, kanbench.analysis, kanbench.report; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_records_cannot_be_compared():
    with pytest.raises(ValueError, match="there are no records to compare"):
        summarize(pd.DataFrame(columns=COLUMNS))
