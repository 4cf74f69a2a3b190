"""Suite files that people write: what is wrong in one is said in one sentence, and it hides no other."""

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from kanbench.cli.main import run_command
from kanbench.config.options import CONF
from kanbench.config.read import read_config
from kanbench.data import FormulaTask, Suite, Variable, formula_task, load_suite
from kanbench.errors import ConfigError
from kanbench.files.yaml_file import FileError, read_yaml
from kanbench.systems import Formulas

GOOD = """\
title: Mine
source: a notebook
tasks:
  - {name: first, formula: "x * y", variables: {x: [0, 1], y: [-1.5, 2]}}
  - {name: vector.2, formula: "mean(v)*2", variables: {v: [0, 1, 3]}, note: three, source: elsewhere}
  - {name: third, formula: "a * b + 1", variables: {a: [0, 1], b: [-1.5, 2]}, same_as: first}
"""


@pytest.fixture
def suites(tmp_path, monkeypatch):
    """A folder of suites in place of kanbench's own; `write` files one there."""
    monkeypatch.setattr(formula_task, "SUITES_FOLDER", tmp_path)
    load_suite.cache_clear()
    yield lambda text, name="mine": (tmp_path / f"{name}.yaml").write_bytes(
        text.encode() if isinstance(text, str) else text
    )
    load_suite.cache_clear()


def with_task(text):
    return f"title: Mine\nsource: s\ntasks:\n  - {text}\n"


def test_a_good_suite_is_read_as_it_stands(suites):
    suites(GOOD)
    first, vector, third = load_suite("mine").tasks
    assert first == FormulaTask("first", "x * y", (Variable("x", 0, 1), Variable("y", -1.5, 2)), source="a notebook")
    assert type(first.variables[0].low) is int  # keys of cells tell 0 from 0.0
    assert (vector.n_inputs, vector.note, vector.source) == (3, "three", "elsewhere")
    assert third.same_as == "first"


def test_smoothness_and_heavy_tails_are_marks_that_are_no_part_of_the_problem(suites):
    suites(with_task("{name: a, formula: 1/x, variables: {x: [0.001, 1]}, smooth: false, heavy_tailed: true}"))
    (task,) = load_suite("mine").tasks
    unmarked = FormulaTask("a", "1/x", (Variable("x", 0.001, 1),), source="s")
    assert (task.smooth, task.heavy_tailed, unmarked.smooth, unmarked.heavy_tailed) == (False, True, None, False)
    assert task == unmarked


def test_a_suite_takes_tasks_of_others_by_name_and_adds_its_own(suites):
    suites(GOOD)
    suites("title: Some\nsource: s\nof: {mine: [vector.2, first]}\ntasks:\n  - " + TASK, "some")
    vector, first, own = load_suite("some").tasks
    assert (first, vector) == load_suite("mine").tasks[:2]
    assert vector.source == "elsewhere"
    assert own.name == "a"


