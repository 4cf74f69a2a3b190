"""The development suite shares no task with what published tables test on, and no published study trains on it."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import yaml

from kanbench.cli.reproduce import RESULTS
from kanbench.data import load_suite, suite_names

DEVELOPMENT = load_suite("development").tasks
PUBLISHED = [
    suite for suite in suite_names() if suite not in ("development", "feynman_full", "pde")
]  # pde has equations
EQUATIONS = {task.name: task for task in load_suite("feynman_full").tasks}
FROM_EQUATIONS = [task for task in DEVELOPMENT if task.name in EQUATIONS]


def duplicate_class(name):
    """The names of all equations of the 120 that repeat one another with this one."""
    first = EQUATIONS[name].same_as or name
    return {other.name for other in EQUATIONS.values() if first in (other.name, other.same_as)}


def raw_points(task, points=60):
    low, high = (np.array([getattr(v, end) for v in task.variables], float) for end in ("low", "high"))
    return low + (high - low) * np.random.default_rng(task.n_inputs).uniform(0, 1, (points, task.n_inputs))


def values(task, columns):
    """The formula on raw points, one column per variable in the order of the task."""
    names = [variable.name for variable in task.variables]
    return task.parsed(dict(zip(names, columns, strict=True)))


def is_affine(y, z):
    """Return whether z is a multiple of y and a constant at all points where both are finite."""
    both = np.isfinite(y) & np.isfinite(z)
    if both.sum() < 20 or np.ptp(z[both]) == 0:
        return False
    return abs(np.corrcoef(y[both], z[both])[0, 1]) > 1 - 1e-12


def same_formula(mine, other):
    """Whether two tasks have the same formula up to names of variables and an affine map of the target."""
    if mine.n_inputs != other.n_inputs or len(other.variables) != other.n_inputs or mine.n_inputs > 6:
        return False
    x = raw_points(mine).T
    y = values(mine, list(x))
    return any(is_affine(y, values(other, [x[i] for i in order])) for order in permutations(range(len(x))))


@pytest.mark.parametrize("suite", PUBLISHED)
def test_no_task_has_a_formula_of_a_published_suite(suite):
    same = [(a.name, b.name) for a in DEVELOPMENT for b in load_suite(suite).tasks if same_formula(a, b)]
    assert same == []


def test_the_comparison_of_formulas_finds_what_is_the_same():
    full, dimensionless = EQUATIONS, load_suite("feynman")
    assert same_formula(full["I.29.4"], dimensionless.task("II.38.3"))  # omega/c and a/b
    assert same_formula(full["II.11.28"], dimensionless.task("II.11.27"))  # one more than the other
    assert not same_formula(full["II.3.24"], dimensionless.task("II.38.3"))


def test_twelve_equations_are_those_of_the_120_outside_the_duplicate_classes_of_the_27():
    dimensionless = {task.name for task in load_suite("feynman").tasks}
    assert len(FROM_EQUATIONS) == 12
    for task in FROM_EQUATIONS:
        assert not duplicate_class(task.name) & dimensionless
        assert (task.formula, task.variables) == (EQUATIONS[task.name].formula, EQUATIONS[task.name].variables)


def test_toys_are_in_no_suite_of_equations():
    toys = [task for task in DEVELOPMENT if task.name not in EQUATIONS]
    assert [(a.name, b.name) for a in toys for b in EQUATIONS.values() if same_formula(a, b)] == []


def test_numbers_of_inputs_are_spread():
    sizes = np.bincount([min(max(task.n_inputs, 2), 4) for task in DEVELOPMENT])
    assert list(sizes[2:]) == [6, 6, 6]


def is_of_development(suite, task):
    """Whether a row of records was trained on a development task, or on an equation that repeats one."""
    classes = set().union(*(duplicate_class(equation.name) for equation in FROM_EQUATIONS))
    return suite == "development" or (suite == "feynman_full" and task in classes)


PUBLISHED_STUDIES = sorted(path for path in RESULTS.iterdir() if path.is_dir() and path.name != "development")


@pytest.mark.parametrize("folder", PUBLISHED_STUDIES, ids=lambda path: path.name)
def test_no_published_study_trains_on_development_tasks(folder):
    if (study := folder / "study.yaml").exists():
        assert not [run for run in yaml.safe_load(study.read_text())["runs"] if "development" in run]
    for path in folder.glob("records.csv*"):
        used = pd.read_csv(path, usecols=["suite", "task"]).drop_duplicates()
        assert not [row for row in used.itertuples(index=False) if is_of_development(*row)]
