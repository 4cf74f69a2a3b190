"""Equations as tasks: what a suite says, the rows that are drawn, and what is refused."""

import numpy as np
import pytest

from kanbench.data import CLEAN, Conditions, Shares, SplitSizes, load_suite, sample
from kanbench.data.equations.rows import packed
from kanbench.data.formula_task import read_suite

SIZES = SplitSizes(200, 100, 400)


def with_equation(**changes):
    """A heat equation as an entry of a suite, with some keys changed, or left out if None."""
    content = {
        "name": "heat",
        "variables": "{x: [0, 2], t: [0, 1]}",
        "residual": '"u_t-u_xx/pi**2"',
        "conditions": '[{where: "t=0", u: sin(pi*x)}, {where: "x=0", u: 0}, {where: "x=2", u: 0}]',
        "exact": '"exp(-t)*sin(pi*x)"',
    } | changes
    entry = "\n".join(f"    {key}: {value}" for key, value in content.items() if value is not None)
    return f"title: Mine\nsource: s\ntasks:\n  -\n{entry}\n"


@pytest.fixture
def read(tmp_path):
    def read(**changes):
        (tmp_path / "mine.yaml").write_text(with_equation(**changes))
        return read_suite(tmp_path / "mine.yaml").tasks[0]

    return read


def test_an_equation_is_read_as_a_person_writes_it(read):
    task = read()
    assert task.n_inputs == 2
    assert task.equation.interior.orders == ("u_t", "u_xx")
    assert [(each.where, each.residual) for each in task.conditions] == [
        ("t=0", "u-(sin(pi*x))"),
        ("x=0", "u"),
        ("x=2", "u"),
    ]
    assert task.remark == ""
    boundary = read(conditions="[{where: boundary, u_x: 1.5}]", exact='"x"', residual="u_x-1").conditions
    assert [each.where for each in boundary] == ["x=0", "x=2", "t=0", "t=1"]
    assert {each.residual for each in boundary} == {"u_x-(1.5)"}


def test_a_periodic_condition_is_one_for_u_and_for_its_slope_if_there_is_a_second_derivative(read):
    start = '[{where: "t=0", u: sin(pi*x)}, {periodic: x}]'
    assert [each.residual for each in read(conditions=start).conditions[1:]] == ["u", "u_x"]
    wave = read(conditions=start, residual="u_t+u_x", exact="sin(pi*(x-t))")
    assert [each.residual for each in wave.conditions[1:]] == ["u"]
    rows = wave.conditions[1].draw(wave.equation.box, np.random.default_rng(0), 50)
    np.testing.assert_array_equal(rows[:, 0], 0.0)
    np.testing.assert_array_equal(rows[:, 2], 2.0)
    np.testing.assert_array_equal(rows[:, 1], rows[:, 3])


def test_rows_lie_where_their_residuals_hold_and_the_loss_weighs_blocks_by_their_means():
    task = load_suite("pde").task("burgers")
    data = sample(task, 3, SIZES)
    assert len(data.train.x) == task.rows(SIZES).train == 200 + 3 * 10
    block, factor = data.train.x[:, -2], data.train.x[:, -1]
    inside = data.train.x[block == 0]
    assert (np.abs(inside[:, 0]) < 1).all()
    assert set(data.train.x[block == 1][:, 1]) == {0.0}
    assert [set(data.train.x[block == number][:, 0]) for number in (2, 3)] == [{-1.0}, {1.0}]
    residual = np.random.default_rng(0).standard_normal(len(block))
    by_hand = sum((residual[block == number] ** 2).mean() for number in range(4))
    assert ((factor * residual) ** 2).mean() == pytest.approx(by_hand, rel=1e-12)


def test_weights_of_conditions_are_factors_of_their_mean_squares():
    inside, edge = np.zeros((8, 2)), np.ones((2, 2))
    rows = packed(inside, [edge], [3.0])
    np.testing.assert_allclose(rows[:, -1] ** 2, [10 / 8] * 8 + [3 * 10 / 2] * 2)
    assert rows.shape == (10, 4)
    assert packed(inside, [np.ones((2, 4))], [1.0]).shape == (10, 6)


