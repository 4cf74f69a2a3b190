"""Reference solutions: each keeps its own equation, agrees with itself at another resolution and with other methods."""

import numpy as np
import pytest

from kanbench.data import load_suite
from kanbench.data.equations.checking import values_and_terms
from kanbench.data.equations.classical import solve
from kanbench.data.equations.references import allen_cahn, burgers

SUITE = load_suite("pde")


def relative(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("name", ["burgers", "allen_cahn"])
def test_a_reference_keeps_its_equation(name):
    task = SUITE.task(name)
    points = task.equation.box.draw(np.random.default_rng(1), 40)
    residual, terms = values_and_terms(task.solution, points, task.equation.box, task.equation.interior, {})
    assert len(residual) == 40
    assert np.abs(residual).max() < 1e-4 * terms.max()


def test_the_quadrature_of_burgers_does_not_depend_on_its_nodes():
    points = SUITE.task("burgers").equation.box.grid(1_000)
    assert relative(burgers(points, 200), burgers(points)) < 1e-13


def test_burgers_keeps_its_start_its_edges_and_its_symmetry():
    x, t = np.random.default_rng(0).uniform([-1, 0], [1, 1], (30, 2)).T
    np.testing.assert_allclose(burgers(np.stack([x, 0 * t], 1)), -np.sin(np.pi * x), rtol=1e-12)
    np.testing.assert_allclose(burgers(np.stack([-x, t], 1)), -burgers(np.stack([x, t], 1)), rtol=1e-9)
    np.testing.assert_allclose(burgers(np.stack([0 * x + 1, t], 1)), 0.0, atol=1e-13)


def test_burgers_is_what_finite_differences_converge_to():
    """An independent oracle: the method of lines knows nothing of Cole and Hopf."""
    task = SUITE.task("burgers")
    points = task.equation.box.grid(400)
    points = points[points[:, 1] <= 0.3]  # before the front
    errors = [relative(solve(task.equation, n, points, {}, False)[0], burgers(points)) for n in (41, 81)]
    assert errors[1] < 2e-3
    assert errors[0] > 3 * errors[1]


def test_allen_cahn_agrees_with_half_of_its_modes_and_steps():
    points = SUITE.task("allen_cahn").equation.box.grid(1_000)
    assert 0 < relative(allen_cahn(points, 512, 250), allen_cahn(points)) < 2e-5


def test_allen_cahn_keeps_its_start_and_is_the_same_on_a_grid_and_at_single_points():
    points = SUITE.task("allen_cahn").equation.box.grid(400)
    start = points[points[:, 1] == 0, 0]
    np.testing.assert_allclose(allen_cahn(points)[points[:, 1] == 0], start**2 * np.cos(np.pi * start), atol=1e-4)
    one_by_one = np.concatenate([allen_cahn(point[None]) for point in points[::40]])
    np.testing.assert_allclose(one_by_one, allen_cahn(points)[::40], atol=1e-12)


def test_allen_cahn_is_what_finite_differences_converge_to():
    task = SUITE.task("allen_cahn")
    points = task.equation.box.grid(400)
    points = points[(points[:, 1] <= 0.5) & (np.abs(points[:, 0]) < 0.95)]  # the kink of the start is at x = 1
    errors = [relative(solve(task.equation, n, points, {}, False)[0], allen_cahn(points)) for n in (60, 120)]
    assert errors[1] < 1e-4
    assert errors[0] > 3 * errors[1]
