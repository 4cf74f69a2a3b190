"""Every task of every suite against SymPy and mpmath, against measured statistics, and against its duplicates."""

import csv
from functools import cache
from itertools import permutations
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy
from sympy.parsing.sympy_parser import parse_expr

from kanbench.data import FormulaTask, SplitSizes, load_suite, sample, suite_names
from kanbench.errors import UnknownName

OF_FORMULAS = [name for name in suite_names() if isinstance(load_suite(name).tasks[0], FormulaTask)]
SUITE_OF = {id(task): suite for suite in reversed(OF_FORMULAS) for task in load_suite(suite).tasks}
TASKS = [  # each once, in the suite that it comes from, which stands before those that take it
    (suite, task) for suite in OF_FORMULAS for task in load_suite(suite).tasks if SUITE_OF[id(task)] == suite
]
EVERY = pytest.mark.parametrize(("suite", "task"), TASKS, ids=[f"{suite}-{task.name}" for suite, task in TASKS])

SPECIAL = {
    "step": lambda x: mpmath.mpf(x >= 0),
    "j0": lambda x: mpmath.besselj(0, x),
    "jv": mpmath.besselj,
    "yv": mpmath.bessely,
    "kv": mpmath.besselk,
    "iv": mpmath.besseli,
    "sn": lambda u, m: mpmath.ellipfun("sn", u, m=m),
    "ellipkinc": mpmath.ellipf,
    "ellipeinc": mpmath.ellipe,
    "lpmv": lambda m, v, x: mpmath.legenp(v, m, x, type=2),
    "real_sph_harm": lambda n, m, polar, azimuth: mpmath.re(mpmath.spherharm(n, m, polar, azimuth)),
}
MEAN = sympy.Function("mean")


def components(variable):
    names = [variable.name] if variable.size == 1 else [f"{variable.name}_{i}" for i in range(variable.size)]
    return [sympy.Symbol(name) for name in names]


def independent(task):
    """The formula as a function of all inputs in mpmath's arithmetic, by SymPy's parser instead of the harness's."""
    known = {name: sympy.Function(name) for name in SPECIAL}
    known |= {"mean": MEAN, "sinc": lambda u: sympy.sin(sympy.pi * u) / (sympy.pi * u)}
    variables = {v.name: sympy.Symbol(v.name) for v in task.variables}  # over SymPy's own beta, gamma, I, ...
    expression = parse_expr(task.formula, local_dict=known | variables)
    for vector in (v for v in task.variables if v.size > 1):
        parts = components(vector)

        def average(inner, parts=parts, name=vector.name):
            return sympy.Add(*(inner.subs(sympy.Symbol(name), part) for part in parts)) / len(parts)

        expression = expression.replace(MEAN, average)
    symbols = [symbol for variable in task.variables for symbol in components(variable)]
    return sympy.lambdify(symbols, expression, [SPECIAL, "mpmath"])


def to_ranges(task, unit):
    """Points of the unit cube on the ranges of the variables."""
    low = np.concatenate([np.full(v.size, float(v.low)) for v in task.variables])
    high = np.concatenate([np.full(v.size, float(v.high)) for v in task.variables])
    return low + (high - low) * (unit + 1) / 2


@EVERY
def test_formula_against_an_independent_evaluation(suite, task):
    unit = np.random.default_rng(0).uniform(-1.0, 1.0, (20, task.n_inputs))
    function = independent(task)
    with mpmath.workdps(25):
        expected = np.array([float(function(*map(mpmath.mpf, row))) for row in to_ranges(task, unit)])
    np.testing.assert_allclose(task.target(unit), expected, rtol=1e-9, atol=1e-11 * np.abs(expected).max())


@cache
def measured():
    path = Path(__file__).parent / "target_statistics.csv"
    with path.open(encoding="utf-8") as file:
        return {(row["suite"], row["task"]): float(row["y_std"]) for row in csv.DictReader(file)}


# No sample of any useful size determines the standard deviation of these: their variance does not exist.
NO_VARIANCE = {("classic", "keijzer_5"), ("classic", "livermore_11"), ("classic", "livermore_12")}


