"""Suites by the path of their file and formulas on the command line: the tasks that were meant, or one sentence."""

from functools import cache

import hydra
import numpy as np
import pytest
import yaml
from hydra.errors import HydraException
from omegaconf import OmegaConf

from kanbench.cli.command import perform
from kanbench.cli.output import sentence
from kanbench.cli.words import Words
from kanbench.config.read import read_config
from kanbench.data import FormulaTask, Variable, sample
from kanbench.errors import ConfigError, UsageError

SUITE = """
title: My functions
source: mine
tasks:
  - {name: ripple, formula: "sin(3*x)*exp(-y**2)", variables: {x: [-1, 1], y: [0, 2]}}
  - {name: line, formula: "2*x", variables: {x: [0, 1]}}
"""
RIPPLE = ("data=formula", 'data.formula="sin(3*x)*exp(-y**2)"', "data.variables={x: [-1, 1], y: [0, 2]}")


def read(*words):
    given = Words.parse([*words, "budget.targets=[60]"])
    with given.composing():
        return read_config(hydra.compose(given.name, list(given.overrides)), elsewhere=True)


def answer(*words):
    with pytest.raises((UsageError, ConfigError, HydraException)) as error:
        read(*words)
    return sentence(str(error.value))


@cache
def composed(option):
    words = Words.parse([f"data={option}", "budget.targets=[60]"])
    with words.composing():
        return hydra.compose(words.name, list(words.overrides))