def test_rows_are_the_same_for_one_seed_and_others_for_another_split_or_seed():
    task = load_suite("pde").task("advection")
    first, again, other = (sample(task, seed, SIZES) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.train.x, again.train.x)
    for one, two in ((first.train, first.validation), (first.train, other.train)):
        shared = np.intersect1d(one.x[:, 1], two.x[:, 1])
        assert set(shared) <= {0.0}  # the initial time
    np.testing.assert_array_equal(first.test.x, other.test.x)
    assert (first.test.x.min(), first.test.x.max()) == (-1, 1)  # on the cube, as networks take it
    longer = sample(task, 1, SplitSizes(300, 100, 400)).train.x
    np.testing.assert_array_equal(longer[:200, :4], first.train.x[:200, :4])


def test_the_test_is_u_on_a_grid_with_its_edges_and_u_of_zero_scores_one():
    task = load_suite("pde").task("poisson")
    data = sample(task, 0, SIZES)
    assert data.test.x.shape == (21**2, 2)
    assert data.test.x.min(axis=0).tolist() == [-1, -1]
    assert data.test.x.max(axis=0).tolist() == [1, 1]
    grading = task.grading
    assert grading.grade(data, np.zeros(21**2), data.test.y)["rel_l2"] == pytest.approx(1.0)
    assert grading.grade(data, data.test.y, data.test.y)["rel_l2"] == 0.0
    left = data.train.y
    assert grading.grade(data, left, left)["rel_l2"] == pytest.approx(1.0)  # u = 0 leaves this residual
    assert grading.grade(data, np.zeros_like(left), left)["rel_l2"] == 0.0
    assert (grading.targets(data, left) == 0).all()


