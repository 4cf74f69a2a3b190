"""Searches of shapes: equal trials for all, a choice by validation, and trainings that pause and go on."""

from dataclasses import replace

import numpy as np
import pytest

import kanbench.cells.searching as searching
from kanbench.bases import BASES, Taylor
from kanbench.cells import Cell, Execution, Precision, ResumeFile, Search, Trial, restore_cell, run_cell, run_search
from kanbench.cells.train import Training
from kanbench.data import SplitSizes, load_suite
from kanbench.methods import KANMethod, MLPMethod
from kanbench.training import LBFGS, SGD, Adam, LevenbergMarquardt

LM = LevenbergMarquardt(steps=40, check_every=5)
METHODS = [KANMethod(basis=Taylor()), MLPMethod(depth=1)]


def cell(method, optimizer=LM, budget=60, seeds=(0, 1, 2)):
    task = load_suite("feynman").task("I.6.2")
    return Cell("e", "feynman", task, method, budget, seeds, optimizer, SplitSizes(40, 40, 50), Precision.double)


def trials(method=METHODS[0], search=Search(trials=6, first_seeds=2, first_steps=10), **setting):  # noqa: B008
    return list(search.cells([cell(method, **setting)]))


def on_cpu(cell):
    return Execution()


@pytest.mark.parametrize("budget", [40, 60, 100, 300])
@pytest.mark.parametrize("task", ["I.6.2", "I.9.18", "II.6.15a"])
def test_every_family_has_the_same_number_of_trials_and_all_are_near_the_budget(budget, task):
    methods = [MLPMethod(depth=1), *(KANMethod(basis=cls()) for cls in BASES.values())]
    suite = load_suite("feynman_full")
    planned = list(Search().cells([replace(cell(each, budget=budget), task=suite.task(task)) for each in methods]))
    by_line = {}
    for each in planned:
        by_line.setdefault(each.search.searched, []).append(each)
    assert len(by_line) == len(methods)
    if any(each.search.reason for each in planned):
        assert len(planned) == len(methods)  # left out for everybody, once for each
        assert len({each.search.reason for each in planned}) == 1
        return
    counts = {len(each) for each in by_line.values()}
    assert len(counts) == 1
    assert 6 <= counts.pop() <= 9
    assert all(abs(each.sizing.miss) <= 0.05 for each in planned)
    assert all([each.search.number for each in line] == list(range(1, len(line) + 1)) for line in by_line.values())


def test_a_task_at_which_one_method_has_too_few_shapes_is_left_out_for_all():
    planned = list(Search().cells([cell(METHODS[0], budget=12), cell(METHODS[1], budget=12)]))
    assert [(each.search.searched, each.search.number) for each in planned] == [("KAN Taylor", 0), ("MLP tanh", 0)]
    assert "the search leaves the task out at 12 parameters: " in planned[0].search.reason
    assert planned[0].search.reason.endswith("within 5 % of them, and 6 are needed")


def test_the_key_of_a_shape_names_what_it_was_tried_with():
    (first, *_), (fewer, *_) = trials(), trials(search=Search(trials=6, first_seeds=2, first_steps=5))
    alone = replace(first, search=None)
    assert len({first.key, fewer.key, alone.key}) == 3
    assert first.protocol == fewer.protocol == alone.protocol
    assert alone.describe() == {name: value for name, value in first.describe().items() if name != "search"}
    restored = restore_cell(first.describe(), "e", "feynman")
    assert (restored.search, restored.method, restored.key) == (first.search, first.method, first.key)
    assert first.search == Trial("KAN Taylor", 1, first.search.shapes, 2, 10)


@pytest.mark.parametrize("optimizer", [Adam(steps=20), SGD(steps=20)])
def test_a_schedule_that_depends_on_the_length_has_no_rungs(optimizer):
    assert {each.search.first_steps for each in trials(optimizer=optimizer)} == {0}
    assert {each.search.first_steps for each in trials(optimizer=LBFGS(steps=20))} == {10}


def test_the_best_third_goes_on_and_the_chosen_shape_alone_is_graded_on_test():
    shapes, kept = trials(), []
    records = run_search(shapes, on_cpu, lambda cell, trainings, record: kept.append((cell, len(trainings), record)))
    assert [record.key for record in records] == [each.key for each in shapes]
    assert [(cell.key, groups) for cell, groups, _ in kept] == [(record.key, 2) for *_, record in kept]
    assert [record for *_, record in kept] == [each for each in records if each.members[0]["chosen"]]
    ended = [record for record in records if record.members[0]["stopped"] == "outranked"]
    finished = [record for record in records if record not in ended]
    assert (len(ended), len(finished)) == (4, 2)
    for record in ended:
        assert [member["seed"] for member in record.members] == [0, 1]
        assert {member["steps"] for member in record.members} <= set(range(11))
    for record in finished:
        assert [member["seed"] for member in record.members] == [0, 1, 2]
    early = {record.key: _median_after_two_checks(record) for record in records}
    assert max(early[record.key] for record in finished) <= min(early[record.key] for record in ended)
    medians = {record.key: np.median([member["val_rel_l2"] for member in record.members]) for record in finished}
    (chosen,) = [record for record in records if record.members[0]["chosen"]]
    assert chosen.key == min(medians, key=medians.__getitem__)
    for record in records:
        assert all(("test_rel_l2" in member) == (record is chosen) for member in record.members)
        assert all("val_rel_l2" in member for member in record.members)
        assert {(m["searched"], m["trials"]) for m in record.members} == {("KAN Taylor", 6)}
    assert [record.members[0]["trial"] for record in records] == [1, 2, 3, 4, 5, 6]