@EVERY
def test_targets_are_finite_and_spread_as_measured(suite, task):
    dataset = sample(task, 0, SplitSizes())  # refuses targets that are not finite
    if (suite, task.name) in NO_VARIANCE or (suite, task.name) not in measured():
        return
    tolerance = 0.3 if "Heavy tails" in task.note else 0.1
    assert dataset.test.y.std() == pytest.approx(measured()[suite, task.name], rel=tolerance)


def test_the_measured_table_covers_whole_suites():
    for suite in ("feynman", "feynman_full", "special", "classic"):
        assert {task for name, task in measured() if name == suite} == {task.name for task in load_suite(suite).tasks}


@pytest.mark.parametrize(("suite", "size"), [("feynman", 27), ("feynman_full", 120), ("special", 15), ("toy", 5)])
def test_suites_have_all_their_tasks(suite, size):
    assert len(load_suite(suite).tasks) == size


@pytest.mark.parametrize("suite", suite_names())
def test_task_names_are_unique(suite):
    tasks = load_suite(suite).tasks
    assert len({task.name for task in tasks}) == len(tasks) > 0


@EVERY
def test_ranges_and_names_are_sound(suite, task):
    assert all(v.low < v.high and v.size >= 1 for v in task.variables)
    assert len({v.name for v in task.variables}) == len(task.variables)
    assert set(task.parsed.variables) == {v.name for v in task.variables}
    assert task.source


def standardized(task, unit):
    """Targets with mean zero and variance one, and the first of them positive: equal for equal problems."""
    y = task.target(unit)
    z = (y - y.mean()) / y.std()
    return z * np.sign(z[0])


def first_equals(tasks, points=100):
    """Every task that repeats an earlier one, with the first that it repeats, by brute force over input orders."""
    firsts, repeats = [], {}
    for task in tasks:
        unit = np.random.default_rng(task.n_inputs).uniform(-1.0, 1.0, (points, task.n_inputs))
        orders = [standardized(task, unit[:, list(order)]) for order in permutations(range(task.n_inputs))]
        for first, targets in firsts:
            if first.n_inputs == task.n_inputs and any(np.allclose(y, targets, rtol=0, atol=1e-8) for y in orders):
                repeats[task.name] = first.name
                break
        else:
            firsts.append((task, standardized(task, unit)))
    return repeats


@pytest.mark.parametrize("suite", OF_FORMULAS)
def test_same_as_is_true_and_complete(suite):
    tasks = [task for task in load_suite(suite).tasks if task.n_inputs <= 5]
    assert {task.name: task.same_as for task in tasks if task.same_as} == first_equals(tasks)


@pytest.mark.parametrize("suite", OF_FORMULAS)
def test_same_as_names_an_earlier_task_that_repeats_no_other(suite):
    seen = {}
    for task in load_suite(suite).tasks:
        if task.same_as:
            assert seen[task.same_as] == ""
        seen[task.name] = task.same_as


@pytest.mark.parametrize(("wrong", "near"), [("feynmann", "feynman"), ("speciall", "special"), ("toys", "toy")])
def test_an_unknown_suite_suggests_the_nearest(wrong, near):
    with pytest.raises(UnknownName, match=rf"^unknown suite '{wrong}'; did you mean {near}"):
        load_suite(wrong)


def test_an_unknown_suite_unlike_any_lists_them_all():
    with pytest.raises(UnknownName) as refusal:
        load_suite("qqqq")
    assert "known: " + ", ".join(suite_names()) in str(refusal.value)


def test_an_unknown_task_suggests_the_nearest():
    suite = load_suite("toy")
    assert suite.task("product").name == "product"
    with pytest.raises(UnknownName, match=r"^unknown task of suite toy 'produkt'; did you mean product"):
        suite.task("produkt")


def test_suites_are_cached_values():
    assert load_suite("toy") == load_suite("toy")
    assert suite_names() == sorted(suite_names())
    assert hash(load_suite("toy")) == hash(load_suite("toy"))
