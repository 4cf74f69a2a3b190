"""Successive halving, simulated on records: hand-computed losses and savings, and groups read from files."""

import numpy as np
import pytest

from kanbench.analysis.halving import Rung, Shape, read_groups, simulate
from kanbench.cells import Cell, Execution, Precision, run_cell
from kanbench.cli.main import run_command
from kanbench.data import SplitSizes, load_suite
from kanbench.methods import MLPMethod
from kanbench.store.record import RecordStore
from kanbench.training import LevenbergMarquardt


def shape(early, late, test, made=100):
    """A shape of two seeds whose validation loss is `early` after 10 steps and `late` after 100."""
    return Shape(
        np.array([0.0, 10.0, 100.0]), np.array([[9.0, 9.0], early, late]), np.full(2, float(made)), np.array(test)
    )


FAST = shape((1.0, 4.0), (0.9, 0.9), (0.3, 0.3))  # the best by its first seed after 10 steps
SLOW = shape((2.0, 2.0), (0.1, 0.1), (0.1, 0.1))  # the best at the end, and by its second seed
BAD = shape((5.0, 5.0), (4.0, 4.0), (0.8, 0.8))


def test_a_rung_that_keeps_the_best_shape_loses_nothing():
    row = simulate([[FAST, SLOW, BAD]], [Rung(seeds=2, steps=10, keep=1 / 3)]).iloc[0]
    assert row.loss == pytest.approx(1.0)  # medians of two seeds are 2.5, 2 and 5
    assert row.best_kept == 1.0
    assert row.cost == pytest.approx((2 * 10 * 2 + 200) / 600)  # two shapes end after 10 steps, with both seeds


def test_a_rung_of_one_seed_is_tried_with_each_of_them():
    row = simulate([[FAST, SLOW, BAD]], [Rung(seeds=1, steps=10, keep=1 / 3)]).iloc[0]
    assert row.loss == pytest.approx(np.sqrt(3.0 * 1.0))  # the first seed keeps 0.3 instead of 0.1
    assert row.worst == pytest.approx(3.0)
    assert row.best_kept == 0.5
    assert row.cost == pytest.approx((2 * 10 + 200) / 600)


def test_a_rung_longer_than_the_training_or_one_that_keeps_all_is_the_full_search():
    for rung in (Rung(seeds=2, steps=1_000, keep=1 / 3), Rung(seeds=1, steps=10, keep=1.0)):
        assert simulate([[FAST, SLOW, BAD]], [rung]).loss[0] == 1.0
    assert simulate([[FAST, SLOW, BAD]], [Rung(seeds=1, steps=10, keep=1.0)]).cost[0] == 1.0


def test_groups_with_fewer_seeds_than_a_rung_are_left_out():
    assert simulate([[FAST, SLOW, BAD]], [Rung(seeds=3, steps=10)]).empty


def search(folder, depths):
    store = RecordStore(folder / "cells")
    store.prepare()
    for depth in depths:
        task = load_suite("development").task("II.3.24")
        cell = Cell(
            "search", "development", task, MLPMethod(depth=depth), 30, (0, 1),
            LevenbergMarquardt(steps=20, check_every=5), SplitSizes(40, 40, 40), Precision.double,
        )  # fmt: skip
        store.write(run_cell(cell, Execution()))


def test_a_folder_of_records_is_simulated_by_one_command(tmp_path, capsys):
    search(tmp_path, (1, 2, 3))
    ((first, *_),) = read_groups(tmp_path)
    assert list(first.steps) == sorted(first.steps)
    assert (np.diff(first.best, axis=0) <= 0).all()
    assert run_command("halving", str(tmp_path), "--seeds", "1,2", "steps=5,10", "--out", str(tmp_path / "h.csv")) == 0
    assert "best_kept" in capsys.readouterr().out
    assert len((tmp_path / "h.csv").read_text().splitlines()) == 5


def test_a_folder_without_three_shapes_is_refused_in_a_sentence(tmp_path, capsys):
    search(tmp_path, (1, 2))
    assert run_command("halving", str(tmp_path)) == 2
    assert "holds no three shapes of one kind of method" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--seeds", "two"], "--seeds must be whole numbers with commas between them, as 2,3, got 'two'"),
        (["--keep", "0"], "--keep must be a share over 0 and at most 1, as 0.5, got '0'"),
        ([], "nowhere: no such folder"),
    ],
)
def test_words_that_cannot_be_simulated(tmp_path, capsys, words, sentence):
    assert run_command("halving", str(tmp_path / "nowhere"), *words) == 2
    assert sentence in capsys.readouterr().err