TASK = "{name: a, formula: x, variables: {x: [0, 1]}}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must be a mapping of keys to values, got None"),
        ("[1, 2]", "must be a mapping of keys to values"),
        (
            "- &a [x]\n"
            + "".join(f"- &{b} [{f'*{a}, ' * 9}*{a}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)),
            "must be a mapping",
        ),
        ("title: [", r"is not YAML \("),
        ("title: {", r"is not YAML \("),
        (b"title: \xff", "is not YAML in UTF-8"),
        ("title: 2024-13-45", "is not YAML in UTF-8"),
        ("[" * 3000, "is nested too deeply"),
        ("title: !!int ''", "is not YAML"),
        ("title: !!bool maybe", "is not YAML"),
        ("title: !!timestamp x", "is not YAML"),
        ("title: !!python/object/apply:os.system [id]", "is not YAML"),
        ("title: x\ntitle: y", "is not YAML \\('title' appears twice in line 2\\)"),
        ("title: x", "has no source"),
        ("title: x\nsource: y", "has no tasks"),
        ("title: x\nsource: y\nof: [mine]", "of must be a mapping of keys to values"),
        ("title: x\nsource: y\nof: {mine: []}", r"of.mine must be a list with at least one entry"),
        ("title: x\nsource: y\nof: {mein: [a]}", r"of.mein\[0\]: unknown suite 'mein'; did you mean mine"),
        ("title: x\nsource: y\nof: {good: [frist]}", r"of.good\[0\]: unknown task of suite good 'frist'"),
        ("title: x\nsource: y\nof: {good: [first, first]}", "two tasks have the name 'first'"),
        ("title: x\nsource: y\nof: {good: [third]}", "same_as must name a task before it"),
        (with_task("{name: a, formula: x, variables: {x: [0, 1]}, smooth: 1}"), "smooth must be true or false, got 1"),
        ("title: x\nsource: y\ntasks: []", "tasks must be a list with at least one entry, got \\[\\]"),
        ("title: x\nsource: y\ntasks: {a: b}", "tasks must be a list with at least one entry"),
        ("title: 5\nsource: y\ntasks: [" + TASK + "]", "title must be a text, got 5"),
        ("title: x\nsource: null\ntasks: [" + TASK + "]", "source must be a text, got None"),
        ("title: x\nsource: y\ntask: [" + TASK + "]\ntasks: 3", "unknown key 'task'; did you mean tasks"),
        (with_task("text"), r"tasks\[0\] must be a mapping"),
        (with_task("{formula: x}"), r"tasks\[0\] has no name"),
        (with_task("{name: '', formula: x, variables: {x: [0, 1]}}"), r"tasks\[0\].name must be a text, got ''"),
        (with_task("{name: 3, formula: x, variables: {x: [0, 1]}}"), r"tasks\[0\].name must be a text, got 3"),
        (with_task("{name: a, formula: 7, variables: {x: [0, 1]}}"), r"tasks\[0\].formula must be a text, got 7"),
        (with_task("{name: a, formla: x, variables: {x: [0, 1]}}"), r"tasks\[0\] has no formula"),
        (
            with_task("{name: a, formula: x, variables: {x: [0, 1]}, notes: b}"),
            "unknown key 'notes'; did you mean note",
        ),
        (with_task("{name: a, formula: x, variables: [x]}"), r"tasks\[0\].variables must be a mapping"),
        (with_task("{name: a, formula: x, variables: {}}"), "must have variables whose names differ"),
        (
            with_task("{name: a, formula: x, variables: {no: [0, 1]}}"),
            r"must have text as keys \(put False in quotes\)",
        ),
        (with_task("{name: a, formula: x, variables: {x: 1}}"), r"variables.x must be a list"),
        (with_task("{name: a, formula: x, variables: {x: [1]}}"), r"variables.x must be \[low, high\]"),
        (with_task("{name: a, formula: x, variables: {x: [0, 1, 2, 3]}}"), r"variables.x must be \[low, high\]"),
        (with_task("{name: a, formula: x, variables: {x: [1e-3, 1]}}"), r"x\[0\] must be a finite number .*got '1e-3'"),
        (with_task("{name: a, formula: x, variables: {x: [0, .inf]}}"), r"x\[1\] must be a finite number"),
        (with_task("{name: a, formula: x, variables: {x: [no, yes]}}"), r"x\[0\] must be a finite number"),
        (with_task("{name: a, formula: x, variables: {x: [0, 1, 2.5]}}"), r"x\[2\] must be an integer, got 2.5"),
        (with_task("{name: a, formula: x, variables: {x: [0, 1, 0]}}"), "must have a size from 1 to 10,000, got 0"),
        (with_task("{name: a, formula: mean(x), variables: {x: [0, 1, 1000000000]}}"), "must have a size from 1"),
        (with_task("{name: a, formula: x, variables: {x: [1, 0]}}"), r"low under high, .*got \[1, 0\]"),
        (with_task("{name: a, formula: x, variables: {x: [1, 1]}}"), r"low under high, .*got \[1, 1\]"),
        (
            with_task("{name: a, formula: x, variables: {x: [-1.0e+308, 1.0e+308]}}"),
            "low under high, both within 1e[+]100",
        ),
        (with_task("{name: a, formula: x, variables: {x: [0, 1], x: [2, 3]}}"), "'x' appears twice in line 4"),
        (with_task("{name: a, formula: x, variables: {for: [0, 1], x: [0, 1]}}"), "variable 'for' must be a word"),
        (with_task("{name: a, formula: x, variables: {a b: [0, 1], x: [0, 1]}}"), "variable 'a b' must be a word"),
        (with_task("{name: a, formula: z, variables: {x: [0, 1]}}"), "task a: formula 'z': unknown name 'z'; known: x"),
        (
            with_task("{name: a, formula: v, variables: {v: [0, 1, 3]}}"),
            "task a: the formula 'v' must make one number a",
        ),
        (
            with_task("{name: a, formula: mean(v*x), variables: {v: [0, 1, 2], x: [0, 1]}}"),
            "must make one number a point",
        ),
        (with_task("{name: ../../escaped, formula: x, variables: {x: [0, 1]}}"), "name of a task must be letters"),
        (with_task("{name: /etc/x, formula: x, variables: {x: [0, 1]}}"), "name of a task must be letters"),
        (with_task("{name: .., formula: x, variables: {x: [0, 1]}}"), "name of a task must be letters"),
        (with_task(f"{{name: {'a' * 300}, formula: x, variables: {{x: [0, 1]}}}}"), "have at most 100 of"),
        (with_task(TASK + "\n  - " + TASK), "two tasks have the name 'a'"),
        (with_task("{name: a, formula: x, variables: {x: [0, 1]}, same_as: b}"), "same_as must name a task before it"),
        (with_task("{name: a, formula: \"__import__('os').system('id')\", variables: {x: [0, 1]}}"), "is not allowed"),
    ],
    ids=lambda text: repr(text)[-40:],
)
def test_what_is_wrong_with_a_suite_is_one_short_sentence_with_the_file(suites, tmp_path, text, sentence):
    suites(GOOD, "good")
    suites(text)
    with pytest.raises(FileError, match=sentence) as refusal:
        load_suite("mine")
    assert str(refusal.value).startswith(f"{tmp_path / 'mine.yaml'}: ")
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < len(str(tmp_path)) + 400


