"""Levenberg-Marquardt against closed forms, scipy and itself alone."""

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares
from torch.func import jvp

from kanbench.bases import BASES, BSpline, Chebyshev
from kanbench.methods import KANMethod, MLPMethod
from kanbench.models import KAN
from kanbench.training import Ensemble, LevenbergMarquardt


def problem(members=4, n=60, n_in=2):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(members, n, n_in, generator=generator, dtype=torch.float64) * 2 - 1
    return x, torch.exp(-x[..., 0]) * torch.sin(2 * x[..., -1])


def build(method, seeds, n_in=2, width=3):
    return Ensemble([method.build(n_in, width, torch.Generator().manual_seed(s), torch.float64) for s in seeds])


def train(optimizer, ensemble, x, y, steps):
    state = optimizer.start(ensemble, ensemble.start, torch.full((len(ensemble),), torch.nan), [])
    optimizer.advance(ensemble, state, x, y, steps)
    return state


def test_a_linear_model_reaches_the_least_squares_solution():
    model = KAN([2, 1], Chebyshev(degree=4), dtype=torch.float64)
    x, y = problem(members=1)
    state = train(LevenbergMarquardt(damping=1e-6), Ensemble([model]), x, y, 40)
    features = np.concatenate([model[0].features(x[0]).numpy(), np.ones((60, 1))], axis=1)
    solution, residual, *_ = np.linalg.lstsq(features, y[0].numpy(), rcond=None)
    np.testing.assert_allclose(state.theta[0].numpy(), solution, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(state.loss[0], residual[0] / 60, rtol=1e-10)


@pytest.mark.parametrize("n", [60, 9])  # 9 rows and 13 parameters: the dual form
def test_a_step_solves_the_damped_normal_equations(n):
    x, y = problem(n=n)
    ensemble = build(MLPMethod(depth=1), range(4))
    optimizer = LevenbergMarquardt(damping=0.3, bend=0.0)
    state = train(optimizer, ensemble, x, y, 1)
    for m in range(4):
        jacobian = ensemble.jacobians(ensemble.start, x)[m].numpy()
        residual = (ensemble.predict(ensemble.start, x) - y)[m].numpy()
        system = jacobian.T @ jacobian / n + 0.3 * np.eye(ensemble.n_params)
        step = -np.linalg.solve(system, jacobian.T @ residual / n)
        kept = ensemble.losses(ensemble.start + torch.from_numpy(step), x, y)[m] < np.mean(residual**2)
        expected = ensemble.start[m].numpy() + kept.item() * step
        np.testing.assert_allclose(state.theta[m].numpy(), expected, rtol=1e-9, atol=1e-12)


def test_damping_follows_the_gain_ratio():
    x, y = problem(members=1)
    ensemble = build(MLPMethod(depth=1), [0])
    state = train(LevenbergMarquardt(damping=0.3, bend=0.0), ensemble, x, y, 1)
    jacobian = ensemble.jacobians(ensemble.start, x)[0]
    residual = (ensemble.predict(ensemble.start, x) - y)[0]
    step = (state.theta - ensemble.start)[0]
    before, after = residual.square().mean(), state.loss[0]
    assert after < before
    model = (residual + jacobian @ step).square().mean()  # what the quadratic model says of the loss after the step
    ratio = (before - after) / (before - model)
    expected = 0.3 * (1 - (2 * ratio - 1) ** 3).clamp(1 / 3, 1)
    torch.testing.assert_close(state.damping[0], expected, rtol=1e-9, atol=0)


def test_the_acceleration_is_half_the_step_that_undoes_the_curvature():
    x, y = problem(members=1)
    ensemble = build(MLPMethod(depth=1), [0])
    straight = train(LevenbergMarquardt(damping=0.3, bend=0.0), ensemble, x, y, 1).theta - ensemble.start
    bent = train(LevenbergMarquardt(damping=0.3, bend=1e9), ensemble, x, y, 1).theta - ensemble.start

    def slope_along(theta):
        return jvp(lambda t: ensemble.predict(t, x), (theta,), (straight,))[1]

    curvature = jvp(slope_along, (ensemble.start,), (straight,))[1]  # exact second derivative along the step
    jacobian = ensemble.jacobians(ensemble.start, x)[0]
    system = jacobian.T @ jacobian / 60 + 0.3 * torch.eye(ensemble.n_params)
    bend = -0.5 * torch.cholesky_solve((jacobian.T @ curvature[0] / 60)[:, None], torch.linalg.cholesky(system))[:, 0]
    # The optimizer takes the curvature from a finite difference over a tenth of the step.
    torch.testing.assert_close((bent - straight)[0], bend, rtol=0.05, atol=0.02 * bend.abs().max().item())


@pytest.mark.parametrize("method", [KANMethod(1, basis=Chebyshev(degree=3)), MLPMethod(depth=1)], ids=lambda m: m.label)
def test_ends_in_the_minimum_that_scipy_looks_for(method):
    """With and without the acceleration."""
    x, _ = problem(members=1, n=80)
    teacher = build(method, [3])
    generator = torch.Generator().manual_seed(5)
    y = teacher.predict(teacher.start, x) + 0.01 * torch.randn(x.shape[:2], generator=generator, dtype=torch.float64)
    nearby = build(method, [3])
    nearby.start += 0.01 * torch.randn(nearby.start.shape, generator=generator, dtype=torch.float64)

    def residual(theta):
        return (nearby.predict(torch.from_numpy(theta)[None], x) - y)[0].numpy()

    def jacobian(theta):
        return nearby.jacobians(torch.from_numpy(theta)[None], x)[0].numpy()

    tight = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}
    theirs = least_squares(residual, nearby.start[0].numpy(), jacobian, method="lm", max_nfev=3000, **tight)
    for bend in (0.0, 0.75):
        ours = train(LevenbergMarquardt(damping=1e-3, bend=bend), nearby, x, y, 500)
        assert ours.loss.item() <= 2 * theirs.cost / 80 * (1 + 1e-7)
        if isinstance(method, MLPMethod):  # a KAN's valley is flat: scipy stops on its way down
            np.testing.assert_allclose(residual(ours.theta[0].numpy()), theirs.fun, atol=1e-5)


