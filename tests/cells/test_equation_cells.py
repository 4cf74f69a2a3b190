"""Cells whose task is a differential equation: from the text of a residual to a record."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kanbench.bases.chebyshev import Chebyshev
from kanbench.cells import Cell, restore_cell, retrain, run_cell
from kanbench.cells.cell import Precision
from kanbench.cells.forecast import step_seconds
from kanbench.cells.problems import TorchResidual, problem_of
from kanbench.cells.train import prepare
from kanbench.data import SplitSizes, load_suite
from kanbench.data.equations.expression import ELEMENTARY, Expression
from kanbench.data.equations.rows import packed
from kanbench.data.formula_task import read_suite
from kanbench.methods import KANMethod, MLPMethod, Solver
from kanbench.training import LevenbergMarquardt
from kanbench.training.jets import directions_of
from kanbench.training.residual_rows import part_rows

SUITE = load_suite("pde")
SIZES = SplitSizes(200, 200, 400)


def cell(name, method, budget, sizes=SIZES, seeds=(0, 1), steps=40, task=None):
    optimizer = LevenbergMarquardt(steps=steps)
    return Cell("e", "pde", task or SUITE.task(name), method, budget, seeds, optimizer, sizes, Precision.double)


@pytest.mark.parametrize("name", ["burgers", "allen_cahn", "boundary_layer"])
def test_rows_are_packed_as_training_unpacks_them(name):
    task = SUITE.task(name)
    blocks = task.equation.blocks(iter(np.random.default_rng(0).spawn(9)), 30, 4)
    problem, weights = problem_of(task), [0.5, 2.0, 3.0][: len(blocks) - 1]
    along = directions_of(problem.orders, problem.variables)
    found = part_rows(problem, along, torch.from_numpy(packed(blocks[0], blocks[1:], weights))[None], None)
    for block, expected, weight in zip(found.blocks, blocks, [1.0, *weights], strict=True):
        places = [block.rows] if block.partner is None else [block.rows, block.partners]
        unpacked = torch.cat([found.points[0, place] for place in places], dim=1)
        np.testing.assert_array_equal(unpacked.numpy(), expected)
        share = found.factors[0, block.rows].square().sum() / found.n  # of a residual that is 1
        assert float(share) == pytest.approx(weight)


def test_torch_and_numpy_agree_on_every_function_and_every_order():
    text = " + ".join(f"{name}(0.3 + u/9 + x/20)" for name in ELEMENTARY if name not in ("step",))
    expression = Expression(f"({text})*k + step(x)*u_xt - u_t**2/(2+u_xx)", ("x", "t"), ("k",))
    generator = np.random.default_rng(0)
    points = generator.uniform(-1, 1, (20, 2))
    jet = {name: generator.uniform(0, 1, 20) for name in expression.orders}
    expected = expression({"x": points[:, 0], "t": points[:, 1], "k": 1.7} | jet)
    found = TorchResidual(expression)(
        torch.from_numpy(points),
        {name: torch.from_numpy(each) for name, each in jet.items()},
        torch.tensor([[1.7]], dtype=torch.float64),
    )
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_a_kan_solves_an_equation_and_its_record_is_of_u():
    """The error of the record against u that the retrained network has at points of our own."""
    method = KANMethod(basis=Chebyshev(degree=4))
    record = run_cell(cell("poisson_1d", method, 40, SplitSizes(100, 100, 400), seeds=(0,), steps=20))
    member = record.members[0]
    assert member["status"] == "ok"
    assert member["metric"] == "rel_l2"
    assert member["measure"] == "relative L2 error of u on the test grid"
    assert member["test_rel_l2"] < 1e-2
    assert 0 < member["val_rel_l2"] < 1e-1
    network = retrain(restore_cell(record.cell, "e", "pde"), 0, None)
    x = torch.linspace(-1, 1, 401, dtype=torch.float64)
    with torch.no_grad():
        u, exact = network(x[:, None]).squeeze(1), torch.sin(torch.pi * x)
    assert float((u - exact).norm() / exact.norm()) == pytest.approx(member["test_rel_l2"], rel=1e-6)


def test_domains_are_scaled_to_the_cube_of_the_network():
    """x in [0, 2 pi] and periodic pairs: a wrong chain rule could not reach this."""
    record = run_cell(cell("advection", MLPMethod(), 60, SplitSizes(300, 300, 400), seeds=(0,), steps=60))
    assert record.members[0]["test_rel_l2"] < 2e-2


def test_the_coefficient_of_an_inverse_problem_is_found_and_recorded():
    record = run_cell(cell("diffusion_inverse", MLPMethod(), 60, SplitSizes(300, 300, 400), seeds=(0,), steps=60))
    assert record.members[0]["coefficient_k"] == pytest.approx(0.1, rel=1e-2)
    assert record.members[0]["test_rel_l2"] < 2e-2


def test_a_cell_is_restored_with_its_key_and_other_conditions_have_another():
    for name in ("burgers", "diffusion_inverse"):
        made = cell(name, MLPMethod(), 40)
        assert restore_cell(made.describe(), "e", "pde").key == made.key
    assert cell("burgers", MLPMethod(), 40).key != cell("allen_cahn", MLPMethod(), 40).key
    solver = cell("burgers", Solver(50, True), 0)
    assert restore_cell(solver.describe(), "e", "pde").key == solver.key


def test_a_step_on_an_equation_is_forecast_by_the_derivatives_of_u():
    """Two fifths of a plain step for each: u_x and u_t; u_x, u_t and u_xx; or two first and two second ones."""
    for name, expected in (("advection", 1.8), ("burgers", 2.2), ("poisson", 2.6)):
        of_equation = cell(name, MLPMethod(), 60)
        rows = of_equation.task.rows(SIZES).train
        plain = replace(of_equation, task=load_suite("feynman").task("I.12.11"), sizes=replace(SIZES, train=rows))
        assert step_seconds(of_equation, 60) / step_seconds(plain, 60) == pytest.approx(expected)


def test_classical_solvers_stand_as_references_with_their_unknowns_and_seconds():
    record = run_cell(cell("poisson", Solver(100, True), 0))
    first, second = record.members
    assert first["method"] == "spectral collocation"
    assert first["test_rel_l2"] < 1e-3
    assert (first["unknowns"], first["budget"], first["seed"], second["seed"]) == (100, None, 0, 1)
    assert first["seconds"] > 0
    assert run_cell(cell("poisson", Solver(100, False), 0)).members[0]["test_rel_l2"] > first["test_rel_l2"]


def test_an_equation_that_no_solver_takes_is_skipped_with_the_reason(tmp_path):
    (tmp_path / "t.yaml").write_text(
        "title: T\nsource: s\ntasks:\n  - {name: inner, variables: {x: [0, 1]}, residual: u_xx, exact: x, "
        "conditions: [{where: x=0.5, u: 0.5}, {where: x=0, u: 0}]}\n"
    )
    (task,) = read_suite(tmp_path / "t.yaml").tasks
    (member, _) = run_cell(cell("", Solver(20, True), 0, task=task)).members
    assert (member["status"], member["reason"]) == ("skipped", "conditions must be at the ends of a range")


@pytest.mark.parametrize("name", ["burgers", "klein_gordon"])
def test_a_hard_form_keeps_conditions_exactly_whatever_the_network_is(name):
    """The untrained u at the faces, and rows for the conditions that the form does not keep."""
    soft = SUITE.task(name)
    hard = replace(soft, hard=soft.form)
    module, _, (batch, _) = prepare(cell(name, MLPMethod(), 40, seeds=(0,), task=hard))
    kept = len(soft.conditions) - len(hard.trained.conditions)
    assert kept == 3
    assert set(batch[0][0, :, -2].tolist()) == set(range(1 + len(soft.conditions) - kept))
    equation = soft.equation
    for condition, expression in zip(equation.conditions, equation.of_conditions, strict=True):
        rows = condition.draw(equation.box, np.random.default_rng(0), 9)
        u = module.ensemble.solution(module.best_theta, torch.from_numpy(rows)[None])[0].numpy()
        if expression.orders == ("u",):
            np.testing.assert_allclose(expression(equation.box.values(rows) | {"u": u}), 0.0, atol=1e-12)


def test_an_equation_is_solved_in_its_hard_form():
    soft = SUITE.task("poisson_1d")
    hard = replace(soft, hard=soft.form)
    record = run_cell(cell("", MLPMethod(), 40, seeds=(0,), steps=40, task=hard))
    assert record.members[0]["test_rel_l2"] < 1e-3
    made = cell("", MLPMethod(), 40, task=hard)
    assert made.key != cell("poisson_1d", MLPMethod(), 40).key
    assert restore_cell(made.describe(), "e", "pde").key == made.key
