"""Classical solvers converge at their orders, on matrices that are exact where theory says so."""

import numpy as np
import pytest

from kanbench.data import load_suite
from kanbench.data.equations.axes import chebyshev, differences, fourier, periodic_differences
from kanbench.data.equations.classical import solve
from kanbench.data.equations.collocation import NoSolver, axis_of
from kanbench.data.equations.lines import Lines
from kanbench.data.formula_task import read_suite

SUITE = load_suite("pde")


def written(folder, text):
    """The one task of a suite whose task is written below its heading."""
    (folder / "t.yaml").write_text(f"title: T\nsource: s\ntasks:\n{text}")
    return read_suite(folder / "t.yaml").tasks[0]


def error(name, unknowns, is_spectral, at_least=2_000):
    task = SUITE.task(name)
    points = task.equation.box.grid(at_least)
    exact = task.solution(points)
    found, used = solve(
        task.equation, unknowns, points, {each.name: each.exact for each in task.coefficients}, is_spectral
    )
    assert used <= unknowns
    return np.linalg.norm(found - exact) / np.linalg.norm(exact)


@pytest.mark.parametrize(
    ("name", "unknowns"),
    [
        ("poisson_1d", (61, 121)),
        ("poisson_1d_two_scales", (121, 241)),
        ("poisson", (31**2, 61**2)),
        ("poisson_kan_paper", (31**2, 61**2)),
        ("helmholtz", (61**2, 121**2)),
        ("advection", (61**2, 121**2)),
        ("diffusion_inverse", (31**2, 61**2)),
    ],
)
def test_finite_differences_are_of_the_second_order(name, unknowns):
    coarse, fine = (error(name, n, False) for n in unknowns)
    assert 3.5 < coarse / fine < 4.7


@pytest.mark.parametrize(
    ("name", "unknowns", "reached"),
    [
        ("poisson_1d", (11, 21), 1e-11),
        ("poisson_1d_two_scales", (41, 61), 1e-8),
        ("poisson", (9**2, 17**2), 1e-9),
        ("poisson_kan_paper", (13**2, 21**2), 1e-8),
        ("helmholtz", (21**2, 33**2), 1e-9),
        ("advection", (9**2, 17**2), 1e-9),
        ("diffusion_inverse", (9**2, 17**2), 1e-9),
        ("boundary_layer", (81, 161), 1e-8),
    ],
)
def test_spectral_collocation_gains_digits_with_every_node(name, unknowns, reached):
    coarse, fine = (error(name, n, True) for n in unknowns)
    assert fine < reached
    assert coarse / fine > 1e3


@pytest.mark.parametrize("is_spectral", [False, True])
def test_a_wave_equation_of_the_second_order_in_time_is_integrated_from_u_and_its_rate(is_spectral):
    task = SUITE.task("klein_gordon")
    points = task.equation.box.grid(64)
    points = points[points[:, 1] <= 0.25]
    found, used = solve(task.equation, 16, points, {}, is_spectral)
    assert used == 16  # eight nodes for u, and as many for u_t
    np.testing.assert_allclose(found, task.solution(points), atol=1e-5)


def test_the_jacobian_of_the_method_of_lines_is_that_of_its_rate():
    for name in ("burgers", "allen_cahn", "klein_gordon"):
        equation = SUITE.task(name).equation
        for is_spectral in (False, True):
            lines = Lines(equation, axis_of(equation, 0, 13, is_spectral), 1, {})
            state = lines.start() + 0.1 * np.random.default_rng(0).standard_normal(len(lines.start()))
            along = np.random.default_rng(1).standard_normal(len(state))
            slope = (lines.rate(0.3, state + 1e-5 * along) - lines.rate(0.3, state - 1e-5 * along)) / 2e-5
            np.testing.assert_allclose(
                lines.jacobian(0.3, state) @ along, slope, rtol=1e-6, atol=1e-6 * np.abs(slope).max()
            )


@pytest.mark.parametrize("axis", [differences(-1, 3, 9), chebyshev(-1, 3, 9), differences(-1, 3, 9, from_low=True)])
def test_matrices_differentiate_parabolas_exactly(axis):
    x = axis.nodes
    inner = slice(2, None)  # what looks back needs two nodes
    np.testing.assert_allclose((axis.first @ (x**2 - x))[inner], (2 * x - 1)[inner], atol=1e-12)
    np.testing.assert_allclose((axis.second @ (x**2 - x)), 2.0, atol=1e-11)
    at = np.linspace(-1, 3, 17)
    np.testing.assert_allclose(axis.interpolation(at) @ x**3, at**3, atol=1e-12)


def test_a_fourier_axis_differentiates_and_interpolates_its_waves_exactly_and_differences_nearly():
    exact, near = fourier(0, 4, 9), periodic_differences(0, 4, 400)

    def wave(x):
        return np.sin(np.pi * x) + np.cos(np.pi / 2 * x)

    def slope(x):
        return np.pi * np.cos(np.pi * x) - np.pi / 2 * np.sin(np.pi / 2 * x)

    for axis, digits in ((exact, 1e-12), (near, 1e-3)):
        np.testing.assert_allclose(axis.first @ wave(axis.nodes), slope(axis.nodes), atol=digits * 4)
        at = np.array([0.0, 0.3, 3.99, 4.0, 1.7])
        np.testing.assert_allclose(axis.interpolation(at) @ wave(axis.nodes), wave(at), atol=digits)