def _median_after_two_checks(record):
    """Return the median over the first two seeds of the best validation error after ten steps, on the error's scale."""
    losses = np.array(record.curve["validation_mse"][:2])[:, :2].min(axis=0)
    reached = np.array(record.curve["validation_mse"])[:, :2].min(axis=0)
    final = np.array([member["val_rel_l2"] for member in record.members[:2]])
    return np.median(final * np.sqrt(losses / reached))


@pytest.mark.parametrize(
    "optimizer", [LM, pytest.param(LBFGS(steps=40, check_every=5), marks=pytest.mark.slow)], ids=["lm", "lbfgs"]
)
def test_members_that_go_on_reach_what_an_uninterrupted_training_reaches(optimizer):
    shapes = trials(optimizer=optimizer)
    for shape, record in zip(shapes, run_search(shapes, on_cpu), strict=True):
        if record.members[0]["stopped"] == "outranked":
            continue
        whole = run_cell(replace(shape, search=None))
        for ours, theirs in zip(record.members, whole.members, strict=True):
            assert (ours["seed"], ours["evaluations"], ours["steps"], ours["stopped"]) == tuple(
                theirs[name] for name in ("seed", "evaluations", "steps", "stopped")
            )
            assert ours["val_rel_l2"] == pytest.approx(theirs["val_rel_l2"], rel=1e-8)
        for ours, theirs in zip(record.curve["validation_mse"], whole.curve["validation_mse"], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-7)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("fits", [pytest.param(1, marks=pytest.mark.slow), pytest.param(7, marks=pytest.mark.slow), 9])
def test_a_search_that_was_killed_goes_on_and_trains_nothing_twice(tmp_path, monkeypatch, fits):
    shapes = trials()
    expected = run_search(shapes, on_cpu)
    made, original = [], Training.go_on

    def with_file(cell):
        return Execution(resume=ResumeFile(tmp_path / f"{cell.key}.training", 1e9))

    def counted(self, until=None):
        if len(made) == fits:
            raise Killed
        before = len(self.module.curve.steps)
        original(self, until)
        made.append(len(self.module.curve.steps) - before)

    monkeypatch.setattr(Training, "go_on", counted)
    with pytest.raises(Killed):
        run_search(shapes, with_file)
    first, fits = sum(made), -1
    again = run_search(shapes, with_file)
    assert sum(made) == sum(len(record.curve["steps"]) for record in expected) + _of_rest(expected)
    assert first < sum(made)
    for one, other in zip(again, expected, strict=True):
        assert [member.keys() for member in one.members] == [member.keys() for member in other.members]
        for ours, theirs in zip(one.members, other.members, strict=True):
            assert (ours["chosen"], ours["stopped"], ours["steps"]) == tuple(
                theirs[name] for name in ("chosen", "stopped", "steps")
            )
            assert ours["val_rel_l2"] == pytest.approx(theirs["val_rel_l2"], rel=1e-8)


def _of_rest(records):
    """Return the checks of the seeds that were added to the shapes that went on."""
    finished = [record for record in records if record.members[0]["stopped"] != "outranked"]
    return sum(max(member["steps"] for member in record.members[2:]) // 5 for record in finished)


def test_a_shape_whose_code_fails_takes_no_further_part(monkeypatch):
    shapes, original = trials(), searching.Training

    def failing(cell, *rest):
        if cell.key == shapes[0].key:
            raise RuntimeError("no room")
        return original(cell, *rest)

    monkeypatch.setattr(searching, "Training", failing)
    first, *others = run_search(shapes, on_cpu)
    assert (first.failed, first.members[0]["reason"]) == (True, "RuntimeError: no room")
    assert sum(record.members[0]["chosen"] for record in others) == 1


def test_without_a_rung_every_shape_is_trained_to_the_end():
    optimizer = Adam(steps=10, rates=(0.01, 0.03), doublings=0)
    records = run_search(trials(optimizer=optimizer), on_cpu)
    assert all(len(record.members) == 6 for record in records)
    assert sum(record.members[0]["chosen"] for record in records) == 1


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"trials": 0}, "trials must be from 1 to 1,000, got 0"),
        ({"least": 10}, "least must be from 1 to trials = 9, got 10"),
        ({"first_seeds": 0}, "first_seeds must be at least 1, got 0"),
        ({"first_steps": -1}, "first_steps must be at least 0, got -1"),
    ],
)
def test_settings_out_of_range_are_refused(setting, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        Search(**setting)