@pytest.mark.parametrize(
    "method", [KANMethod(1, basis=BSpline(intervals=5)), MLPMethod(depth=1)], ids=lambda m: m.label
)
@pytest.mark.parametrize("n", [60, 12])
def test_a_member_of_an_ensemble_reaches_what_it_reaches_alone(method, n):
    x, y = problem(n=n)
    optimizer = LevenbergMarquardt(damping=0.1)
    together = train(optimizer, build(method, range(4)), x, y, 15)
    for m in range(4):
        alone = train(optimizer, build(method, [m]), x[m : m + 1], y[m : m + 1], 15)
        torch.testing.assert_close(together.theta[m], alone.theta[0], rtol=1e-8, atol=1e-8)
        assert together.evaluations[m] == alone.evaluations[0]


def test_the_loss_never_rises_and_done_members_rest():
    x, y = problem()
    ensemble, optimizer = build(KANMethod(1, basis=BSpline(intervals=5)), range(4)), LevenbergMarquardt()
    state = train(optimizer, ensemble, x, y, 1)
    for step in range(60):
        state.done[step % 4] |= step in (10, 23)
        before, theta, done, cost = (t.clone() for t in (state.loss, state.theta, state.done, state.evaluations))
        optimizer.advance(ensemble, state, x, y, 1)
        assert (state.loss <= before).all()
        assert torch.equal(state.theta[done], theta[done])
        assert torch.equal(state.evaluations[done], cost[done])
    assert state.done.tolist() == [False, False, True, True]


def test_evaluations_are_counted():
    calls = {"predict": 0, "jacobians": 0}

    class Counted(Ensemble):
        is_traceable = False

        def predict(self, theta, x):
            calls["predict"] += 1
            return super().predict(theta, x)

        def jacobians(self, theta, x):
            calls["jacobians"] += 1
            return super().jacobians(theta, x)

    x, y = problem(members=1)
    method = MLPMethod(depth=1)
    ensemble = Counted([method.build(2, 3, torch.Generator().manual_seed(0), torch.float64)])
    state = train(LevenbergMarquardt(), ensemble, x, y, 12)
    # A trial and a look ahead every step, and a Jacobian for every step that was kept; the start is predicted once.
    assert calls["predict"] == 2 * 12 + 1
    assert state.evaluations.item() == 2 * 12 + calls["jacobians"]


