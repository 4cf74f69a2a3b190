"""u and its derivatives in Python, from the file of a network and from the results of a run."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import kanbench as kb
from kanbench.analysis import load_records
from kanbench.bases.chebyshev import Chebyshev
from kanbench.cells import Cell, Precision, run_cell
from kanbench.cells.train import Training, record_of
from kanbench.checkpoint import save
from kanbench.data import SplitSizes, load_suite
from kanbench.errors import UsageError
from kanbench.files import user_code
from kanbench.files.sealed import Damaged
from kanbench.files.user_source import TargetError
from kanbench.methods import KANMethod, MLPMethod, OwnMethod
from kanbench.page.solutions import kept_solutions, plain_solutions
from kanbench.report.result import Result
from kanbench.solutions import Solution
from kanbench.solutions.kept import best_member, keep_solution
from kanbench.store.record import RecordStore
from kanbench.training import LevenbergMarquardt

TINY = Path(__file__).parents[1] / "methods" / "tiny_models.py"
SUITE = load_suite("pde")
SIZES = SplitSizes(60, 60, 400)
KAN = KANMethod(basis=Chebyshev(degree=2))


def cell(name, method, seeds=(0, 1), steps=15):
    return Cell(
        "e", "pde", SUITE.task(name), method, 40, seeds, LevenbergMarquardt(steps=steps), SIZES, Precision.double
    )


def untrained(name, method, is_hard=False):
    """A random network as the solution of an equation, which is as good for identities as a trained one."""
    task = SUITE.task(name)
    network = method.build(task.n_inputs, 5, torch.Generator().manual_seed(0), torch.float64)
    return Solution(network, replace(task, hard=task.form) if is_hard else task)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of two methods on an inverse problem, with its records."""
    folder = tmp_path_factory.mktemp("run")
    store = RecordStore(folder / "cells")
    store.prepare()
    for method in (MLPMethod(), KAN):
        of = cell("diffusion_inverse", method)
        store.write(run_cell(of, keep=partial(keep_solution, store.folder)))
    return folder


def record_in(folder, method):
    store = RecordStore(folder / "cells")
    return store.find(cell("diffusion_inverse", method).key)


@pytest.mark.parametrize("method", [MLPMethod(), KAN])
@pytest.mark.parametrize(("name", "is_hard"), [("advection", False), ("burgers", True)])
def test_derivatives_are_central_differences_of_u_in_the_units_of_the_equation(method, name, is_hard):
    solution, h = untrained(name, method, is_hard), 1e-4
    box = solution.task.equation.box
    points = np.random.default_rng(0).uniform(
        box.lows * 0.9 + 0.1 * box.highs, 0.9 * box.highs + 0.1 * box.lows, (30, 2)
    )
    right, up = np.eye(2) * h

    def off(*steps):
        return solution(points + sum(steps))

    expected = {
        "u_x": (off(right) - off(-right)) / (2 * h),
        "u_t": (off(up) - off(-up)) / (2 * h),
        "u_xx": (off(right) - 2 * off(0 * up) + off(-right)) / h**2,
        "u_xt": (off(right, up) - off(right, -up) - off(-right, up) + off(-right, -up)) / (4 * h**2),
    }
    for name, difference in expected.items():
        np.testing.assert_allclose(solution(points, name), difference, atol=1e-5 * max(1, np.abs(difference).max()))


def test_a_hard_form_keeps_its_conditions_exactly_and_its_initial_values():
    solution = untrained("burgers", KAN, is_hard=True)
    x, t = np.linspace(-1, 1, 21), np.linspace(0, 1, 21)
    np.testing.assert_allclose(solution(np.column_stack([x, 0 * x])), -np.sin(np.pi * x), atol=1e-14)
    for end in (-1.0, 1.0):
        np.testing.assert_allclose(solution(np.column_stack([end + 0 * t, t])), 0.0, atol=1e-14)


@pytest.mark.parametrize("method", [MLPMethod(), KAN])
def test_the_solution_of_a_run_has_the_error_and_the_coefficient_of_its_record(folder, method):
    solution = kb.load_solution(folder, method=method.label)
    best = min(record_in(folder, method).members, key=lambda member: member["val_rel_l2"])
    assert solution.relative_error(400) == pytest.approx(best["test_rel_l2"], rel=1e-9)
    assert solution.coefficients == {"k": best["coefficient_k"]}
    assert (solution.about["seed"], solution.about["params"]) == (best["seed"], best["params"])
    table = solution.table()
    assert list(table) == ["x", "t", "u", "u_t", "u_xx", "reference", "error"]
    np.testing.assert_array_equal(table.error, table.u - table.reference)


def test_the_file_alone_is_enough_and_holds_every_bit(folder, tmp_path):
    solution = kb.load_solution(folder, "diffusion_inverse", "MLP tanh")
    solution.save(tmp_path / "mine.kanbench")
    again = kb.load_solution(tmp_path / "mine.kanbench")
    points = solution.grid(50)
    for name in ("u", "u_x", "u_tt"):
        np.testing.assert_array_equal(again(points, name), solution(points, name))
    assert (again.task, again.coefficients, again.about) == (solution.task, solution.coefficients, solution.about)


def test_a_member_without_a_file_is_trained_again_and_kept(folder):
    kept = folder / "cells" / f"{cell('diffusion_inverse', KAN).key}.kanbench"
    before = kb.load_solution(kept)
    kept.unlink()
    again = kb.load_solution(folder, method=KAN.label)
    np.testing.assert_allclose(again(again.grid(50)), before(again.grid(50)), rtol=1e-6, atol=1e-9)
    assert again.about == before.about
    assert kept.exists()


