"""A model with several outputs, from a file to the terminal, the tables and the page."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from kanbench.analysis import load_records, summarize
from kanbench.analysis.kinds import errors_of_outputs
from kanbench.bases import BSpline
from kanbench.cells import Cell, Precision, run_cell
from kanbench.data import Shares, table_task
from kanbench.methods import REFERENCES, KANMethod, MLPMethod
from kanbench.page import PageOptions, find_source, write_page
from kanbench.report import tables
from kanbench.report.result import Result
from kanbench.report.terminal import print_summary
from kanbench.store.record import RecordStore
from kanbench.training import LevenbergMarquardt

X = np.random.default_rng(0).uniform(-1.0, 1.0, (120, 2))
EASY, HARD = X[:, 0] + X[:, 1], np.sin(6.0 * X[:, 0]) * np.cos(5.0 * X[:, 1])


def cell(y, target, method=None, budget=90):
    task = table_task("pair", ["a", "b"], X, target, y)
    optimizer = LevenbergMarquardt(steps=30)
    return Cell(
        "study", "table", task, method or MLPMethod(depth=1), budget, (0, 1), optimizer, Shares(), Precision.double
    )


PAIR = cell(np.stack([1e6 * EASY, HARD], axis=1), ("easy", "hard <b>"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    store = RecordStore(folder / "cells")
    store.prepare()
    linear = REFERENCES["regression"][1]
    for each in (
        PAIR,
        cell(PAIR.task.y, PAIR.task.target, KANMethod(1, basis=BSpline(intervals=5))),
        cell(PAIR.task.y, PAIR.task.target, linear, 0),
    ):
        store.write(run_cell(each))
    return folder


def test_levenberg_marquardt_trains_both_outputs_and_the_record_holds_the_error_of_each_and_their_mean(folder):
    frame = load_records(folder)
    errors = errors_of_outputs(frame)
    assert errors == {"easy": "test_rel_l2_easy", "hard <b>": "test_rel_l2_hard <b>"}
    assert set(frame.status) == {"ok"}
    np.testing.assert_allclose(frame[list(errors.values())].mean(axis=1), frame.test_rel_l2)
    np.testing.assert_allclose(frame.score, frame.test_rel_l2)
    linear = frame[frame.method == "linear"]
    assert (linear.test_rel_l2_easy < 1e-12).all()
    assert (linear["test_rel_l2_hard <b>"] > 0.5).all()
    trained = frame[frame.method != "linear"]
    assert (trained.test_rel_l2 < 0.6).all()
    assert set(frame.measure) == {"relative L2 error on test, mean over outputs"}


def test_the_names_of_the_outputs_are_in_the_description_of_the_cell():
    described = PAIR.describe()["task"]
    assert described["target"] == ["easy", "hard <b>"]
    assert json.loads(json.dumps(described)) == described
    one = cell(EASY, "easy").describe()["task"]
    assert one["target"] == "easy"
    assert one.keys() == described.keys()


def test_two_equal_outputs_are_graded_as_one_by_a_reference():
    linear = REFERENCES["regression"][1]
    (twins, _), (alone, _) = (
        run_cell(cell(y, target, linear, 0)).members
        for y, target in ((np.stack([HARD, HARD], axis=1), ("u", "v")), (HARD, "u"))
    )
    for metric in ("rel_l2", "rmse", "max_error", "r2"):
        for name in (metric, f"{metric}_u", f"{metric}_v"):
            assert twins[f"test_{name}"] == pytest.approx(alone[f"test_{metric}"], rel=1e-9)


def test_the_terminal_shows_the_error_of_every_output(folder):
    frame = load_records(folder)
    summary = summarize(frame, baseline="MLP tanh depth=1")
    stream = io.StringIO()
    print_summary(Console(file=stream, width=100), Result.of(frame, baseline="MLP tanh depth=1"))
    text = stream.getvalue()
    assert "error of easy error of hard <b>" in text
    assert "relative L2 error on test, mean over outputs" in " ".join(text.split())
    of_mlp = summary[summary.method == "MLP tanh depth=1"].iloc[0]
    expected = frame[frame.method == "MLP tanh depth=1"]["test_rel_l2_hard <b>"].median()
    assert of_mlp["error of hard <b>"] == pytest.approx(expected)


def test_a_table_has_the_error_of_every_output(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "FIGURES", {})  # they take seconds
    tables.write_tables(load_records(folder), tmp_path, baseline="MLP tanh depth=1")
    table = (tmp_path / "outputs.md").read_text()
    assert "| method | mean | error of easy | error of hard <b> |" in table
    frame = load_records(folder)
    of_mlp = frame[frame.method == "MLP tanh depth=1"].test_rel_l2_easy.median()
    (row,) = [line.split("|") for line in table.splitlines() if line.startswith("| MLP tanh")]
    assert float(row[3]) == pytest.approx(of_mlp, rel=1e-2)


def test_the_page_holds_the_error_of_every_output(folder, tmp_path):
    path = tmp_path / "page.html"
    write_page(find_source(folder), path, PageOptions(networks=1))
    text = path.read_text(encoding="utf-8")
    assert '"test_rel_l2_easy"' in text
    assert '"relative L2 error on test, mean over outputs"' in text
