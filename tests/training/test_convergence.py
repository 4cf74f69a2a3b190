"""A training ends when its validation error has stopped to fall, by one rule for every family."""

import math

import pytest
import torch

from kanbench.bases import BSpline
from kanbench.methods import KANMethod, MLPMethod
from kanbench.training import LBFGS, SGD, Adam, Ensemble, EnsembleModule, LevenbergMarquardt, Loss, Schedule, fit
from kanbench.training.convergence import best_errors, errors_at, has_converged, has_settled

METHODS = {"KAN": KANMethod(1, basis=BSpline(intervals=5)), "MLP": MLPMethod(depth=1)}


def problem(n, seed, members=2):
    x = torch.rand(members, n, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1
    return x, (torch.sin(2 * x[..., 0]) * x[..., 1]).exp()


def module_of(optimizer, method=METHODS["KAN"], members=(0, 1), rates=None):
    models = [method.first.build(2, 4, torch.Generator().manual_seed(m), torch.float64) for m in members]
    of_members = torch.tensor(rates or [math.nan] * len(members), dtype=torch.float64)
    orders = [torch.Generator().manual_seed(m) for m in members]
    return EnsembleModule(Ensemble(models), optimizer, of_members, orders, method.stages)


def train(module, members=(0, 1), until=None):
    n = max(members) + 1
    data = [tuple(part[list(members)] for part in problem(rows, seed, n)) for rows, seed in ((80, 0), (200, 1))]
    return fit(module, *data, accelerator="cpu", precision="64-true", logger=None, until=until)


def test_the_rule_by_hand():
    losses = [[1.0, 4.0, math.nan], [0.81, 4.0, math.nan], [0.64, 9.0, math.inf], [0.63, 1.0, math.nan]]
    best = best_errors(losses, Loss.mse)
    assert best[:, 0].tolist() == pytest.approx([1.0, 0.9, 0.8, math.sqrt(0.63)])
    assert best[:, 1].tolist() == [2.0, 2.0, 2.0, 1.0]
    assert best[:, 2].tolist() == [math.inf] * 4
    assert best_errors(losses, Loss.cross_entropy)[:, 0].tolist() == [1.0, 0.81, 0.64, 0.63]

    def ends(looks, window, least_gain=0.02, began=0):
        steps = [10, 20, 30, 40][:looks]
        return has_converged(best[:looks], steps, window=window, least_gain=least_gain, began=began).tolist()

    assert ends(4, 10) == [True, False, False]  # 0.8 to 0.794 is under 2 %; a member without an error is not over
    assert ends(4, 20) == [False, False, False]  # 0.9 to 0.794
    assert ends(3, 10) == [False, True, False]
    assert ends(4, 10, least_gain=0.0) == [False] * 3
    assert ends(4, 40) == [False] * 3  # nothing is known before the first look
    assert ends(3, 20, least_gain=0.3) == ends(3, 15, least_gain=0.3) == [True, True, False]
    assert ends(3, 20, least_gain=0.3, began=20) == [False] * 3  # a window reaches not beyond the start of a stage
    assert has_converged(torch.zeros(2, 1), [10, 20], window=10, least_gain=0.02).tolist() == [True]


def test_runs_are_compared_by_the_median_of_the_best_rate_by_hand():
    rates = torch.tensor([0.1, 0.1, 0.1, 0.2, 0.2, 0.2])
    before, after = [5.0, 3.0, 4.0, 9.0, 9.0, 1.0], [5.0, 3.0, 4.0, 3.8, 3.9, 1.0]
    assert not has_settled(torch.tensor([before, after]), 1, rates, 0.02)  # from 4 by one rate to 3.8 by the other
    assert has_settled(torch.tensor([before, after]), 1, rates, 0.06)


def test_errors_at_evaluations_by_hand():
    best, evaluations = (
        torch.tensor([[3.0, 3.0], [2.0, 2.0], [1.0, 2.0]]),
        [[60.0, 100.0], [128.0, 200.0], [300.0, 200.0]],
    )
    first, second = errors_at(best.double(), evaluations)
    values = [*first.values()]
    assert list(first)[:2] == ["val_at_64", "val_at_128"]
    assert list(first)[-1] == "val_at_16384"
    assert values == [3.0, 2.0, 2.0, 1.0, *[None] * 5]
    assert [*second.values()] == [None, 3.0, 2.0, *[None] * 6]


@pytest.mark.parametrize("optimizer", [LevenbergMarquardt(), LBFGS()], ids=["lm", "lbfgs"])
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.slow
def test_a_member_continued_past_its_stop_gains_little(optimizer, name):
    members = tuple(range(5))
    stopped = module_of(optimizer, METHODS[name], members)
    train(stopped, members)
    beyond = module_of(type(optimizer)(least_gain=0.0, steps=1_200), METHODS[name], members)
    curve = train(beyond, members)
    errors = best_errors(curve.validation, Loss.mse)
    gains = []
    for member, (steps, reason) in enumerate(zip(stopped.steps.tolist(), stopped.stopped, strict=True)):
        assert reason in ("converged", "cap", "no step helps")
        at, later = (sum(step <= most for step in curve.steps) - 1 for most in (steps, steps + 200))
        gains.append(1.0 - float(errors[later, member] / errors[at, member]))
    assert "converged" in stopped.stopped
    assert sorted(gains)[2] < 0.1


@pytest.mark.parametrize("optimizer", [LevenbergMarquardt(least_gain=0.3), LBFGS(least_gain=0.3)], ids=["lm", "lbfgs"])
def test_a_member_stops_alone_where_it_stops_in_company(optimizer):
    both = module_of(optimizer)
    train(both)
    assert set(both.stopped) == {"converged"}
    assert len(set(both.steps.tolist())) == 2
    for member in range(2):
        alone = module_of(optimizer, members=(member,))
        train(alone, (member,))
        assert (alone.steps[0], alone.evaluations[0]) == (both.steps[member], both.evaluations[member])
        torch.testing.assert_close(alone.best_loss[0], both.best_loss[member], rtol=1e-4, atol=0)


def test_the_reasons_of_a_stop():
    capped = module_of(LevenbergMarquardt(steps=20, least_gain=0.5))
    train(capped)
    assert (capped.stopped, capped.steps.tolist()) == (["cap", "cap"], [20, 20])
    helpless = module_of(LevenbergMarquardt())
    x, _ = problem(80, 0)
    perfect = (x, helpless.ensemble.predict(helpless.ensemble.start, x))
    fit(helpless, perfect, perfect, accelerator="cpu", precision="64-true", logger=None)
    assert helpless.stopped == ["no step helps"] * 2
    assert helpless.steps.tolist() == [9, 9]  # the damping, 1e-2 times 2^(1 + .. + 9), is above 1e10
    assert helpless.curve.steps == [10]


@pytest.mark.parametrize("least_gain", [0.0, 0.9])
def test_a_stage_ends_when_its_members_have_converged_and_training_goes_on(least_gain):
    method = KANMethod(basis=BSpline(intervals=5), stages=(3, 5))
    module = module_of(LevenbergMarquardt(steps=100, check_every=5, window=10, least_gain=least_gain), method)
    curve = train(module)
    if least_gain == 0.0:
        assert curve.steps == list(range(5, 101, 5))
        assert module.stopped == ["cap", "cap"]
        return
    assert curve.steps == sorted(set(curve.steps))
    assert curve.steps[-1] < 100
    assert module.began >= 15  # one look, and a window after it
    assert curve.steps[-1] - module.began >= 10
    assert module.stopped == ["converged", "converged"]
    assert module.ensemble.n_params == module.best_theta.shape[1] > module.first.n_params


def adam_by_hand(rates, steps, doublings, least_gain):
    """Each member by torch's own Adam and cosine schedule, run after run: best losses, and the number of runs."""
    (x, y), (vx, vy) = (problem(rows, seed, len(rates)) for rows, seed in ((80, 0), (200, 1)))
    best, medians = [math.inf] * len(rates), []
    for run in range(doublings + 1):
        length = steps * 2**run
        for member, rate in enumerate(rates):
            model = METHODS["MLP"].build(2, 4, torch.Generator().manual_seed(member), torch.float64)
            optimizer = torch.optim.Adam(model.parameters(), lr=rate)
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, length)
            for step in range(1, length + 1):
                optimizer.zero_grad()
                (model(x[member]).squeeze(1) - y[member]).square().mean().backward()
                optimizer.step()
                schedule.step()
                if step % 10 == 0:
                    with torch.no_grad():
                        loss = (model(vx[member]).squeeze(1) - vy[member]).square().mean().item()
                    best[member] = min(best[member], loss)
        of_rate = [sorted(b for b, r in zip(best, rates, strict=True) if r == rate)[1] for rate in set(rates)]
        medians.append(min(math.sqrt(loss) for loss in of_rate))
        if run and medians[-1] > (1 - least_gain) * medians[-2]:
            break
    return best, run + 1