@pytest.mark.parametrize(
    "method", [*(KANMethod(basis=b()) for b in BASES.values()), MLPMethod(depth=1)], ids=lambda m: m.label
)
def test_a_member_that_is_not_finite_harms_no_other(method):
    x, y = problem(members=2)
    ensemble = build(method, range(2))
    ensemble.start[0, 0] = torch.nan
    state = train(LevenbergMarquardt(damping=0.1), ensemble, x, y, 10)
    alone = train(LevenbergMarquardt(damping=0.1), build(method, [1]), x[1:], y[1:], 10)
    torch.testing.assert_close(state.theta[1], alone.theta[0], rtol=1e-8, atol=1e-8)
    assert not state.loss[0].isfinite()


def two_outputs(members=1, n=60):
    x, y = problem(members, n)
    return x, torch.stack([y, 10.0 * x[..., 0] - x[..., 1] ** 2], dim=-1)


def test_a_linear_model_of_two_outputs_reaches_what_scipy_reaches_with_the_residuals_stacked():
    model = KAN([2, 2], Chebyshev(degree=3), dtype=torch.float64)
    x, y = two_outputs()
    state = train(LevenbergMarquardt(damping=1e-6), Ensemble([model]), x, y, 40)
    features = np.concatenate([model[0].features(x[0]).numpy(), np.ones((60, 1))], axis=1)  # (n, 7)

    def residuals(theta):
        return (features @ theta.reshape(-1, 2) - y[0].numpy()).ravel()

    theirs = least_squares(residuals, np.zeros(2 * features.shape[1]), method="lm", xtol=1e-14)
    np.testing.assert_allclose(state.loss[0], 2.0 * theirs.cost / 120, rtol=1e-9)
    np.testing.assert_allclose(state.theta[0].numpy(), theirs.x, rtol=1e-6, atol=1e-7)


def test_the_jacobian_of_a_linear_layer_of_two_outputs_is_two_blocks_of_its_inputs():
    class Linear(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64))

        def forward(self, x):
            return x @ self.weight.T

    x = torch.tensor([[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]], dtype=torch.float64)
    ensemble = Ensemble([Linear()])
    by_hand = [[1, 10, 0, 0], [2, 20, 0, 0], [3, 30, 0, 0], [0, 0, 1, 10], [0, 0, 2, 20], [0, 0, 3, 30]]
    assert ensemble.jacobians(ensemble.start, x)[0].tolist() == by_hand


@pytest.mark.parametrize("n", [60, 5])  # 5 rows of two outputs and 17 parameters: the dual form
@pytest.mark.parametrize("method", [KANMethod(1, basis=Chebyshev(degree=3)), MLPMethod(depth=1)], ids=lambda m: m.label)
def test_a_step_for_two_outputs_solves_the_normal_equations_of_both(method, n):
    x, y = two_outputs(members=3, n=n)
    models = [method.build(2, 3, torch.Generator().manual_seed(s), torch.float64, 2) for s in range(3)]
    ensemble = Ensemble(models)
    state = train(LevenbergMarquardt(damping=0.3, bend=0.0), ensemble, x, y, 1)
    for m, model in enumerate(models):
        outputs = model(x[m])
        rows = [torch.autograd.grad(each, list(model.parameters()), retain_graph=True) for each in outputs.flatten()]
        jacobian = torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])
        residual = (outputs - y[m]).flatten().detach()
        system = jacobian.T @ jacobian / (2 * n) + 0.3 * torch.eye(ensemble.n_params, dtype=torch.float64)
        step = -torch.linalg.solve(system, jacobian.T @ residual / (2 * n))
        kept = ensemble.losses(ensemble.start + step, x, y)[m] < residual.square().mean()
        torch.testing.assert_close(state.theta[m], ensemble.start[m] + kept * step, rtol=1e-8, atol=1e-10)


def test_a_member_of_two_outputs_trains_alone_as_in_company_and_beats_a_straight_line():
    x, y = two_outputs(members=3)
    models = [
        KANMethod(1, basis=BSpline(intervals=5)).build(2, 3, torch.Generator().manual_seed(s), torch.float64, 2)
        for s in range(3)
    ]
    together = train(LevenbergMarquardt(), Ensemble(models), x, y, 30)
    alone = train(LevenbergMarquardt(), Ensemble(models[1:2]), x[1:2], y[1:2], 30)
    torch.testing.assert_close(alone.theta[0], together.theta[1], rtol=1e-6, atol=1e-8)
    assert (together.loss < 0.01 * y.flatten(1).var(dim=1)).all()
