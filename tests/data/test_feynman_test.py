"""The test suite of Feynman equations: one task for each class of duplicates, none of the development tasks."""

import numpy as np
import pytest

from kanbench.data import load_suite, suite_names

OURS = load_suite("feynman_test").tasks
WITH_UNITS, DIMENSIONLESS = load_suite("feynman_full").tasks, load_suite("feynman").tasks
CLASS = {task.name: task.same_as or task.name for task in WITH_UNITS}


def test_every_class_outside_the_development_suite_is_there_once():
    development = {CLASS[task.name] for task in load_suite("development").tasks if task.name in CLASS}
    assert len(development) == 12
    assert sorted(CLASS[task.name] for task in OURS) == sorted(set(CLASS.values()) - development)
    assert len(OURS) == 101 - 12


def test_the_27_are_inside_as_they_are_in_their_suite_and_the_others_have_units():
    assert OURS[:27] == DIMENSIONLESS
    assert set(OURS[27:]) < set(WITH_UNITS)
    assert not any(task.same_as for task in OURS)


def share_of_the_largest(task, points=100_000):
    """The share of the squared distances from the mean that the largest 1 % of them hold."""
    y = task.target(np.random.default_rng(1).uniform(-1.0, 1.0, (points, task.n_inputs)))
    squares = np.sort((y - y.mean()) ** 2)
    return squares[-points // 100 :].sum() / squares.sum()


@pytest.mark.parametrize("suite", [name for name in suite_names() if name not in ("feynman_test", "pde")])
def test_heavy_tailed_tasks_are_those_whose_largest_hundredth_holds_over_half_of_the_squares(suite):
    for task in load_suite(suite).tasks:
        share = share_of_the_largest(task)
        assert share > 0.6 if task.heavy_tailed else share < 0.52, f"{task.name}: {share:.3f}"


def test_heavy_tailed_equations_are_marked_in_the_suite_that_takes_them():
    assert {task.name for task in OURS if task.heavy_tailed} == {"I.32.5", "III.19.51", "test_1", "test_9", "test_20"}
