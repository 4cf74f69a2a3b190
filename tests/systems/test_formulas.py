"""What is counted, what is shown, and what is not done twice."""

from dataclasses import replace

import pandas as pd
import pytest

from kanbench.data import SplitSizes, load_suite, sample
from kanbench.systems.formulas import Formulas, best_rows, findings, markdown

ROWS = pd.DataFrame(
    {
        "equation": ["A", "A", "A", "B", "B", "B"],
        "truth": ["x"] * 3 + ["y**2"] * 3,
        "algebraic": [False, True, False, False, False, False],
        "numeric": [True, True, False, False, False, False],
        "error": [0.0, 0.03, 0.9, None, 0.7, 0.5],
        "expression": ["sin(x)", "x", "0", "log(y)", "y", "2*y"],
        "reason": ["", "", "", "not defined", "", ""],
    }
)


def test_the_best_life_of_an_equation_found_it_or_came_nearest():
    assert best_rows(ROWS)["expression"].tolist() == ["x", "2*y"]


def test_equations_and_lives_are_counted():
    found = findings(ROWS)
    assert found.answer == "the true formula is found for 1 of 2 equations by at least one seed, in 1 of 6 tries"
    assert found.numbers == {
        "equations": 2,
        "tries": 6,
        "equations_found": 1,
        "tries_found": 1,
        "equations_agreeing": 1,
    }
    assert found.hold
    assert not findings(ROWS.assign(numeric=False)).hold


def test_the_table_for_people():
    assert markdown(ROWS).splitlines()[2:] == [
        "| A | `x` | 1/3 | 2/3 | 3.0e-02 | `x` |",
        "| B | `y**2` | 0/3 | 0/3 | 5.0e-01 | `2*y` |",
    ]


def test_a_seed_is_done_once_for_the_same_settings(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(Formulas, "row", lambda self, task, seed: calls.append(seed) or {"seed": seed})
    task, path = load_suite("feynman").task("I.27.6"), tmp_path / "I.27.6.json"
    assert Formulas(seeds=2).rows_of(task, path) == [{"seed": 0}, {"seed": 1}]
    assert Formulas(seeds=2, folder="elsewhere").rows_of(task, path) == [{"seed": 0}, {"seed": 1}]
    assert Formulas(seeds=1).rows_of(task, path) == [{"seed": 0}]
    assert calls == [0, 1]
    Formulas(seeds=3).rows_of(task, path)
    assert calls == [0, 1, 2]
    Formulas(seeds=2, products=1).rows_of(task, path)
    assert calls == [0, 1, 2, 0, 1]
    path.write_bytes(path.read_bytes()[:-9])  # cut short
    Formulas(seeds=2, products=1).rows_of(task, path)
    assert calls == [0, 1, 2, 0, 1, 0, 1]


def test_a_product_of_the_development_suite_from_rows_to_its_row():
    row = Formulas(train=300, test=200, products=0, joins=0).row(load_suite("development").task("I.14.4"), 0)
    assert (row["algebraic"], row["numeric"], row["reason"]) == (True, True, "")
    assert (row["expression"], row["form"]) == ("k_spring*x**2/2", "exp of 0 products")
    assert row["error"] < 1e-12
    assert row["size"] <= 4


def test_the_formula_is_compared_at_the_end_and_decides_nothing(monkeypatch):
    """The rows go in; a task with the same rows and another formula gets the same answer."""
    task = load_suite("development").task("II.3.24")
    data = sample(task, 0, SplitSizes(200, 200, 2))
    system = Formulas(products=0, joins=0)
    lies = replace(task, formula="Pwr*r")
    assert system.recovered(task, data, 0) == system.recovered(lies, data, 0)


def test_an_equation_that_sympy_cannot_read_says_why(monkeypatch):
    def fail(task):
        raise ValueError("sympy cannot read it")

    monkeypatch.setattr("kanbench.systems.formulas.truth_of", fail)
    row = Formulas().row(load_suite("feynman").task("I.27.6"), 0)
    assert (row["algebraic"], row["expression"], row["reason"]) == (False, "", "sympy cannot read it")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
        ({"train": 99}, "train must be at least 100, got 99"),
        ({"joins": -1}, "joins must not be negative, got -1"),
        ({"products": 11}, "products must be at most 10, got 11"),
    ],
)
def test_settings_out_of_range(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Formulas(**settings)
