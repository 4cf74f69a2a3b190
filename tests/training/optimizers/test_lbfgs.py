"""L-BFGS against torch's own, dense BFGS updates, closed forms and itself alone."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kanbench.bases import BSpline, Chebyshev
from kanbench.methods import KANMethod, MLPMethod
from kanbench.models import KAN
from kanbench.training import LBFGS, Ensemble
from kanbench.training.optimizers.lbfgs import C1, C2, _directions

TORCH = {"tolerance_gradient": 1e-7, "tolerance_change": 1e-9, "tolerance_curvature": 1e-10}
UNTIRING = {"tolerance_gradient": 0.0, "tolerance_change": 0.0, "tolerance_curvature": 0.0}
MEMBERS = 4


class Linear:
    """The method whose loss is a quadratic."""

    label = "linear"

    def build(self, n_in, width, generator, dtype):
        return KAN([n_in, 1], Chebyshev(degree=4), generator=generator, dtype=dtype)


METHODS = [
    Linear(),
    KANMethod(1, basis=BSpline(intervals=5)),
    KANMethod(1, basis=Chebyshev(degree=3)),
    MLPMethod(depth=1),
]
methods = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)


def problem(members=MEMBERS, n=60):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(members, n, 2, generator=generator, dtype=torch.float64) * 2 - 1
    return x, torch.exp(-x[..., 0]) * torch.sin(2 * x[..., 1])


def build(method, seeds=range(MEMBERS), scale=1.0):
    """Starts far from usual ones make line searches long: small ones extrapolate, large ones interpolate."""
    models = [method.build(2, 3, torch.Generator().manual_seed(s), torch.float64) for s in seeds]
    for model in models:
        for parameter in model.parameters():
            parameter.data *= scale
    return models


def begin(optimizer, ensemble):
    return optimizer.start(ensemble, ensemble.start, torch.full((len(ensemble),), torch.nan), [])


def train(optimizer, models, x, y, steps):
    ensemble = Ensemble(models)
    state = begin(optimizer, ensemble)
    optimizer.advance(ensemble, state, x, y, steps)
    return state


def torch_walk(model, x, y, steps):
    """Parameters and evaluations after so many iterations of torch.optim.LBFGS."""
    theirs = torch.optim.LBFGS(
        model.parameters(), max_iter=steps, max_eval=10_000, history_size=5, line_search_fn="strong_wolfe"
    )

    def closure():
        theirs.zero_grad()
        loss = (model(x).squeeze(-1) - y).square().mean()
        loss.backward()
        return loss

    theirs.step(closure)
    evaluations = theirs.state[next(model.parameters())]["func_evals"]
    return nn.utils.parameters_to_vector(model.parameters()).detach(), evaluations


@methods
@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_every_member_walks_as_torch_does(method, scale):
    x, y = problem()
    optimizer, ensemble = LBFGS(memory=5, **TORCH), Ensemble(build(method, scale=scale))
    state, done = begin(optimizer, ensemble), 0
    for steps in (1, 2, 3, 8, 15):
        optimizer.advance(ensemble, state, x, y, steps - done)
        done = steps
        for m, model in enumerate(build(method, scale=scale)):
            theta, evaluations = torch_walk(model, x[m], y[m], steps)
            assert (state.theta[m] - theta).norm() <= 1e-8 * theta.norm()
            assert state.evaluations[m] == evaluations


def test_the_searches_of_that_test_are_long():
    """Both kinds of start need several trials per step, so that equality above says something of the line search."""
    x, y = problem()
    for scale in (0.1, 10.0):
        state = train(LBFGS(memory=5, **TORCH), build(MLPMethod(depth=1), scale=scale), x, y, 15)
        assert (state.evaluations - 1 - 15).max() >= 3


@given(pairs=st.integers(0, 4), seed=st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_the_direction_is_that_of_dense_bfgs_updates(pairs, seed):
    """Nocedal & Wright, eq. 6.17, from the multiple of the identity in eq. 7.20."""
    rng = np.random.default_rng(seed)
    params, memory = 6, 4
    root = rng.normal(size=(params, params))
    hessian = root @ root.T + np.eye(params)
    moves = rng.normal(size=(pairs, params))
    changes = moves @ hessian
    gradient = rng.normal(size=params)
    inverse = np.eye(params)
    if pairs:
        inverse *= moves[-1] @ changes[-1] / (changes[-1] @ changes[-1])
    for s, y in zip(moves, changes, strict=True):
        left = np.eye(params) - np.outer(s, y) / (s @ y)
        inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ y)

    free = np.zeros((memory - pairs, params))
    stacked = [torch.from_numpy(np.concatenate([free, rows]))[None] for rows in (moves, changes)]
    direction = _directions(torch.from_numpy(gradient)[None], *stacked)[0].numpy()
    expected = -inverse @ gradient
    np.testing.assert_allclose(direction, expected, atol=1e-9 * np.linalg.norm(expected))


def test_a_convex_quadratic_is_solved():
    x, y = problem()
    models = build(Linear())
    state = train(LBFGS(**UNTIRING), models, x, y, 100)
    assert state.done.all()
    for m, model in enumerate(models):
        features = np.concatenate([model[0].features(x[m]).numpy(), np.ones((60, 1))], axis=1)
        solution, residual, *_ = np.linalg.lstsq(features, y[m].numpy(), rcond=None)
        np.testing.assert_allclose(state.theta[m].numpy(), solution, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(state.loss[m], residual[0] / 60, rtol=1e-13)


@methods
def test_a_member_of_an_ensemble_reaches_what_it_reaches_alone(method):
    x, y = problem()
    optimizer = LBFGS(tolerance_gradient=2e-2)  # some are done early
    together = train(optimizer, build(method), x, y, 25)
    for m in range(MEMBERS):
        alone = train(optimizer, build(method, [m]), x[m : m + 1], y[m : m + 1], 25)
        torch.testing.assert_close(together.theta[m], alone.theta[0], rtol=1e-8, atol=1e-10)
        assert together.evaluations[m] == alone.evaluations[0]
        assert together.done[m] == alone.done[0]


@given(
    method=st.sampled_from(METHODS),
    seed=st.integers(0, 2**31),
    scale=st.floats(0.01, 10.0),
    memory=st.integers(1, 12),
)
@settings(max_examples=12, deadline=None)
def test_accepted_steps_keep_the_wolfe_conditions_and_the_loss_never_rises(method, seed, scale, memory):
    x, y = problem(members=2, n=20)
    ensemble = Ensemble(build(method, [seed, seed + 1], scale))
    optimizer = LBFGS(memory=memory, tolerance_change=0.0, max_evaluations=100)
    state = begin(optimizer, ensemble)
    optimizer.advance(ensemble, state, x, y, 0)
    for _ in range(8):
        theta, loss, done = state.theta, state.loss, state.done.clone()
        before = ensemble.gradients(theta, x, y)
        optimizer.advance(ensemble, state, x, y, 1)
        after = ensemble.gradients(state.theta, x, y)
        move = state.theta - theta
        # The move is the direction times its length: these are the conditions, both sides times that length.
        slope, new_slope = (before * move).sum(dim=1), (after * move).sum(dim=1)
        torch.testing.assert_close(state.loss, ensemble.losses(state.theta, x, y), rtol=1e-12, atol=0)
        assert torch.equal(state.theta[done], theta[done])
        assert (state.loss <= loss + C1 * slope + 1e-14 * loss).all()
        assert (new_slope.abs() <= -C2 * slope * (1 + 1e-9) + 1e-16).all()


class Logarithm(nn.Module):
    """log(weight . x): not a number where the weights make it so."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight, dtype=torch.float64))

    def forward(self, x):
        return (x @ self.weight[:, None]).log()


