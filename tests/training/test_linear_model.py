"""The linear model of predictions against the Jacobians of ensembles, and Levenberg-Marquardt against its formulas."""

from dataclasses import fields, replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanbench.bases import BASES, RBF, BSpline, Chebyshev, Fourier, Taylor
from kanbench.models import KAN, MLP, KANLayer
from kanbench.models.mlp import Activation
from kanbench.models.switches import Aggregation, BaseBranch, Squash
from kanbench.training import Ensemble, LevenbergMarquardt
from kanbench.training.linear_model import StoredModel, TracedModel, linear_model
from kanbench.training.optimizers.metric import Metric

DOUBLE = torch.float64


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def inputs(members, n, n_in):
    return torch.rand(members, n, n_in, generator=generator(1), dtype=DOUBLE) * 2 - 1


def both(models, n=40):
    """The traced and the stored model of the same members, linearized at the same theta, and this theta."""
    ensemble = Ensemble(models)
    x = ensemble.embed(inputs(len(models), n, models[0][0].n_in))
    traced, stored = linear_model(ensemble, x), StoredModel(ensemble, x, can_be_dual=True)
    everyone = torch.ones(len(models), dtype=torch.bool)
    with torch.no_grad():
        torch.testing.assert_close(traced.predict(ensemble.start), stored.predict(ensemble.start))
        for model in (traced, stored):
            model.keep(everyone)
            model.linearize(ensemble.start, everyone)
    return traced, stored, ensemble.start


def assert_same(traced, stored):
    """The products with J, and the Gram matrices below their diagonals, are the same."""
    members, params = len(stored.jacobian), stored.jacobian.shape[2]
    step = torch.randn(members, params, generator=generator(2), dtype=DOUBLE)
    residual = torch.randn(members, stored.n, generator=generator(3), dtype=DOUBLE)
    close = {"rtol": 1e-10, "atol": 1e-10}
    with torch.no_grad():
        torch.testing.assert_close(traced.along(step), stored.along(step), **close)
        torch.testing.assert_close(traced.slope(residual), stored.slope(residual), **close)
    torch.testing.assert_close(traced.system.tril(), stored.system.tril(), **close)


def kans(basis, shape=(2, 4, 3, 1), members=3, **switches):
    return [KAN(list(shape), basis, generator=generator(seed), dtype=DOUBLE, **switches) for seed in range(members)]


@pytest.mark.parametrize("basis", [basis() for basis in BASES.values() if basis().n_inner == 0], ids=str)
def test_products_of_every_basis_are_those_of_the_jacobian(basis):
    traced, stored, _ = both(kans(basis))
    assert isinstance(traced, TracedModel)
    assert_same(traced, stored)


@pytest.mark.parametrize("activation", [a for a in Activation if a is not Activation.bspline])
@pytest.mark.parametrize("frequencies", [0, 3])
def test_products_of_mlps_are_those_of_the_jacobian(activation, frequencies):
    models = [
        MLP([2, 7, 5, 1], activation, frequencies=frequencies, generator=generator(s), dtype=DOUBLE) for s in range(3)
    ]
    traced, stored, _ = both(models)
    assert isinstance(traced, TracedModel)
    assert_same(traced, stored)


@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    basis=st.sampled_from([Taylor(degree=3), Chebyshev(low=-2.0, high=1.0), Fourier(), RBF(), BSpline(degree=2)]),
    aggregation=st.sampled_from(Aggregation),
    squash=st.sampled_from(Squash),
    base_branch=st.sampled_from(BaseBranch),
    bias=st.booleans(),
    n=st.sampled_from([7, 200]),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_products_of_any_kan_are_those_of_the_jacobian(shape, basis, n, **switches):
    models = kans(basis, (*shape, 1), members=2, **switches)
    with torch.no_grad():
        for model in models:
            for parameter in model.parameters():
                parameter.mul_(5.0)  # inputs off the domain as well, where nothing squashes them
    traced, stored, _ = both(models, n)
    assert_same(traced, stored)


def test_moved_knots_are_kept_by_each_member():
    models = kans(BSpline(intervals=3), (2, 3, 1))
    for seed, model in enumerate(models):
        layer = model[1]
        uniform = layer.basis.uniform_knots()
        layer.knots = uniform + 0.05 * torch.rand(3, len(uniform), generator=generator(seed), dtype=DOUBLE)
    traced, stored, _ = both(models)
    assert isinstance(traced, TracedModel)
    assert_same(traced, stored)
    members = torch.tensor([0, 2])
    assert_same(traced.only(members), stored.only(members))


def test_a_layer_that_somebody_changed_is_asked_what_its_features_are():
    class Doubled(KANLayer):
        def features(self, x, inner=None):
            return 2.0 * super().features(x, inner)

    models = kans(Taylor(), (2, 3, 1))
    for model in models:
        model[1] = Doubled(3, 1, Taylor(), squash=Squash.tanh, generator=generator(), dtype=DOUBLE)
    traced, stored, _ = both(models)
    assert_same(traced, stored)


@pytest.mark.parametrize(
    "models",
    [
        [torch.nn.Sequential(*MLP([2, 3, 1], dtype=DOUBLE), torch.nn.Tanh()) for _ in range(2)],
        [MLP([2, 3, 1], Activation.bspline, dtype=DOUBLE) for _ in range(2)],
    ],
    ids=["output activation", "learned activation"],
)
def test_other_networks_keep_their_jacobian(models):
    ensemble = Ensemble(models)
    assert isinstance(linear_model(ensemble, ensemble.embed(inputs(2, 9, 2))), StoredModel)


