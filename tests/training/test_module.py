"""Training under Lightning is training, and validation chooses the step."""

from functools import partial

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger

from kanbench.bases import BSpline
from kanbench.cells.train import layer_medians
from kanbench.interpret import layer_statistics
from kanbench.methods import KANMethod, MLPMethod
from kanbench.training import Adam, Ensemble, EnsembleModule, LevenbergMarquardt, Loss, fit
from kanbench.training.rounds import Rounds


def problem(n, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(2, n, 1, generator=generator, dtype=torch.float64) * 2 - 1
    noise = 0.3 * torch.randn(2, n, generator=generator, dtype=torch.float64)
    return x, torch.sin(4 * x[..., 0]) + noise


def ensemble(method):
    return Ensemble([method.build(1, 6, torch.Generator().manual_seed(s), torch.float64) for s in range(2)])


def trained(optimizer, method=None, logger=None, statistics=None):
    rates = torch.full((2,), 1e-2, dtype=torch.float64)
    orders = [torch.Generator(), torch.Generator()]
    module = EnsembleModule(
        ensemble(method or KANMethod(1, basis=BSpline(intervals=5))), optimizer, rates, orders, statistics=statistics
    )
    curve = fit(module, problem(30, 0), problem(50, 1), accelerator="cpu", precision="64-true", logger=logger)
    return module, curve


@pytest.mark.parametrize("optimizer", [LevenbergMarquardt(steps=25, least_gain=0.0), Adam(steps=250, doublings=0)])
def test_the_trainer_changes_nothing_and_the_best_step_on_validation_is_kept(optimizer):
    module, curve = trained(optimizer)
    alone = ensemble(KANMethod(1, basis=BSpline(intervals=5)))
    state = optimizer.start(alone, alone.start, module.rates, [])
    losses, thetas = [], []
    for step in curve.steps:
        done = curve.steps[curve.steps.index(step) - 1] if thetas else 0
        optimizer.advance(alone, state, *problem(30, 0), step - done)
        losses.append(alone.losses(state.theta, *problem(50, 1)))
        thetas.append(state.theta.clone())
    assert curve.steps[-1] == optimizer.steps
    torch.testing.assert_close(torch.tensor(curve.validation, dtype=torch.float64), torch.stack(losses))
    best = torch.stack(losses).argmin(dim=0)
    assert (best < len(losses) - 1).any()  # 30 noisy points: the last step is overfitted for at least one member
    expected = torch.stack([thetas[step][member] for member, step in enumerate(best)])
    assert torch.equal(module.best_theta, expected)


def test_training_ends_when_every_member_is_done():
    module, curve = trained(LevenbergMarquardt(steps=500), KANMethod(1, basis=BSpline(intervals=5)))
    assert module.state.done.all()
    assert module.stopped == ["converged", "converged"]
    assert curve.steps[-1] < 500


def test_rounds_are_trainings_on_batches_of_their_own_from_where_the_one_before_ended():
    """Against the optimizer alone, started anew for each round; validation stays what it is."""
    optimizer, given, starts = LevenbergMarquardt(steps=7, check_every=2, least_gain=0.0, window=2), problem(30, 0), []

    def renew(number, of, theta, batch):
        assert torch.equal(batch[0], given[0])
        starts.append(theta.clone())
        return problem(30, 10 + number)

    rates, orders = torch.full((2,), torch.nan, dtype=torch.float64), [torch.Generator(), torch.Generator()]
    module = EnsembleModule(ensemble(MLPMethod()), optimizer, rates, orders, rounds=Rounds(3, renew))
    curve = fit(module, given, problem(50, 1), accelerator="cpu", precision="64-true", logger=None)
    alone, losses = ensemble(MLPMethod()), []
    theta = alone.start
    for number, (start, checks) in enumerate(zip(starts, [(2, 1), (2,), (2,)], strict=True)):
        assert torch.equal(start, theta)
        state = optimizer.start(alone, theta, rates, [])
        for steps in checks:
            optimizer.advance(alone, state, *problem(30, 10 + number), steps)
            losses.append(alone.losses(state.theta, *problem(50, 1)).tolist())
        theta = state.theta
    assert curve.validation == losses
    assert curve.steps == [2, 3, 5, 7]


def test_rounds_and_stages_exclude_each_other():
    with pytest.raises(ValueError, match="rounds must be None for a basis that grows in stages"):
        EnsembleModule(
            ensemble(MLPMethod()), Adam(), torch.ones(2), [], (3, 5), rounds=Rounds(2, lambda *given: given[-1])
        )


def test_a_logger_gets_the_learning_curve_of_every_member(tmp_path):
    _, curve = trained(LevenbergMarquardt(steps=20), logger=CSVLogger(tmp_path, name="", version="run"))
    lines = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert "validation_mse/member_1" in lines[0]
    assert len(lines) - 1 == len(curve.steps)


@pytest.mark.parametrize("method", [KANMethod(1, basis=BSpline(intervals=5)), MLPMethod(depth=1)])
def test_statistics_of_layers_are_medians_over_members_at_every_check_and_change_nothing(method, tmp_path):
    optimizer, logger = Adam(steps=30, check_every=10, doublings=0), CSVLogger(tmp_path, name="", version="run")
    module, curve = trained(optimizer, method, logger, statistics=partial(layer_medians, Loss.mse))
    plain, quiet = trained(optimizer, method)
    assert torch.equal(module.best_theta, plain.best_theta)
    assert (curve.validation, quiet.layers) == (quiet.validation, {})
    x, y = problem(30, 0)
    last = [
        layer_statistics(model, x[m], y[m].unsqueeze(1))
        for m, model in enumerate(module.ensemble.members(module.state.theta))
    ]
    for name in ("gradient_norm", "lowest", "highest"):
        means = [(getattr(a, name) + getattr(b, name)) / 2 for a, b in zip(*last, strict=True)]  # the median of two
        assert curve.layers[name][-1] == pytest.approx(means, rel=1e-12)
        assert len(curve.layers[name]) == 3
    header, *rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert ("layer_0/outside" in header) == (type(method) is KANMethod)
    assert f"{curve.layers['highest'][1][0]}" in rows[1]