def test_trials_that_are_not_finite_are_stepped_back_from():
    x = torch.ones(2, 5, 1, dtype=torch.float64)
    y = torch.full((2, 5), math.log(0.1), dtype=torch.float64)
    models = [Logarithm([0.4]), Logarithm([0.12])]
    theta = torch.tensor([[0.4], [0.12]], dtype=torch.float64)
    ensemble = Ensemble(models)
    gradient = ensemble.gradients(theta, x, y)
    assert ensemble.losses(theta - gradient / gradient.abs().clamp(min=1.0), x, y).isnan().any()  # the first trial
    state = train(LBFGS(**UNTIRING | {"tolerance_gradient": 1e-9}), models, x, y, 50)
    torch.testing.assert_close(state.theta, torch.full_like(theta, 0.1), rtol=1e-8, atol=0)
    assert state.done.all()


class Cliff(nn.Module):
    """0.95 weight x, whose gradient is not a number where weight < 0.5."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, dtype=torch.float64))

    def forward(self, x):
        above = self.weight - 0.5
        return 0.95 * self.weight * x + 0.0 * (above + above.abs()).sqrt()


def test_a_lower_loss_without_a_gradient_is_stepped_back_from():
    x, y = torch.ones(1, 5, 1, dtype=torch.float64), torch.full((1, 5), 0.95 * 0.6, dtype=torch.float64)
    ensemble = Ensemble([Cliff()])
    first = ensemble.start - ensemble.gradients(ensemble.start, x, y)
    assert ensemble.losses(first, x, y) < ensemble.losses(ensemble.start, x, y)
    assert ensemble.gradients(first, x, y).isnan().all()
    state = train(LBFGS(), [Cliff()], x, y, 20)
    torch.testing.assert_close(state.theta.item(), 0.6, rtol=1e-7, atol=0)


class Needle(nn.Module):
    """Finite at its start and nowhere else."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, dtype=torch.float64))

    def forward(self, x):
        return torch.where(self.weight == 1.0, self.weight * x, torch.nan)


