"""Ensembles of residuals against automatic differentiation, finite differences and equations with known solutions."""

import math
import warnings
from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, jacrev

from kanbench.bases import BASES, RBF, BSpline, Chebyshev, Fourier, Sine, Taylor
from kanbench.data.equations.rows import packed
from kanbench.models import KAN, MLP
from kanbench.training import LBFGS, SGD, Adam, LevenbergMarquardt
from kanbench.training.optimizers.metric import Metric
from kanbench.training.residual import Condition, Hard, Problem
from kanbench.training.residual_ensemble import ResidualEnsemble

DOUBLE = torch.float64
slow = pytest.mark.slow
SQUARE = ((-1.0, 1.0), (-1.0, 1.0))


@dataclass(frozen=True)
class Expression:
    """A residual written as a function of x, the jet and the coefficients."""

    orders: tuple[str, ...]
    of: object

    def __call__(self, x, jet, coefficients):
        return self.of(x, jet, coefficients)


def residual(*orders):
    return lambda function: Expression(orders, function)


@residual("u", "u_x", "u_xx", "u_yy", "u_xy")
def nonlinear(x, jet, c):
    sources = torch.sin(x[..., 0]) * x[..., 1]
    return jet["u_xx"] + 0.5 * jet["u_yy"] - 0.3 * jet["u_xy"] + jet["u"] * jet["u_x"] + sources


@residual("u", "u_x", "u_xx", "u_yy")
def unknown(x, jet, c):
    return c[0] * jet["u_xx"] + jet["u_yy"] + c[1] * jet["u"] * jet["u_x"] - 1.0


@residual("u")
def vanishes(x, jet, c):
    return jet["u"]


@residual("u_y")
def slopes_agree(x, jet, c):
    return jet["u_y"]