@pytest.mark.parametrize("basis", [Taylor(), BSpline()], ids=str)
def test_only_members_that_move_get_another_model(basis):
    traced, stored, theta = both(kans(basis, (2, 4, 1)))
    moved = torch.tensor([True, False, True])
    tried = theta + 0.1 * torch.randn(theta.shape, generator=generator(4), dtype=DOUBLE)
    with torch.no_grad():
        for model in (traced, stored):
            model.predict(tried)
            model.keep(moved)
            model.predict(theta - tried)  # tried, and not kept
            model.linearize(torch.where(moved.unsqueeze(1), tried, theta), moved)
    assert_same(traced, stored)


REFERENCES = {
    "MLP": lambda g: MLP([2, 6, 1], generator=g, dtype=DOUBLE),
    "deep MLP": lambda g: MLP([2, 4, 4, 1], generator=g, dtype=DOUBLE),
    **{
        str(basis): lambda g, basis=basis: KAN([2, 3, 1], basis, generator=g, dtype=DOUBLE)
        for basis in (Taylor(), Chebyshev(), Fourier(), RBF(), BSpline())
    },
}


def dense_steps(ensemble, x, y, steps, *, damping=1e-2, bend=0.75):
    """Levenberg-Marquardt for one member by its formulas, with dense matrices."""
    theta, growth = ensemble.start.clone(), 2.0
    identity = torch.eye(ensemble.n_params, dtype=DOUBLE)
    n = y.shape[1]
    for _ in range(steps):
        jacobian = ensemble.jacobians(theta, x)[0]
        residual = (ensemble.predict(theta, x) - y)[0]
        system, slope = jacobian.T @ jacobian / n + damping * identity, jacobian.T @ residual / n
        step = -torch.linalg.solve(system, slope)
        ahead = (ensemble.predict(theta + 0.1 * step, x) - y)[0]
        curvature = 20.0 * ((ahead - residual) / 0.1 - jacobian @ step)
        half = -0.5 * torch.linalg.solve(system, jacobian.T @ curvature / n)
        trial = theta + step + (half if 2.0 * half.norm() <= bend * step.norm() else 0.0)
        before, after = residual.square().mean(), (ensemble.predict(trial, x) - y).square().mean()
        gain = (before - after) / (damping * step.square().sum() - step @ slope)
        if after < before:
            theta, damping, growth = (
                trial,
                damping * min(1.0, max(1.0 / 3.0, 1.0 - (2.0 * gain.item() - 1.0) ** 3)),
                2.0,
            )
        else:
            damping, growth = damping * growth, 2.0 * growth
    return theta


def target(x):
    return torch.exp(-x[..., 0]) * torch.sin(2 * x[..., -1])


def train(ensemble, x, steps, **fields):
    optimizer = LevenbergMarquardt(**fields)
    state = optimizer.start(ensemble, ensemble.start, torch.full((len(ensemble),), torch.nan), [])
    optimizer.advance(ensemble, state, x, target(x), steps)
    return state, optimizer


@pytest.mark.parametrize("build", REFERENCES.values(), ids=REFERENCES)
@pytest.mark.parametrize("damping", [1e-2, 1e-6])
def test_five_steps_are_those_of_the_formulas(build, damping):
    models, x = [build(generator(seed)) for seed in range(3)], inputs(3, 300, 2)
    state, _ = train(Ensemble(models), x, 5, damping=damping)
    for m in range(3):
        exact = dense_steps(Ensemble([models[m]]), x[m : m + 1], target(x[m : m + 1]), 5, damping=damping)
        torch.testing.assert_close(state.theta[m], exact[0], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("build", REFERENCES.values(), ids=REFERENCES)
@pytest.mark.parametrize("metric", Metric)
@pytest.mark.parametrize("n", [200, 12])  # 12 rows: the dual form
def test_members_that_are_done_change_nothing_for_the_others(build, metric, n):
    models, x = [build(generator(seed)) for seed in range(4)], inputs(4, n, 2)
    ensemble = Ensemble(models)
    (company, optimizer), (alone, _) = (train(ensemble, x, 3, metric=metric) for _ in range(2))
    company.done[[0, 2]] = True
    for state in (company, alone):
        optimizer.advance(ensemble, state, x, target(x), 4)
    torch.testing.assert_close(company.theta[[1, 3]], alone.theta[[1, 3]], rtol=1e-10, atol=1e-10)
    assert torch.equal(company.evaluations[[1, 3]], alone.evaluations[[1, 3]])


def test_other_data_begin_with_their_own_linear_model():
    ensemble, x = Ensemble(kans(Taylor(), (2, 3, 1))), inputs(3, 100, 2)
    state, optimizer = train(ensemble, x, 2)
    went_on = replace(state, **{f.name: getattr(state, f.name).clone() for f in fields(state)})  # no linear model yet
    for each in (state, went_on):
        optimizer.advance(ensemble, each, -x, target(-x), 3)
    torch.testing.assert_close(state.theta, went_on.theta, rtol=1e-12, atol=1e-12)