@pytest.mark.parametrize(("least_gain", "runs"), [(0.02, 3), (0.5, 2)])
def test_adam_doubles_its_run_until_that_gains_little(least_gain, runs):
    rates, members = [0.01, 0.1] * 3, tuple(range(6))
    module = module_of(
        Adam(steps=20, check_every=10, doublings=2, least_gain=least_gain), METHODS["MLP"], members, rates
    )
    curve = train(module, members)
    best, made = adam_by_hand(rates, 20, 2, least_gain)
    assert made == runs
    assert curve.steps[-1] == 20 * (2**runs - 1)
    assert module.steps.tolist() == module.evaluations.tolist() == [curve.steps[-1]] * 6
    assert module.best_loss.tolist() == pytest.approx(best, rel=1e-8)
    losses = module.ensemble.losses(module.best_theta, *problem(200, 1, 6))
    assert losses.tolist() == pytest.approx(best, rel=1e-8)


@pytest.mark.parametrize("change", [{"doublings": 0}, {"least_gain": 0.0}])
def test_one_run_is_one_run(change):
    optimizer = Adam(steps=20, check_every=10, **change)
    module = module_of(optimizer, METHODS["MLP"], rates=[0.01, 0.1])
    assert train(module).steps == [10, 20]
    assert module.stopped == ["cap", "cap"]
    assert optimizer.most_steps == 20
    assert Adam(steps=20).most_steps == 20 + 40 + 80 + 160


