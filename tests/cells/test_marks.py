"""What a suite says about a task is in the records of its cells, and in the table that is written from them."""

import pytest

from kanbench.analysis import load_records
from kanbench.cells import Cell, Precision, run_cell
from kanbench.data import FormulaTask, SplitSizes, Variable, load_suite
from kanbench.methods import REFERENCES
from kanbench.store.record import RecordStore
from kanbench.training import LevenbergMarquardt

TASKS = {
    "pole": ("no", True),
    "pole_smooth": ("yes", False),
    "unsaid": ("", False),
}


@pytest.fixture
def folder(tmp_path):
    store = RecordStore(tmp_path / "cells")
    store.prepare()
    linear = REFERENCES["regression"][1]
    unsaid = FormulaTask("unsaid", "x", (Variable("x", 0, 1),))
    for task in (*load_suite("irregular").tasks, unsaid):
        if task.name in TASKS:
            sizes = SplitSizes(50, 20, 400)
            cell = Cell("e", "s", task, linear, 0, (0,), LevenbergMarquardt(steps=1), sizes, Precision.double)
            store.write(run_cell(cell))
    return tmp_path


def test_smoothness_and_heavy_tails_are_columns_of_records_and_survive_a_table(folder):
    frame = load_records(folder)
    frame.to_csv(folder / "records.csv", index=False)
    for read in (frame, load_records(folder / "records.csv")):
        marks = {row.task: (row.smooth, row.heavy_tailed) for row in read.itertuples()}
        assert marks == TASKS


def test_the_robust_error_stands_beside_the_relative_l2_error_on_every_split(folder):
    frame = load_records(folder).set_index("task")
    assert (frame[["train_rel_median", "val_rel_median", "test_rel_median"]] >= 0.0).all(axis=None)
    assert frame.test_rel_median["unsaid"] < 1e-10
    assert frame.test_rel_median["pole"] > 0.5