def test_a_member_that_nothing_helps_is_done_where_it_was():
    x, y = torch.ones(1, 5, 1, dtype=torch.float64), torch.zeros(1, 5, dtype=torch.float64)
    state = train(LBFGS(max_evaluations=7, **UNTIRING), [Needle()], x, y, 3)
    assert state.theta.item() == 1.0
    assert state.loss.item() == 1.0
    assert state.done.all()
    assert state.evaluations.item() == 1 + 7


@methods
def test_a_member_that_is_not_finite_harms_no_other(method):
    x, y = problem(members=2)
    models = build(method, range(2))
    next(models[0].parameters()).data.fill_(torch.nan)
    state = train(LBFGS(), models, x, y, 10)
    alone = train(LBFGS(), build(method, [1]), x[1:], y[1:], 10)
    torch.testing.assert_close(state.theta[1], alone.theta[0], rtol=1e-8, atol=1e-10)
    assert state.evaluations[0] == 1
    assert state.done[0]


def test_every_evaluation_of_every_member_is_counted():
    members_seen = []

    class Counted(Ensemble):
        def losses(self, theta, x, y):
            members_seen.append(len(theta))
            return super().losses(theta, x, y)

    x, y = problem()
    ensemble, optimizer = Counted(build(MLPMethod(depth=1), scale=0.01)), LBFGS()
    state = begin(optimizer, ensemble)
    for steps in (1, 5, 9):
        optimizer.advance(ensemble, state, x, y, steps)
        assert state.evaluations.sum() == sum(members_seen)
    assert len(members_seen) < state.evaluations.sum() / 2  # in batches


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"check_every": 0}, "check_every must be at least 1, got 0"),
        ({"memory": 0}, "memory must be at least 1, got 0"),
        ({"max_evaluations": 0}, "max_evaluations must be at least 1, got 0"),
        ({"tolerance_gradient": -1.0}, "tolerance_gradient must not be negative, got -1.0"),
        ({"tolerance_change": -1.0}, "tolerance_change must not be negative, got -1.0"),
        ({"tolerance_curvature": math.nan}, "tolerance_curvature must be finite, got nan"),
    ],
)
def test_bad_settings_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        LBFGS(**fields)