def test_batches_of_every_run_come_in_the_order_of_the_first():
    once = module_of(SGD(steps=20, check_every=10, batch=16, doublings=1), METHODS["MLP"], rates=[0.01, 0.1])
    alone = module_of(SGD(steps=40, check_every=10, batch=16, doublings=0), METHODS["MLP"], rates=[0.01, 0.1])
    assert train(once).validation[2:] == train(alone).validation


@pytest.mark.parametrize(
    "optimizer", [LevenbergMarquardt(), Adam(steps=20, check_every=10, batch=16)], ids=["lm", "adam"]
)
def test_a_training_can_pause_and_go_on(optimizer):
    rates = [0.01, 0.1]
    whole = module_of(optimizer, METHODS["MLP"], rates=rates)
    curve = train(whole)
    first = module_of(optimizer, METHODS["MLP"], rates=rates)
    assert train(first, until=25).steps == curve.steps[:3]
    second = module_of(optimizer, METHODS["MLP"], rates=rates)
    second.resume(first.pack())
    assert train(second) == curve
    assert torch.equal(second.best_theta, whole.best_theta)
    assert (second.stopped, second.steps.tolist()) == (whole.stopped, whole.steps.tolist())


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: LevenbergMarquardt(least_gain=1.0), "least_gain must be at least 0 and under 1, got 1"),
        (lambda: Adam(least_gain=-0.1), "least_gain must be at least 0 and under 1, got -0.1"),
        (
            lambda: LBFGS(window=5),
            "window must be at least check_every, 10, because errors are known at these steps, got 5",
        ),
        (lambda: LevenbergMarquardt(check_every=60), "window must be at least check_every, 60, .*, got 50"),
        (lambda: LevenbergMarquardt(window=60.5), "window must be a whole number, got 60.5"),
        (lambda: SGD(doublings=-1), "doublings must be 0 to 20, got -1"),
    ],
)
def test_settings_that_cannot_be_are_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
    assert LevenbergMarquardt(steps=5).window == 50  # the cap ends it
    assert Adam(schedule=Schedule.constant).doublings == 3
