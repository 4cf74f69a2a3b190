"""Derivatives of splines against SciPy and of formulas against SymPy; exponents of errors that are powers."""

import numpy as np
import pytest
import sympy
import torch
from rich.console import Console
from scipy.interpolate import BSpline as SciPySpline

from kanbench.systems import ApproximationRate
from kanbench.systems.approximation_rate import COMPOSITION, EDGES, rate_check
from kanbench.systems.rates import Rate, exponent
from kanbench.systems.smooth import derivatives, distances

POINTS = torch.rand(30, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_derivatives_of_a_spline_by_repeated_autograd_equal_scipys(degree):
    layer = EDGES[0].spline(degree, 6)
    knots = -1.0 + np.arange(-degree, 7 + degree) / 3.0
    theirs = SciPySpline(knots, layer.coefficients.detach().numpy().ravel(), degree)
    mine = derivatives(layer, POINTS[:, :1], degree)
    for m in range(degree + 1):
        np.testing.assert_allclose(mine[(m,)], theirs(POINTS[:, 0].numpy(), nu=m), rtol=1e-9, atol=1e-9)


def test_partial_derivatives_of_the_composition_equal_sympys():
    x, y = sympy.symbols("x y")
    formula = sympy.exp(sympy.sin(sympy.pi * x) + y**2)
    found = derivatives(COMPOSITION.function, POINTS, 3)
    assert len(found) == 10
    for (a, b), values in found.items():
        exact = sympy.lambdify((x, y), sympy.diff(formula, x, a, y, b))
        np.testing.assert_allclose(values, exact(*POINTS.numpy().T), rtol=1e-10, atol=1e-10)


def test_the_splines_of_the_known_edges_are_composed():
    model = COMPOSITION.splines(3, 10)
    inner = [edge.spline(3, 10)(POINTS[:, i : i + 1]) for i, edge in enumerate(COMPOSITION.inner)]
    expected = COMPOSITION.outer.spline(3, 10)(inner[0] + inner[1])
    torch.testing.assert_close(model(POINTS), expected, rtol=1e-13, atol=1e-13)


def test_distances_are_the_largest_errors_of_all_derivatives_up_to_an_order():
    """x^2 y against 0 on (1, 2) and (3, -1): largest values 9; 6, 9; 6, 4."""
    points = torch.tensor([[1.0, 2.0], [3.0, -1.0]], dtype=torch.float64)
    found = distances(lambda x: x[:, :1] ** 2 * x[:, 1:], lambda x: 0.0 * x[:, :1], points, 2)
    assert found == [9.0, 9.0, 9.0]
    assert distances(lambda x: x[:, :1] ** 3, lambda x: 0.0 * x[:, :1], points[:, :1] / 3, 2) == pytest.approx(
        [1, 3, 6]
    )


def test_a_spline_reproduces_polynomials_of_its_degree():
    x = torch.linspace(-0.99, 0.99, 50, dtype=torch.float64).unsqueeze(1)
    (_, square) = COMPOSITION.inner
    assert max(distances(square.spline(2, 5), square.function, x, 2)) < 1e-11
    assert distances(square.spline(1, 5), square.function, x, 0)[0] > 1e-3


def test_the_exponent_of_a_power_is_exact_and_its_interval_grows_with_the_scatter():
    sizes = (4, 8, 16, 32)
    straight = exponent(sizes, [5.0 * n**-2.5 for n in sizes])
    assert straight.value == pytest.approx(-2.5)
    assert straight.half_width == pytest.approx(0.0, abs=1e-6)
    assert exponent(sizes, [5.0 * n**-2.5 * (1.2 if n == 8 else 1.0) for n in sizes]).half_width > 0.1


def test_a_wrong_rate_fails_the_check():
    sizes = (4, 8, 16)
    right = Rate("f", "", 1, sizes, [[n**-2.0 for n in sizes], [n**-1.0 for n in sizes]])
    slow = Rate("f", "", 1, sizes, [[n**-1.6 for n in sizes], [n**-1.0 for n in sizes]])
    assert right.expected == [-2, -1]
    assert rate_check("f", [right]).holds
    assert not rate_check("f", [right, slow]).holds


def test_a_small_run_confirms_degree_two():
    system = ApproximationRate(degrees=(2,), grids=(8, 12, 16), samples=40, points=1_000, steps=5, starts=1)
    findings = system.run(Console(quiet=True))
    edges, built, _ = findings.checks
    assert edges.holds
    assert built.holds
    assert "times as wrong" in findings.notes[1]


def test_the_distance_to_a_function_that_is_no_number_somewhere_is_none():
    x = torch.tensor([[0.5], [0.25]], dtype=torch.float64)
    assert np.isnan(distances(lambda x: x.log(), lambda x: (x - 0.4).log(), x, 1)).all()
    assert distances(lambda x: x.square(), lambda x: x.square() + x / 2, x, 2) == [0.25, 0.5, 0.5]
