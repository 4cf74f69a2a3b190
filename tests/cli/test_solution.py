"""`solution`: the pictures and tables of what networks found for equations."""

import numpy as np
import pandas as pd
import pytest

from kanbench.cells import Cell, Precision, run_cell
from kanbench.cli.main import answer
from kanbench.data import SplitSizes, load_suite
from kanbench.methods import MLPMethod
from kanbench.report.figures.solutions import Found, Pictured, draw_solutions
from kanbench.store.record import RecordStore
from kanbench.training import LevenbergMarquardt

SIZES = SplitSizes(200, 200, 400)


def train(folder, suite, task, steps=6):
    found, method = load_suite(suite).task(task), MLPMethod()
    optimizer = LevenbergMarquardt(steps=steps)
    record = run_cell(Cell("e", suite, found, method, 40, (0, 1), optimizer, SIZES, Precision.double))
    store = RecordStore(folder / "cells")
    store.prepare()
    store.write(record)
    return record


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pde")
    return folder, train(folder, "pde", "advection", steps=12)


def test_the_table_holds_the_solution_of_the_best_member_with_its_derivatives_and_its_error(solved, capsys):
    folder, record = solved
    assert answer(["solution", str(folder)]) == 0
    picture = folder / "solutions" / "advection.png"
    assert capsys.readouterr().out == f"solution  {picture}\n"
    assert all(picture.with_suffix(end).stat().st_size > 1_000 for end in (".png", ".svg"))
    assert (folder / "cells" / f"{record.key}.kanbench").exists()  # trained again, and kept from now on
    table = pd.read_csv(picture.with_name("advection-MLP_tanh.csv"))
    assert list(table) == ["x", "t", "u", "u_x", "u_t", "reference", "error"]
    np.testing.assert_allclose(table.reference, np.sin(table.x - 5 * table.t), atol=1e-9)
    np.testing.assert_allclose(table.error, table.u - table.reference, atol=1e-9)
    best = min(record.members, key=lambda member: member["val_rel_l2"])
    assert np.linalg.norm(table.error) / np.linalg.norm(table.reference) == pytest.approx(best["test_rel_l2"], rel=0.05)
    u, x = (table[name].to_numpy().reshape(101, 101) for name in ("u", "x"))
    slopes = np.gradient(u, x[:, 0], axis=0)[1:-1]  # central differences
    inner = table.u_x.to_numpy().reshape(101, 101)[1:-1]
    np.testing.assert_allclose(inner, slopes, atol=2e-2 * np.abs(slopes).max())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--task", "burgers"], "solution: no network solved a task 'burgers' of these records"),
        (["--budget", "50"], "solution: budget must be one of 40, got 50"),
        (["--target", "gone.py:Net"], "solution: target gone.py:Net: there is no file gone.py"),
        (["--budget", "many"], "solution: --budget must be a whole number, got 'many'"),
    ],
)
def test_what_is_not_there_is_one_sentence(solved, tmp_path, capsys, words, sentence):
    assert answer(["solution", str(solved[0]), "--out", str(tmp_path / "out"), *words]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_records_of_formulas_have_no_solutions(tmp_path, capsys):
    train(tmp_path, "feynman", "I.12.11")
    assert answer(["solution", str(tmp_path)]) == 2
    assert "solution: I.12.11 is no differential equation" in capsys.readouterr().err
    assert not (tmp_path / "solutions").exists()


def pictured(variables, points, reference, u, error=0.1):
    found = Found("MLP tanh", u, error, 40, 0, {"k": 0.123456})
    return Pictured("pde", "task", ("u_x = 0",), variables, points, reference, (found,))


def test_a_picture_of_one_variable_has_the_curves_and_one_of_three_is_refused():
    x = np.linspace(0, 1, 11)
    figure = draw_solutions(pictured(("x",), x[:, None], x**2, x**2 + 0.01))
    curves, errors = figure.axes
    np.testing.assert_allclose(errors.lines[0].get_ydata(), 0.01)
    np.testing.assert_allclose(curves.lines[1].get_ydata() - curves.lines[0].get_ydata(), 0.01)
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["reference", "MLP tanh, 40 parameters, k = 0.1235: error 1.0e-1"]
    with pytest.raises(ValueError, match="a picture shows one variable or two, and there are 3: x, y, t"):
        draw_solutions(pictured(("x", "y", "t"), np.zeros((1, 3)), x[:1], x[:1]))


@pytest.mark.parametrize(("second", "turned"), [("t", False), ("y", True)])
def test_a_map_has_time_across_or_else_the_first_variable_and_colors_of_an_error_are_symmetric(second, turned):
    points = np.array([(x, t) for x in (0.0, 1.0, 2.0) for t in (0.0, 1.0)])
    reference = points[:, 0] * 10 + points[:, 1] + 1
    figure = draw_solutions(pictured(("x", second), points, reference, reference + 0.5 * points[:, 1]))
    known, words, found, error = figure.axes[:4]
    figure.draw_without_rendering()
    top = (words.texts[0].get_window_extent().y1 - words.bbox.y0) / words.bbox.height
    assert 0.85 < top <= 1.0  # beside the reference, whatever the ranges
    across, upward = ("x", second) if turned else (second, "x")
    assert (found.get_xlabel(), found.get_ylabel()) == (across, upward)
    rows = np.array([[1, 2], [11, 12], [21, 22]])
    np.testing.assert_allclose(known.images[0].get_array(), rows.T if turned else rows)
    assert found.images[0].get_clim() == known.images[0].get_clim() == (1, 22)
    assert error.images[0].get_clim() == (-0.5, 0.5)


def test_a_place_without_records_is_named_by_the_command_that_was_given(tmp_path, capsys):
    assert answer(["solution", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err == f"kanbench: solution: {tmp_path / 'none'} is not a folder\n"
    assert answer(["solution", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"kanbench: solution: no records below {tmp_path}")