def fault(option="feynman", **data):
    """The sentence for settings of the data that cannot be run; it is composed once, since that is slow."""
    node = OmegaConf.merge(composed(option), {"data": data})
    with pytest.raises(ConfigError) as error:
        read_config(node, elsewhere=True)
    return str(error.value)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A function that writes the suite mine.yaml in the folder where the run starts."""
    monkeypatch.chdir(tmp_path)

    def write(text=SUITE):
        (tmp_path / "mine.yaml").write_text(text)

    return write


def test_a_suite_is_found_by_the_path_of_its_file(mine, tmp_path):
    mine()
    config = read("data.suite=mine.yaml")
    assert [task.name for task in config.tasks] == ["ripple", "line"]
    assert config.suite.name == "mine"
    assert [task.name for task in read(f"data.suite={tmp_path}/mine.yaml", "data.tasks=[l*]").tasks] == ["line"]


def test_a_suite_that_moves_keeps_its_cells_and_a_task_that_changes_is_another(mine, tmp_path):
    mine()
    keys = {cell.key for cell in read("data.suite=mine.yaml").cells()}
    (tmp_path / "other.yaml").write_text(SUITE.replace("My functions", "Moved").replace("source: mine", "source: me"))
    assert {cell.key for cell in read("data.suite=other.yaml").cells()} == keys
    mine(SUITE.replace("2*x", "2*x + 1"))
    assert len({cell.key for cell in read("data.suite=mine.yaml").cells()} & keys) == len(keys) / 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "data.suite: mine.yaml: must be a mapping of keys to values, got None"),
        ("a: [1", "data.suite: mine.yaml: is not YAML ("),
        ("title: t\nsource: s\ntask: []\n", "data.suite: mine.yaml: unknown key 'task'; did you mean tasks?"),
        (SUITE.replace('formula: "2*x"', "formla: 2*x"), "data.suite: mine.yaml: tasks[1] has no formula"),
        (
            SUITE.replace("{x: [0, 1]}", "{x: [0, 1], note: 3}"),
            "data.suite: mine.yaml: tasks[1].variables.note must be",
        ),
        (SUITE.replace("2*x", "2*z"), "data.suite: mine.yaml: task line: formula '2*z': unknown name 'z'"),
        (SUITE.replace("2*x", "foo(x)"), "data.suite: mine.yaml: task line: formula 'foo(x)': unknown name 'foo'"),
        (SUITE.replace("name: line", "name: ripple"), "data.suite: mine.yaml: two tasks have the name 'ripple'"),
        (SUITE.replace("2*x", "log(x - 0.5)"), "data: task line: "),
        (SUITE.replace("2*x", "3"), "data: task line: the target is constant on the training split; leave out of data"),
    ],
)
def test_what_is_wrong_with_a_suite_is_said_with_its_file_and_entry(mine, text, said):
    mine(text)
    assert fault(suite="mine.yaml").startswith(said)


def test_a_suite_that_is_not_there_is_one_sentence(mine):
    assert fault(suite="mine.yaml") == "data.suite: mine.yaml: is not a file"
    mine()
    assert "unknown task of suite mine 'lnie'; did you mean line" in fault(suite="mine.yaml", tasks=["lnie"])


def test_the_tasks_of_a_suite_of_ones_own_are_listed(mine, capsys):
    mine()
    assert perform("list", "mine.yaml") == 0
    assert "line\n    2*x\n    x in [0, 1]\n" in capsys.readouterr().out


def test_a_formula_is_the_task_that_a_suite_would_make_of_it():
    (task,) = read(*RIPPLE).tasks
    twin = FormulaTask(task.name, "sin(3*x)*exp(-y**2)", (Variable("x", -1, 1), Variable("y", 0, 2)))
    assert task == twin
    config = read(*RIPPLE, "data.train=50")
    x = sample(task, 0, config.sizes).train.x
    np.testing.assert_allclose(
        sample(task, 0, config.sizes).train.y, np.sin(3 * x[:, 0]) * np.exp(-((x[:, 1] + 1) ** 2)), rtol=1e-13
    )


def test_formulas_and_ranges_have_tasks_of_different_names_so_one_table_holds_them():
    names = [
        read("data=formula", f"data.formula={formula}", f"data.variables={{x: [0, {high}]}}").tasks[0].name
        for formula in ("x**2", "x**3")
        for high in (1, 2)
    ]
    assert len(set(names)) == 4
    assert all(name.startswith(("x_2-", "x_3-")) for name in names)


@pytest.mark.parametrize(
    "formula", ["sin(3*x)*exp(-y**2)", "jv(1, x)*y", "-x**2 + 3*y", "(x + y)/2", '"x*y"', "'x*y'", "x", "x*y - 1.5e-3"]
)
def test_a_formula_needs_no_quotes_within_those_of_the_shell(formula):
    words = ("data=formula", f"data.formula={formula}", "data.variables={x: [-1, 1], y: [0, 2]}")
    assert read(*words).tasks[0].formula == formula.strip("\"'")


@pytest.mark.parametrize(
    ("formula", "variables", "said"),
    [
        ("foo(x)", "{x: [0, 1]}", "data.formula: formula 'foo(x)': unknown name 'foo'; known: x, pi, sqrt(), exp()"),
        ("sin(z)", "{x: [0, 1]}", "data.formula: formula 'sin(z)': unknown name 'z'; known: x, pi"),
        ("x y", "{x: [0, 1]}", "data.formula: formula 'x y': not an expression (invalid syntax)"),
        ("jv(1)", "{x: [0, 1]}", "data.formula: formula 'jv(1)': jv takes 2 arguments, got 1"),
        ("x", "{x: [1, -1]}", "data.variables: variable 'x' must have low under high, both within 1e+100, got [1, -1]"),
        ("x", "{x: 3}", "data.variables: x must be a list with at least one entry, got 3"),
        ("x", "{x: [1]}", "data.variables: x must be [low, high], or [low, high, size] of a vector, got [1]"),
        ("x", "{x: [0, one]}", "data.variables: x[1] must be a finite number"),
        ("x", "{1: [0, 1]}", "data.variables: must have text as keys (put 1 in quotes)"),
        ("x", "[0, 1]", "data.variables: must be a mapping of keys to values"),
        ("x", "3", "data.variables: must be a mapping of keys to values, got 3"),
        ("mean(v) + v", "{v: [0, 1, 5]}", "data.formula: the formula 'mean(v) + v' must make one number a point"),
    ],
)
def test_what_is_wrong_with_a_formula_is_one_sentence(formula, variables, said):
    assert fault("formula", formula=formula, variables=yaml.safe_load(variables)).startswith(said)


def test_a_formula_that_is_not_finite_on_its_range_is_refused_with_a_point():
    said = fault("formula", formula="sqrt(x)*y", variables={"x": [-1, 1], "y": [0, 1]})
    assert said.startswith("data: task sqrt_x_y-")
    assert " of 1000 train targets are not finite, such as that at x = -0." in said
    assert "the target is constant" in fault("formula", formula="3", variables={"x": [-1, 1]})


def test_a_formula_or_its_ranges_that_are_left_out_are_asked_for():
    assert fault("formula").startswith("data.formula: must be a formula: data=formula 'data.formula=")
    assert fault("formula", formula="x").startswith("data.variables: must give the range of every variable: ")
    assert answer("data.formula=x") == "data.formula is a key of data=formula only"


def labels(*words):
    return [method.label for method in read(*words).methods]


def test_any_two_methods_are_compared():
    assert labels("baseline=kan", "baseline.basis=chebyshev") == ["KAN BSpline", "KAN Chebyshev"]
    own = ("baseline=kan", "baseline.basis=chebyshev", "baseline.basis.degree=9", "baseline.aggregation=mean")
    assert labels(*own, "basis.intervals=9") == ["KAN BSpline intervals=9", "KAN Chebyshev degree=9 mean"]
    assert labels("model=mlp", "baseline=kan", "baseline.basis=rbf") == ["MLP tanh", "KAN RBF"]
    assert labels("model=mlp", "baseline=mlp", "baseline.activation=silu") == ["MLP tanh", "MLP silu"]
    assert labels("baseline=kan", "baseline.depth=4") == ["KAN BSpline", "KAN BSpline depth=4"]


def test_two_equal_methods_are_said_to_be_equal():
    config = read("baseline=kan", "baseline.basis=bspline")
    assert len(config.methods) == 1
    assert "baseline.basis=chebyshev, say, gives the baseline another basis" in config.remark


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("baseline.basis=rbf", "baseline.basis: baseline=mlp has no basis; baseline=kan has one"),
        ("baseline=kan baseline.basis=nope", "baseline.basis=nope: unknown option 'nope'; did you mean"),
        ("baseline=kan baseline.basis=rbf baseline.basis.x=1", "unknown key of basis 'x'; known: "),
        ("baseline=kan baseline.basis=rbf baseline.basis.degree=3", "baseline.basis.degree: baseline.basis=NAME must"),
        ("baseline=kan baseline.basis.degree=3", "baseline.basis.degree: baseline.basis=NAME must choose a basis that"),
        (
            "baseline=kan baseline.basis=taylor baseline.basis.degree=0",
            "baseline.basis.degree must be at least 1, got 0",
        ),
        ("baseline=kan baseline.basis=rbf,sine", "baseline.basis=rbf,sine: several values are a sweep"),
        ("baseline=kan ++baseline.basis.degree=3", "baseline.basis.name: must say which basis is meant"),
    ],
)
def test_what_is_wrong_with_the_basis_of_a_baseline_is_one_sentence(words, said):
    assert answer(*words.split()).startswith(said)