def test_an_own_model_is_a_solution_where_its_code_is_at_hand(tmp_path):
    method = OwnMethod(target=f"{TINY}:Plain")
    untrained("burgers", method).save(tmp_path / "own.kanbench")
    points = np.array([[0.3, 0.4], [-0.2, 0.1]])
    expected = untrained("burgers", method)(points, "u_xx")
    np.testing.assert_array_equal(kb.load_solution(tmp_path / "own.kanbench")(points, "u_xx"), expected)
    user_code._loaded.clear()  # as in another process
    with pytest.raises(TargetError, match=r"holds an own model, Plain of source .*target='.*Plain'"):
        kb.load_solution(tmp_path / "own.kanbench")
    again = kb.load_solution(tmp_path / "own.kanbench", target=f"{TINY}:Plain")
    np.testing.assert_array_equal(again(points, "u_xx"), expected)


def test_a_data_frame_gives_points_by_names_whatever_the_order_of_its_columns():
    solution = untrained("burgers", MLPMethod())
    points = solution.grid(9)
    frame = pd.DataFrame({"t": points[:, 1], "other": 0, "x": points[:, 0]})
    np.testing.assert_array_equal(solution(frame), solution(points))
    one = untrained("poisson_1d", MLPMethod())
    np.testing.assert_array_equal(one([0.1, 0.2]), one([[0.1], [0.2]]))


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda u: u([0.1, 0.2]), r"points must be \(n, 2\), the columns x, t, got \(2,\)"),
        (lambda u: u(pd.DataFrame({"x": [0.1]})), r"points must have a column for each variable, and \['t'\] is not"),
        (lambda u: u([[0.1, 0.2]], "u_xxx"), "derivative must be u or one of u_x, u_t, u_xx, .*, got 'u_xxx'"),
    ],
)
def test_what_cannot_be_asked_of_a_solution_is_one_sentence(ask, sentence):
    with pytest.raises(ValueError, match=sentence):
        ask(untrained("burgers", MLPMethod()))


def test_what_results_do_not_hold_is_one_sentence(folder, tmp_path):
    with pytest.raises(UsageError, match="say which one of these is meant, method: KAN Chebyshev degree=2, MLP tanh"):
        kb.load_solution(folder)
    with pytest.raises(UsageError, match="solution: no network solved a method 'KAN RBF' of these records"):
        kb.load_solution(folder, method="KAN RBF")
    with pytest.raises(UsageError, match="neither a file of a solution nor a folder with records"):
        kb.load_solution(tmp_path)
    save(kb.MLP([1, 2, 1]), tmp_path / "other.kanbench")
    with pytest.raises(Damaged, match=r"other\.kanbench: holds a network that is no solution of an equation"):
        kb.load_solution(tmp_path / "other.kanbench")


def test_for_pictures_files_are_read_and_nothing_is_trained(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("kanbench.solutions.kept.train_again", None)
    files = {path.stem: path for path in folder.glob("cells/*.json")}
    records = load_records(list(files.values()))
    (solved,) = kept_solutions(files, Result.of(records))
    assert [each.error for each in solved.found] == sorted(each.error for each in solved.found)
    assert solved.said[1:3] == ("u = sin(pi*x) at t=0", "u = 0 at x=-1")
    (plain,) = plain_solutions([solved])
    for found, each in zip(solved.found, plain["found"], strict=True):
        u = sum(part["scale"] * np.array(part["values"]) for part in (plain["reference"], each["off"]))
        np.testing.assert_allclose(u, found.u, atol=2e-4 * np.abs(found.u).max())
    assert len(u) == 60 * 60
    assert len(json.dumps(plain)) < 30_000 * (1 + len(solved.found))
    moved = tmp_path / "cells"
    moved.mkdir()
    copies = {key: moved / path.name for key, path in files.items()}
    assert kept_solutions(copies, Result.of(records)) == []


def test_the_best_member_has_the_rate_of_the_lowest_median_and_was_trained_to_the_end():
    rows = [(0.1, 1.0, "ok"), (0.1, 9.0, "ok"), (0.1, 8.0, "ok"), (0.2, 5.0, "ok"), (0.2, 3.0, "ok")]
    rows += [(0.2, 2.0, "diverged"), (0.3, None, "diverged")]
    members = [{"lr": lr, "val_rel_l2": error, "status": status} for lr, error, status in rows]
    assert best_member(members) == 4
    assert best_member(members[-1:]) is None


def test_the_best_member_of_a_search_may_be_in_either_group_of_its_seeds(tmp_path):
    whole = cell("poisson_1d", KAN, seeds=(0, 1, 2))
    groups = [Training(whole, seeds=seeds) for seeds in ((0,), (1, 2))]
    for each in groups:
        each.go_on()
    record = record_of(whole, groups)
    for k in range(3):  # as if each was the best
        members = [member | {"val_rel_l2": float(i != k)} for i, member in enumerate(record.members)]
        keep_solution(tmp_path, whole, groups, replace(record, members=members))
        solution = kb.load_solution(tmp_path / f"{whole.key}.kanbench")
        assert solution.relative_error(400) == pytest.approx(record.members[k]["test_rel_l2"], rel=1e-9)
        assert solution.about["seed"] == k