@pytest.mark.parametrize("name", ["noise", "extrapolation"])
def test_noise_and_extrapolation_are_refused(name):
    task = load_suite("pde").task("poisson_1d")
    with pytest.raises(
        ValueError, match=f"^task poisson_1d: an equation has no targets to disturb, so {name} must be 0$"
    ):
        sample(task, 0, SIZES, Conditions(**{name: 0.1}))
    with pytest.raises(ValueError, match="shares are of the rows of a table"):
        task.rows(Shares())
    assert task.may_fail(CLEAN)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"residual": "u_t-u_xy"}, "task heat: formula 'u_t-u_xy': unknown derivative 'u_xy'; known: u_x, u_t, u_xx"),
        ({"residual": "u_t-u_xxx"}, "u_xxx is of an order above 2"),
        ({"residual": "x*t"}, "task heat: the residual 'x\\*t' does not contain u"),
        ({"residual": None}, r"tasks\[0\] has no formula"),
        ({"conditions": None}, r"tasks\[0\] has no conditions"),
        ({"conditions": "[]"}, "conditions must be a list with at least one entry"),
        ({"conditions": "[{where: t=2, u: 0}]"}, r"conditions\[0\]: where 't=2' is off the domain: t is in \[0, 1\]"),
        ({"conditions": "[{where: z=0, u: 0}]"}, r"conditions\[0\]: where 'z=0': unknown variable 'z'; known: x, t"),
        (
            {"conditions": "[{where: edge, u: 0}]"},
            "where must be as in 't=0', or 'boundary' for all faces, or 'inside', got",
        ),
        ({"conditions": "[{where: t=x, u: 0}]"}, "unknown name 'x'"),
        ({"conditions": "[{where: t=0, residual: x}]"}, r"conditions\[0\]: the residual 'x' does not contain u"),
        ({"conditions": "[{where: t=0, u_y: 0}]"}, "unknown derivative 'u_y'"),
        ({"conditions": "[{where: t=0}]"}, r"conditions\[0\] must have where, and one of u, a derivative such as u_x"),
        ({"conditions": "[{u: 0}]"}, r"conditions\[0\] has no where"),
        ({"conditions": "[{where: t=0, u: 0, u_x: 0}]"}, "must have where, and one of u"),
        ({"conditions": "[{where: t=0, u: 0, weight: -1}]"}, r"weight must not be negative, got -1"),
        ({"conditions": "[{where: t=0, v: 0}]"}, "unknown key 'v'"),
        ({"conditions": "[{periodic: z}]"}, r"conditions\[0\].periodic must be a variable: x, t, got 'z'"),
        ({"variables": "{x: [0, 2], u: [0, 1]}"}, "'u' means the solution, so no variable can have this name"),
        ({"variables": "{x: [0, 2], t: [0, 1, 3]}"}, "an equation has no vectors"),
        ({"exact": None}, "must have either exact, the solution as a formula, or reference"),
        ({"exact": None, "reference": "burger"}, "unknown reference 'burger'; did you mean burgers"),
        ({"reference": "burgers"}, "must have either exact"),
        ({"exact": "y"}, "unknown name 'y'"),
        ({"coefficients": "{k: {start: 1, exact: 2}}"}, "does not contain the coefficient k"),
        (
            {"coefficients": "{k: {start: 1, exact: 2}}", "residual": "u_t-k*u_xx"},
            "coefficients need a condition with where: inside",
        ),
        ({"hard": "{factor: t}"}, "hard has no boundary"),
        ({"hard": '{boundary: "0", factor: "u"}'}, "hard: the formula 'u' must be of the variables alone"),
        ({"hard": '{boundary: "0", factor: "y"}'}, "unknown name 'y'"),
        ({"hard": '{boundary: "0", factor: "1-t"}'}, "hard: no condition is kept; where one gives u"),
        (
            {"hard": '{boundary: "0", factor: "0*x"}'},
            "the factor '0.x' must be finite and not zero .* 50 of 50",
        ),
        ({"hard": '{boundary: "0", factor: "t*step(x-1)"}'}, "or no network could change u there; at .. of 50 points"),
        ({"coefficients": "{k: 1}"}, "coefficients.k must be a mapping"),
    ],
)
def test_what_is_no_equation_is_refused_in_one_sentence(read, changes, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        read(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"exact": "exp(-2*t)*sin(pi*x)"}, "exact does not solve the equation: the residual reaches"),
        ({"exact": "exp(-t)*cos(pi*x)"}, r"exact breaks conditions\[0\]: the residual reaches"),
        ({"exact": None, "reference": "burgers"}, "reference does not solve the equation"),
        ({"exact": "0*x"}, "exact is zero everywhere"),
        ({"exact": "1/x"}, "exact is not finite at 21 of 441 points"),
        (
            {"conditions": "[{where: t=0, u: sin(pi*x)}, {periodic: x}]", "exact": "exp(-t/4)*sin(pi*x/2)"},
            r"exact breaks conditions\[0\]",
        ),
        (
            {"conditions": "[{where: t=0, u: sin(pi*x/2)}, {periodic: x}]", "exact": "exp(-t/4)*sin(pi*x/2)"},
            r"exact breaks conditions\[2\]",
        ),
    ],
)
def test_a_solution_that_solves_another_problem_is_refused_before_anything_is_trained(read, changes, sentence):
    task = read(**changes)
    with pytest.raises(ValueError, match=f"^task heat: {sentence}"):
        sample(task, 0, SIZES)


@pytest.mark.parametrize(
    ("conditions", "warning"),
    [
        ("[{where: t=0, u: sin(pi*x)}, {where: x=0, u: 0}]", "order 2 in x, and there is 1 condition at the ends of x"),
        ("[{where: x=0, u: 0}, {where: x=2, u: 0}]", "order 1 in t, and there is no condition at the ends of t"),
        ("[{where: t=0, u_x: 0}, {where: x=0, u_x: 0}, {where: x=2, u_x: 0}]", "u is unique up to a constant at most"),
        ('[{where: "t=0, x=0", u: 0}, {where: x=0, u: 0}, {where: x=2, u: 0}]', "order 1 in t, and there is no"),
    ],
)
def test_too_few_conditions_are_warned_of(read, conditions, warning):
    assert warning in read(conditions=conditions).remark