def test_one_bad_suite_does_not_hide_the_others(suites, tmp_path, capsys):
    suites(GOOD, "good")
    suites("title: 3", "bad")
    suites(GOOD, "my suite")
    assert run_command("list") == 2
    said = capsys.readouterr()
    assert "good " in said.out
    assert "3 tasks" in said.out
    assert f"kanbench: {tmp_path / 'bad.yaml'}: has no source\n" in said.err
    assert f"kanbench: {tmp_path / 'my suite.yaml'}: the name of a suite must be letters" in said.err
    assert run_command("list", "good") == 0
    assert run_command("list", "bad") == 2
    assert "has no source" in capsys.readouterr().err


def test_a_bad_suite_is_refused_by_runs_and_by_the_system_of_formulas_before_anything_is_computed(suites, tmp_path):
    suites(with_task("{name: ../../escaped, formula: x, variables: {x: [0, 1]}}"))
    with pytest.raises(ValueError, match=rf"^suite {tmp_path / 'mine.yaml'}: the name of a task must be letters"):
        Formulas(suite="mine")
    with (
        initialize_config_dir(str(CONF.resolve()), version_base="1.3"),
        pytest.raises(ConfigError, match=rf"^data.suite: {tmp_path / 'mine.yaml'}: the name of a task must be"),
    ):
        read_config(compose("config", ["data.suite=mine"]))


def test_a_suite_that_is_a_folder_is_one_sentence(suites, tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(FileError, match=r"folder\.yaml: is not a file"):
        load_suite("folder")


def test_the_same_text_under_two_keys_and_merged_keys_are_yaml_as_ever(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}\n")
    assert read_yaml(path).value == {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}}


@pytest.mark.parametrize(
    "name", ["../../escaped", "a/b", "a\\b", ".", "..", ".hidden", "", "a b", "a\n", "x" * 101, "\0"]
)
def test_names_that_become_files_are_no_paths(name):
    with pytest.raises(ValueError, match="must be letters, digits"):
        FormulaTask(name, "x", (Variable("x", 0.0, 1.0),))
    with pytest.raises(ValueError, match="must be letters, digits"):
        Suite(name, "title", ())


def test_a_vector_meets_numbers_and_itself_only_whatever_its_size():
    for size in (2, 3, 4, 5):
        vector = Variable("v", 0.0, 1.0, size)
        assert np.isfinite(FormulaTask("fine", "mean(v**2 + v*3)", (vector,)).target(np.zeros((7, size)))).all()
        with pytest.raises(ValueError, match="must make one number a point"):
            FormulaTask("wrong", "mean(v*x)", (vector, Variable("x", 0.0, 1.0)))
