"""Adam for ensembles against torch.optim.Adam, member by member."""

import pytest
import torch

from kanbench.bases import BSpline
from kanbench.methods import KANMethod, MLPMethod
from kanbench.training import Adam, Ensemble, Schedule

RATES = [1e-3, 1e-2, 3e-2]


def problem(n=40):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(3, n, 2, generator=generator, dtype=torch.float64) * 2 - 1
    return x, torch.sin(3 * x[..., 0]) * x[..., 1]


def models(method):
    return [method.build(2, 3, torch.Generator().manual_seed(s), torch.float64) for s in range(3)]


def orders():
    return [torch.Generator().manual_seed(s) for s in range(3)]


@pytest.mark.parametrize("schedule", list(Schedule))
@pytest.mark.parametrize(
    "method", [KANMethod(1, basis=BSpline(intervals=5)), MLPMethod(depth=1)], ids=lambda m: m.label
)
def test_every_member_walks_as_torch_does(method, schedule):
    x, y = problem()
    optimizer = Adam(steps=60, schedule=schedule)
    ensemble = Ensemble(models(method))
    state = optimizer.start(ensemble, ensemble.start, torch.tensor(RATES, dtype=torch.float64), orders())
    optimizer.advance(ensemble, state, x, y, 25)
    optimizer.advance(ensemble, state, x, y, 35)
    for m, model in enumerate(models(method)):
        theirs = torch.optim.Adam(model.parameters(), lr=RATES[m])
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(theirs, T_max=60)
        for _ in range(60):
            theirs.zero_grad()
            (model(x[m]).squeeze(-1) - y[m]).square().mean().backward()
            theirs.step()
            if schedule is Schedule.cosine:
                cosine.step()
        expected = torch.nn.utils.parameters_to_vector(model.parameters())
        torch.testing.assert_close(state.theta[m], expected, rtol=1e-8, atol=1e-10)
    assert state.evaluations.tolist() == [60, 60, 60]


def test_an_epoch_of_mini_batches_sees_every_row_once_in_an_order_of_its_own():
    seen = []

    class Watching(Ensemble):
        def gradients(self, theta, x, y):
            seen.append(y.clone())
            return super().gradients(theta, x, y)

    x, _ = problem()
    y = torch.arange(40, dtype=torch.float64).repeat(3, 1)
    optimizer, ensemble = Adam(batch=10), Watching(models(MLPMethod(depth=1)))
    state = optimizer.start(ensemble, ensemble.start, torch.tensor(RATES, dtype=torch.float64), orders())
    optimizer.advance(ensemble, state, x, y, 8)
    first, second = torch.cat(seen[:4], dim=1), torch.cat(seen[4:], dim=1)
    assert torch.equal(first.sort(dim=1).values, y)
    assert torch.equal(second.sort(dim=1).values, y)
    assert not torch.equal(first, second)
    assert not torch.equal(first[0], first[1])


def test_a_member_trained_on_mini_batches_reaches_what_it_reaches_alone():
    x, y = problem()
    optimizer = Adam(steps=30, batch=16)
    ensemble = Ensemble(models(KANMethod(1, basis=BSpline(intervals=5))))
    state = optimizer.start(ensemble, ensemble.start, torch.tensor(RATES, dtype=torch.float64), orders())
    optimizer.advance(ensemble, state, x, y, 30)
    for m in range(3):
        one = Ensemble(models(KANMethod(1, basis=BSpline(intervals=5)))[m : m + 1])
        rate = torch.tensor(RATES[m : m + 1], dtype=torch.float64)
        alone = optimizer.start(one, one.start, rate, orders()[m : m + 1])
        optimizer.advance(one, alone, x[m : m + 1], y[m : m + 1], 30)
        torch.testing.assert_close(state.theta[m], alone.theta[0], rtol=1e-8, atol=1e-10)
