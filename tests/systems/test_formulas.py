"""What is counted, what is shown, and what is not done twice."""

import pandas as pd
import pytest

from kanbench.data import load_suite
from kanbench.systems.formulas import Formulas, best_rows, findings, markdown

ROWS = pd.DataFrame(
    {
        "equation": ["A", "A", "A", "B", "B", "B"],
        "truth": ["x"] * 3 + ["y**2"] * 3,
        "algebraic": [False, True, False, False, False, False],
        "numeric": [True, True, False, False, False, False],
        "test_r2": [1.0, 0.999, 0.2, None, 0.5, 0.75],
        "expression": ["sin(x)", "x", "0", "log(y)", "y", "2*y"],
        "reason": ["", "", "", "not defined", "", ""],
    }
)


def test_the_best_life_of_an_equation_found_it_or_came_nearest():
    assert best_rows(ROWS)["expression"].tolist() == ["x", "2*y"]


def test_equations_and_lives_are_counted():
    found = findings(ROWS)
    assert found.answer == "the true formula is found for 1 of 2 equations by at least one seed, in 1 of 6 lives"
    assert found.numbers == {
        "equations": 2,
        "lives": 6,
        "equations_found": 1,
        "lives_found": 1,
        "equations_agreeing": 1,
    }
    assert found.hold
    assert not findings(ROWS.assign(numeric=False)).hold


def test_the_table_for_people():
    assert markdown(ROWS).splitlines()[2:] == [
        "| A | `x` | 1/3 | 2/3 | 1.0e-03 | `x` |",
        "| B | `y**2` | 0/3 | 0/3 | 2.5e-01 | `2*y` |",
    ]


def test_an_equation_is_done_once_for_the_same_settings(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(Formulas, "row", lambda self, task, seed: calls.append(seed) or {"seed": seed})
    task, path = load_suite("feynman").task("I.27.6"), tmp_path / "I.27.6.json"
    assert Formulas(seeds=2).rows_of(task, path) == [{"seed": 0}, {"seed": 1}]
    assert Formulas(seeds=2, folder="elsewhere").rows_of(task, path) == [{"seed": 0}, {"seed": 1}]
    assert calls == [0, 1]
    Formulas(seeds=2, width=3).rows_of(task, path)
    assert calls == [0, 1, 0, 1]
    path.write_bytes(path.read_bytes()[:-9])  # cut short
    Formulas(seeds=2, width=3).rows_of(task, path)
    assert calls == [0, 1, 0, 1, 0, 1]


def test_a_life_that_fails_says_why(monkeypatch):
    def fail(self, task, seed, sizes):
        raise ValueError("no path left")

    monkeypatch.setattr("kanbench.systems.formulas.Upbringing.live", fail)
    row = Formulas().row(load_suite("feynman").task("I.27.6"), 0)
    assert (row["algebraic"], row["expression"], row["reason"]) == (False, "", "no path left")
    with pytest.raises(ValueError, match="seeds must be at least 1, got 0"):
        Formulas(seeds=0)