def test_a_nonlinear_equation_without_a_time_is_solved_by_newtons_method(tmp_path):
    text = """  - name: steady
    variables: {x: [0, 1]}
    residual: "u_xx - exp(u) + exp(x*(1-x)) + 2"
    conditions: [{where: boundary, u: 0}]
    exact: "x*(1-x)"
"""
    task = written(tmp_path, text)
    points = task.equation.box.grid(50)
    for is_spectral in (False, True):
        found, _ = solve(task.equation, 20, points, {}, is_spectral)
        np.testing.assert_allclose(found, task.solution(points), atol=1e-9)


def test_a_condition_within_the_domain_is_for_no_classical_solver(tmp_path):
    text = """  - name: inner
    variables: {x: [0, 1]}
    residual: "u_xx"
    conditions: [{where: "x=0.5", u: 0.5}, {where: "x=0", u: 0}]
    exact: "x"
"""
    task = written(tmp_path, text)
    with pytest.raises(NoSolver, match="conditions must be at the ends of a range"):
        solve(task.equation, 20, task.equation.box.grid(50), {}, True)


def solved_in_time(tmp_path, *, residual="u_t-u_xx-u+u**3", start="u-sin(pi*x)", right="x=1"):
    """u at x = 1/2 and t = 0 by finite differences, for an equation with u = 0 at both ends."""
    text = f"""  - name: heat
    variables: {{x: [0, 1], t: [0, 0.1]}}
    residual: "{residual}"
    conditions: [{{where: "t=0", residual: "{start}"}}, {{where: "x=0", u: 0}}, {{where: "{right}", u: 0}}]
    exact: "sin(pi*x)"
"""
    (u,) = solve(written(tmp_path, text).equation, 61, np.array([[0.5, 0.0]]), {}, False)[0]
    return u


@pytest.mark.parametrize("start", ["u-sin(pi*x)", "sin(pi*x)-u", "2*u-2*sin(pi*x)"])
def test_a_start_may_be_written_with_any_factor(tmp_path, start):
    assert solved_in_time(tmp_path, start=start) == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"residual": "u_t**2-u_xx+u**3"}, "the equation must be linear in u_t"),
        ({"start": "u**2-sin(pi*x)"}, "conditions must be linear in u"),
        ({"right": "x=0.2"}, "conditions must be at the ends of a range"),
    ],
)
def test_what_cannot_march_in_time_is_left_out(tmp_path, words, sentence):
    with pytest.raises(NoSolver, match=sentence):
        solved_in_time(tmp_path, **words)


WAVE = "exp(-t)*sin(2*x+t)"
LEFT, RIGHT = "2*exp(-t)*cos(t)", "2*exp(-t)*cos(2+t)"  # u_x at x = 0 and at x = 1
SLOPES = f"{{where: x=0, u_x: {LEFT}}}, {{where: x=1, u_x: {RIGHT}}}"
MIXED = (
    f'{{where: x=0, residual: "(1+t)*u_x+u-(1+t)*{LEFT}-exp(-t)*sin(t)"}}, '
    f'{{where: x=1, residual: "u_x+t*u-{RIGHT}-t*exp(-t)*sin(2+t)"}}'
)


def with_edges(tmp_path, edges, term="", unknowns=11, is_spectral=True):
    """The relative error of u for a heat equation with a further term, whose solution is a wave that decays."""
    term = term.replace("U", f"({WAVE})")
    text = f"""  - name: heat
    variables: {{x: [0, 1], t: [0, 0.2]}}
    residual: "u_t-u_xx-exp(-t)*(cos(2*x+t)+3*sin(2*x+t)){term}"
    conditions: [{{where: "t=0", u: "sin(2*x)"}}, {edges}]
    exact: "{WAVE}"
"""
    task = written(tmp_path, text)
    points = task.equation.box.grid(400)
    exact = task.solution(points)
    return np.linalg.norm(solve(task.equation, unknowns, points, {}, is_spectral)[0] - exact) / np.linalg.norm(exact)


@pytest.mark.parametrize("edges", [SLOPES, MIXED])
def test_slopes_at_edges_and_their_factors_may_depend_on_time(tmp_path, edges):
    """By both ways of solving: one linear system, and the method of lines."""
    assert with_edges(tmp_path, edges, unknowns=15**2) < 1e-11
    coarse, fine = (with_edges(tmp_path, edges, "+u**3-U**3", n, is_spectral=False) for n in (11, 21))
    assert 3.5 < coarse / fine < 4.7


@pytest.mark.parametrize(
    ("left", "sentence"),
    [
        ("u_t-exp(-t)*(cos(t)-sin(t))", "conditions at the ends of x must have no rate of change"),
        (f"t*u_x-t*{LEFT}", "conditions at the ends of x must fix u there at all times"),
    ],
)
def test_conditions_that_fix_no_value_at_an_edge_are_for_no_method_of_lines(tmp_path, left, sentence):
    edges = f'{{where: x=0, residual: "{left}"}}, {{where: x=1, u: "exp(-t)*sin(2+t)"}}'
    with pytest.raises(NoSolver, match=sentence):
        with_edges(tmp_path, edges, "+u**3-U**3")


def test_fewer_than_five_nodes_along_an_axis_are_no_solver():
    """Before, 24 unknowns were solved with 25, and 9 of the second order in time with 10."""
    for name, least in (("poisson", 25), ("klein_gordon", 10), ("poisson_1d", 5), ("allen_cahn", 5)):
        equation = SUITE.task(name).equation
        for is_spectral in (False, True):
            assert solve(equation, least, np.zeros((1, equation.box.dimension)), {}, is_spectral)[1] <= least
            with pytest.raises(NoSolver, match="so few unknowns leave 4 nodes along x, and 5 are needed"):
                solve(equation, least - 1, np.zeros((1, equation.box.dimension)), {}, is_spectral)