PLAIN = Problem(("x", "y"), ((-1.0, 2.0), (0.0, 1.0)), nonlinear, (Condition(vanishes, weight=2.0),))
HARD = Hard(lambda x: x[..., 0] ** 2 * x[..., 1], lambda x: torch.sin(x[..., 0]) + x[..., 1])
FULL = Problem(
    ("x", "y"),
    ((-1.0, 2.0), (0.0, 1.0)),
    unknown,
    (Condition(vanishes, weight=2.0), Condition(slopes_agree, weight=0.5, is_paired=True)),
    coefficients=(0.7, -0.4),
    hard=HARD,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def draw(problem, n, seed):
    low, high = torch.tensor(problem.domain, dtype=DOUBLE).unbind(dim=1)
    return low + (high - low) * torch.rand(n, len(low), generator=generator(seed), dtype=DOUBLE)


def pack(problem, interior, conditions=()):
    weights = [condition.weight for condition in problem.conditions]
    return torch.from_numpy(packed(interior.numpy(), [each.numpy() for each in conditions], weights))


def rows(problem, members, interior=7, others=3):
    """Random rows of every member; those of paired conditions are two points."""
    members_rows = []
    for m in range(members):
        parts = [
            torch.cat([draw(problem, others, 10 * m + k)] + [draw(problem, others, 50 + m)] * c.is_paired, dim=1)
            for k, c in enumerate(problem.conditions, start=1)
        ]
        members_rows.append(pack(problem, draw(problem, interior, 100 + m), parts))
    return torch.stack(members_rows)


def ensemble_of(make, problem, members=2):
    """Members whose theta is moved off the start, where biases of KANs are zero."""
    random = generator(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ensemble = ResidualEnsemble([make(random) for _ in range(members)], problem)
    ensemble.start += 0.1 * torch.randn(ensemble.start.shape, generator=random, dtype=DOUBLE)
    return ensemble


def residuals_by_hand(ensemble, problem, member, packed):
    """The residuals of one member as a function of its row of theta, by nested `grad`, point by point."""
    low, high = torch.tensor(problem.domain, dtype=DOUBLE).unbind(dim=1)
    model, d = ensemble.members(ensemble.start)[member], len(problem.variables)
    shapes = {name: p.shape for name, p in model.named_parameters()}
    units = ensemble.units

    def u(theta, point):
        pieces = theta[: sum(map(math.prod, shapes.values()))].split([math.prod(s) for s in shapes.values()])
        state = {
            name: piece.view(shape) / units.get(name, 1.0)
            for (name, shape), piece in zip(shapes.items(), pieces, strict=True)
        }
        scaled = 2.0 * (point - low) / (high - low) - 1.0
        value = functional_call(model, state, (scaled.unsqueeze(0),)).squeeze()
        form = problem.hard
        return value if form is None else form.boundary(point) + form.factor(point) * value

    def jet(theta, point):
        first = grad(u, argnums=1)
        slope = first(theta, point)
        second = [grad(lambda p, i=i: first(theta, p)[i])(point) for i in range(d)]
        found = {"u": u(theta, point)} | {f"u_{x}": slope[i] for i, x in enumerate(problem.variables)}
        pairs = [(i, j) for i in range(d) for j in range(d)]
        return found | {f"u_{problem.variables[i]}{problem.variables[j]}": second[i][j] for i, j in pairs}

    def of_theta(theta):
        coefficients = theta[len(theta) - len(problem.coefficients) :].unsqueeze(1) if problem.coefficients else None
        values = []
        for row in packed:
            index = int(row[-2])
            residual, found = problem.residuals[index], jet(theta, row[:d])
            if index and problem.conditions[index - 1].is_paired:
                other = jet(theta, row[d : 2 * d])
                found = {name: found[name] - other[name] for name in found}
            named = {name: found[name].unsqueeze(0) for name in residual.orders}
            values.append(residual(row[:d].unsqueeze(0), named, coefficients).squeeze(0) * row[-1])
        return torch.stack(values)

    return of_theta


NETWORKS = {
    **{
        name: (lambda g, cls=cls: KAN([2, 2, 2, 1], cls(low=-2.0, high=1.5), generator=g, dtype=DOUBLE))
        for name, cls in BASES.items()
        if cls().smoothness >= 2
    },
    "wide": lambda g: KAN([2, 7, 1], Chebyshev(degree=4), aggregation="mean", generator=g, dtype=DOUBLE),
    "wider": lambda g: KAN([2, 2, 9, 1], BSpline(degree=5), squash="none", generator=g, dtype=DOUBLE),
    "silu": lambda g: KAN([2, 3, 1], RBF(low=-2.0), base_branch="silu", generator=g, dtype=DOUBLE),
    "linear": lambda g: KAN([2, 3, 1], Fourier(), base_branch="linear", bias=False, generator=g, dtype=DOUBLE),
    "scaled edges": lambda g: KAN([2, 3, 1], Taylor(), edge_scale="basis", generator=g, dtype=DOUBLE),
    **{
        f"mlp {activation}": (lambda g, a=activation: MLP([2, 4, 3, 1], a, generator=g, dtype=DOUBLE))
        for activation in ("tanh", "silu", "gelu", "bspline")
    },
    "random frequencies": lambda g: MLP([2, 4, 1], frequencies=3, generator=g, dtype=DOUBLE),
}
CLOSED = [name for name in NETWORKS if name not in ("scaled edges", "mlp bspline")]
CLOSED = [name for name in CLOSED if name not in BASES or not BASES[name]().n_inner]


@pytest.mark.parametrize("problem", [PLAIN, FULL], ids=["plain", "pairs, coefficients, hard"])
@pytest.mark.parametrize("name", [name if name == "mlp tanh" else pytest.param(name, marks=slow) for name in NETWORKS])
def test_jacobians_equal_those_of_jacrev(name, problem):
    ensemble = ensemble_of(NETWORKS[name], problem, members=1)
    x = rows(problem, 1, interior=2, others=1)
    by_hand = residuals_by_hand(ensemble, problem, 0, x[0])
    assert (ensemble.stages is not None) == (name in CLOSED)
    scale = float(by_hand(ensemble.start[0]).abs().max())
    found = ensemble.predict(ensemble.start, x)[0]
    torch.testing.assert_close(found, by_hand(ensemble.start[0]), rtol=0, atol=1e-11 * scale)
    expected = jacrev(by_hand)(ensemble.start[0]).detach()
    found = ensemble.jacobians(ensemble.start, ensemble.embed(x))[0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10 * float(expected.abs().max()))


@pytest.mark.parametrize("problem", [pytest.param(PLAIN, marks=slow), FULL], ids=["plain", "pairs, coefficients, hard"])
@pytest.mark.parametrize("name", [name if name in CLOSED else pytest.param(name, marks=slow) for name in NETWORKS])
def test_closed_forms_equal_nested_reverse_mode_and_gradients_follow_from_jacobians(name, problem):
    ensemble, x = ensemble_of(NETWORKS[name], problem), rows(problem, 2)
    targets = torch.randn(x.shape[:2], generator=generator(5), dtype=DOUBLE)
    rows_of = ensemble.embed(x)
    predicted, jacobian = ensemble.predict(ensemble.start, rows_of), ensemble.jacobians(ensemble.start, rows_of)
    losses, gradients = ensemble.losses_and_gradients(ensemble.start, rows_of, targets)
    error = predicted - targets
    torch.testing.assert_close(losses, error.square().mean(dim=1))
    expected = 2.0 * (jacobian * error.unsqueeze(-1)).mean(dim=1)
    torch.testing.assert_close(gradients, expected, rtol=0, atol=1e-12 * float(expected.abs().max()))
    ensemble.stages = None
    rows_of = ensemble.embed(x)
    tight = {"rtol": 0.0, "atol": 1e-12 * float(jacobian.abs().max())}
    torch.testing.assert_close(ensemble.jacobians(ensemble.start, rows_of), jacobian, **tight)
    torch.testing.assert_close(ensemble.gradients(ensemble.start, rows_of, targets), gradients, **tight)


@pytest.mark.parametrize("hard", [None, HARD])
def test_blocks_carry_what_they_need_in_any_order(hard):
    """Conditions for u and u_y stand before and behind one of the second order; all rows with all jets are the same."""
    bends, edge = residual("u_xx")(lambda x, jet, c: jet["u_xx"] - c[0]), Condition(slopes_agree, is_paired=True)
    others = (Condition(vanishes), Condition(bends), edge, Condition(vanishes))
    problem = Problem(("x", "y"), SQUARE, slopes_agree, others, coefficients=(0.3,), hard=hard)
    ensemble, x = ensemble_of(NETWORKS["mlp tanh"], problem), rows(problem, 2)
    targets = torch.randn(x.shape[:2], generator=generator(5), dtype=DOUBLE)
    parts = ensemble.embed(x)
    assert [part.along.n_rows for part in parts.parts] == [3, 2, 1]
    whole = ResidualEnsemble(ensemble.members(ensemble.start), problem)
    whole.passes = whole.passes[:1]
    assert [part.along.n_rows for part in whole.embed(x).parts] == [4]
    for found, expected in (
        (ensemble.predict(ensemble.start, parts), whole.predict(ensemble.start, x)),
        (ensemble.jacobians(ensemble.start, parts), whole.jacobians(ensemble.start, x)),
        (ensemble.gradients(ensemble.start, parts, targets), whole.gradients(ensemble.start, x, targets)),
        (ensemble.predict(ensemble.start[:1], parts[torch.tensor([0])]), whole.predict(ensemble.start[:1], x[:1])),
    ):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12 * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["bspline", "chebyshev", "rbf", "mlp tanh", "sine", "random frequencies"])
def test_residuals_equal_those_of_differences_of_the_solution(name):
    ensemble = ensemble_of(NETWORKS[name], FULL, members=1)
    x, step = draw(FULL, 5, 9), 1e-4

    def u(dx, dy):
        return ensemble.solution(ensemble.start, (x + step * torch.tensor([dx, dy])).unsqueeze(0))[0]

    here, c = u(0, 0), ensemble.coefficients(ensemble.start).T.unsqueeze(-1)[:, 0]
    jet = {
        "u": here,
        "u_x": (u(1, 0) - u(-1, 0)) / (2 * step),
        "u_xx": (u(1, 0) - 2 * here + u(-1, 0)) / step**2,
        "u_yy": (u(0, 1) - 2 * here + u(0, -1)) / step**2,
    }
    packed = pack(FULL, x, [x[:1], torch.cat([x[:1], x[1:2]], dim=1)]).unsqueeze(0)
    found = ensemble.predict(ensemble.start, packed)[0, :5] / packed[0, :5, -1]
    torch.testing.assert_close(found, unknown(x, jet, c), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", ["chebyshev", "mlp silu"])
def test_a_mixed_derivative_is_the_difference_of_second_derivatives_in_a_rotated_plane(name):
    """u_xy = (u_pp - u_qq) / 2 with p and q at 45 degrees, by differences of the solution along them."""
    problem = Problem(("x", "y"), SQUARE, residual("u_xy")(lambda x, jet, c: jet["u_xy"]))
    ensemble = ensemble_of(NETWORKS[name], problem, members=1)
    x, step = 0.9 * draw(problem, 6, 2), 1e-4

    def bend(*direction):
        moves = [torch.tensor(direction, dtype=DOUBLE) * step / math.sqrt(2) * way for way in (-1, 0, 1)]
        left, here, right = (ensemble.solution(ensemble.start, (x + move).unsqueeze(0))[0] for move in moves)
        return (left - 2 * here + right) / step**2

    found = ensemble.predict(ensemble.start, pack(problem, x).unsqueeze(0))[0]
    torch.testing.assert_close(found, (bend(1, 1) - bend(1, -1)) / 2, rtol=1e-5, atol=1e-6)


def solve(ensemble, x, steps, **options):
    state = LevenbergMarquardt(**options).start(ensemble, ensemble.start, torch.full((len(ensemble),), math.nan), [])
    LevenbergMarquardt(**options).advance(ensemble, state, x, torch.zeros(x.shape[:2], dtype=DOUBLE), steps)
    return state.theta


def test_a_linear_equation_whose_solution_is_in_the_span_is_solved_exactly():
    """u = x^4 - 3 x + y^3 is a sum of functions of x and of y: u_xx + u_yy = 12 x^2 + 6 y."""

    def exact(x):
        return x[..., 0] ** 4 - 3 * x[..., 0] + x[..., 1] ** 3

    equation = residual("u_xx", "u_yy")(lambda x, j, c: j["u_xx"] + j["u_yy"] - 12 * x[..., 0] ** 2 - 6 * x[..., 1])
    boundary = residual("u")(lambda x, j, c: j["u"] - exact(x))
    problem = Problem(("x", "y"), ((0.0, 2.0), (-1.0, 1.0)), equation, (Condition(boundary),))
    ensemble = ensemble_of(lambda g: KAN([2, 1], Chebyshev(degree=4), generator=g, dtype=DOUBLE), problem)
    edge = draw(problem, 40, 5)
    edge[:20, 0], edge[20:, 1] = torch.tensor([0.0, 2.0] * 10), torch.tensor([-1.0, 1.0] * 10)
    x = pack(problem, draw(problem, 60, 4), [edge]).expand(2, -1, -1).contiguous()
    theta = solve(ensemble, x, 30)
    assert ensemble.predict(theta, x).abs().max() < 1e-10
    fresh = draw(problem, 50, 6).expand(2, -1, -1)
    torch.testing.assert_close(ensemble.solution(theta, fresh), exact(fresh), rtol=0, atol=1e-10)


@pytest.mark.parametrize("metric", Metric)
def test_an_unknown_coefficient_is_found_from_values_of_the_solution(metric):
    """u = x^2 solves c u_xx = 3 for c = 1.5."""
    equation = residual("u_xx")(lambda x, jet, c: c[0] * jet["u_xx"] - 3.0)
    seen = residual("u")(lambda x, jet, c: jet["u"] - x[..., 0] ** 2)
    problem = Problem(("x",), ((-1.0, 1.0),), equation, (Condition(seen),), coefficients=(0.5,))
    ensemble = ensemble_of(lambda g: KAN([1, 1], Taylor(degree=3), generator=g, dtype=DOUBLE), problem)
    x = pack(problem, draw(problem, 20, 1), [draw(problem, 8, 2)]).expand(2, -1, -1).contiguous()
    found = ensemble.coefficients(solve(ensemble, x, 40, metric=metric))
    torch.testing.assert_close(found, torch.full((2, 1), 1.5, dtype=DOUBLE), rtol=0, atol=1e-8)


def test_periodic_conditions_hold_after_training():
    equation = residual("u_x")(lambda x, jet, c: jet["u_x"] - torch.cos(math.pi * x[..., 0]))
    joined = residual("u")(lambda x, jet, c: jet["u"])
    problem = Problem(("x",), ((-1.0, 1.0),), equation, (Condition(joined, is_paired=True),))
    ensemble = ensemble_of(lambda g: MLP([1, 8, 1], generator=g, dtype=DOUBLE), problem)
    ends = torch.tensor([[-1.0, 1.0]], dtype=DOUBLE)
    x = pack(problem, draw(problem, 40, 1), [ends]).expand(2, -1, -1).contiguous()
    theta = solve(ensemble, x, 60)
    left, right = ensemble.solution(theta, ends.view(1, 2, 1).expand(2, -1, -1)).unbind(dim=1)
    torch.testing.assert_close(left, right, rtol=0, atol=1e-4)


def test_a_hard_constraint_keeps_the_boundary_before_any_training():
    hard = Hard(lambda x: x[..., 0], lambda x: 1 - x[..., 0] ** 2)
    problem = Problem(("x",), ((-1.0, 1.0),), residual("u_xx")(lambda x, jet, c: jet["u_xx"]), hard=hard)
    ensemble = ensemble_of(lambda g: MLP([1, 5, 1], generator=g, dtype=DOUBLE), problem)
    ends = torch.tensor([[-1.0], [1.0]], dtype=DOUBLE)
    torch.testing.assert_close(ensemble.solution(ensemble.start, ends.expand(2, -1, -1))[0], ends.squeeze(1))


def test_the_loss_is_the_mean_square_of_the_equation_plus_those_of_conditions_times_their_weights():
    ensemble, x = ensemble_of(NETWORKS["mlp tanh"], FULL, members=1), rows(FULL, 1)
    residuals = ensemble.predict(ensemble.start, x)[0] / x[0, :, -1]
    means = [residuals[x[0, :, -2] == block].square().mean() for block in range(3)]
    loss = ensemble.losses(ensemble.start, x, torch.zeros(x.shape[:2], dtype=DOUBLE))[0]
    torch.testing.assert_close(loss, means[0] + 2.0 * means[1] + 0.5 * means[2])


@pytest.mark.parametrize(
    "optimizer",
    [
        LevenbergMarquardt(),
        LBFGS(),
        Adam(rates=(1e-2,)),
        SGD(rates=(1e-6,), batch=0),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_every_optimizer_lowers_the_residual(optimizer):
    ensemble, x = ensemble_of(NETWORKS["wide"], PLAIN), rows(PLAIN, 2)
    y, rates = torch.zeros(x.shape[:2], dtype=DOUBLE), torch.full((2,), optimizer.trials[0] or 0.0, dtype=DOUBLE)
    state = optimizer.start(ensemble, ensemble.start, rates, [generator(m) for m in range(2)])
    optimizer.advance(ensemble, state, x, y, 20)
    assert (ensemble.losses(state.theta, x, y) < ensemble.losses(ensemble.start, x, y)).all()


@pytest.mark.parametrize("is_closed", [True, False])
def test_some_members_keep_buffers_of_their_own(is_closed):
    """Random frequencies differ by member."""
    ensemble, x = ensemble_of(NETWORKS["random frequencies"], FULL, members=3), rows(FULL, 3)
    if not is_closed:
        ensemble.stages = None
    some, every = torch.tensor([0, 2]), ensemble.embed(x)
    part, theta = ensemble.only(some), ensemble.start[some]
    for of_part in (every[some], part.embed(x[some])):
        torch.testing.assert_close(part.predict(theta, of_part), ensemble.predict(ensemble.start, every)[some])
        torch.testing.assert_close(part.jacobians(theta, of_part), ensemble.jacobians(ensemble.start, every)[some])


def test_a_larger_basis_keeps_the_residuals_and_the_coefficients():
    ensemble, x = ensemble_of(NETWORKS["wide"], FULL), rows(FULL, 2)
    larger = ensemble.extended(ensemble.start, 6)
    assert larger.n_params > ensemble.n_params
    torch.testing.assert_close(larger.predict(larger.start, x), ensemble.predict(ensemble.start, x))
    torch.testing.assert_close(larger.coefficients(larger.start), ensemble.coefficients(ensemble.start))


def test_members_are_networks_of_scaled_inputs():
    ensemble, x = ensemble_of(NETWORKS["mlp tanh"], PLAIN), draw(PLAIN, 5, 0)
    low, high = torch.tensor(PLAIN.domain, dtype=DOUBLE).unbind(dim=1)
    outputs = [m(2 * (x - low) / (high - low) - 1).squeeze(1) for m in ensemble.members(ensemble.start)]
    torch.testing.assert_close(ensemble.solution(ensemble.start, x.expand(2, -1, -1)), torch.stack(outputs))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: MLP([2, 4, 1], "relu"), "relu has, got 0"),
        (lambda: KAN([2, 3, 1], BSpline(degree=2)), "BSpline.*degree=2.* has, got 1"),
        (lambda: nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)), "relu has, got 0"),
    ],
    ids=["relu", "quadratic splines", "relu of torch"],
)
def test_what_has_too_few_derivatives_is_refused(make, name):
    with pytest.raises(ValueError, match=f"model must have 2 continuous derivatives for this equation, and {name}"):
        ResidualEnsemble([make()], PLAIN)


def test_linear_splines_do_for_no_equation_but_quadratic_ones_do_for_one_of_first_order():
    first = Problem(("x",), ((-1.0, 1.0),), residual("u_x")(lambda x, jet, c: jet["u_x"]))
    ResidualEnsemble([KAN([1, 2, 1], BSpline(degree=2))], first)
    with pytest.raises(ValueError, match="must have 1 continuous derivative for"):
        ResidualEnsemble([KAN([1, 2, 1], BSpline(degree=1))], first)


class Bent(nn.Module):
    """A model of one's own with |x|, whose second derivative is zero wherever it exists."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(2, 3, dtype=DOUBLE)

    def forward(self, x):
        return self.inner(x).abs().sum(dim=-1, keepdim=True)


class Unbatched(Bent):
    def forward(self, x):
        return x[:, :1] * float(self.inner.weight.sum())


def test_an_own_model_without_a_second_derivative_is_refused():
    with pytest.raises(ValueError, match="second derivatives that are not zero everywhere, got 'Bent'"):
        ResidualEnsemble([Bent()], PLAIN)


def test_an_own_model_that_cannot_be_batched_is_refused():
    with pytest.raises(ValueError, match=r"must be one that torch.func can batch.*Unbatched fails"):
        ResidualEnsemble([Unbatched()], PLAIN)


def test_an_own_model_is_trained_by_nested_reverse_mode_which_is_said():
    model = nn.Sequential(nn.Linear(2, 6, dtype=DOUBLE), nn.Softplus(), nn.Linear(6, 1, dtype=DOUBLE))
    with pytest.warns(UserWarning, match="Sequential are taken by nested reverse mode"):
        ensemble = ResidualEnsemble([model], PLAIN)
    x = rows(PLAIN, 1, interior=20)
    y = torch.zeros(x.shape[:2], dtype=DOUBLE)
    assert ensemble.losses(solve(ensemble, x, 10), x, y) < 0.1 * ensemble.losses(ensemble.start, x, y)


def test_rows_torn_apart_by_batches_are_refused():
    ensemble, x = ensemble_of(NETWORKS["mlp tanh"], PLAIN), rows(PLAIN, 2)
    with pytest.raises(ValueError, match="batch must be 0, since rows of a differential equation"):
        ensemble.gradients(ensemble.start, x.flip(1), torch.zeros(x.shape[:2], dtype=DOUBLE))


def test_problems_refuse_domains_and_weights_that_do_not_fit():
    equation = nonlinear
    with pytest.raises(ValueError, match="domain must have a pair for each variable"):
        Problem(("x", "y"), ((0.0, 1.0),), equation)
    with pytest.raises(ValueError, match="domain must be pairs of a lower and a higher number"):
        Problem(("x",), ((1.0, 1.0),), equation)
    with pytest.raises(ValueError, match="weight must not be negative"):
        Problem(("x",), ((0.0, 1.0),), equation, (Condition(vanishes, weight=-1.0),))


def test_a_basis_with_learned_functions_is_nested_and_sine_is_one():
    assert ensemble_of(lambda g: KAN([2, 2, 1], Sine(), generator=g, dtype=DOUBLE), PLAIN).stages is None
