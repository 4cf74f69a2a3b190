"""Gradient descent for ensembles against torch.optim.SGD, member by member."""

import pytest
import torch
from test_adam import models, orders, problem

from kanbench.bases import BSpline
from kanbench.methods import KANMethod, MLPMethod
from kanbench.training import SGD, Ensemble

RATES = torch.tensor([1e-2, 5e-2, 2e-1], dtype=torch.float64)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch", [0, 1, 8])
@pytest.mark.parametrize(
    "method", [KANMethod(1, basis=BSpline(intervals=5)), MLPMethod(depth=1)], ids=lambda m: m.label
)
def test_every_member_walks_as_torch_does_on_its_own_rows(method, batch, shuffle):
    x, y = problem()
    optimizer, ensemble = SGD(batch=batch, shuffle=shuffle), Ensemble(models(method))
    state = optimizer.start(ensemble, ensemble.start, RATES, orders())
    optimizer.advance(ensemble, state, x, y, 33)
    optimizer.advance(ensemble, state, x, y, 27)
    for m, (model, order) in enumerate(zip(models(method), orders(), strict=True)):
        theirs = torch.optim.SGD(model.parameters(), lr=RATES[m].item())
        size = batch or 40
        epochs = [
            torch.randperm(40, generator=order) if shuffle and batch else torch.arange(40)
            for _ in range(-(-60 * size // 40))
        ]
        for rows in torch.cat(epochs).split(size)[:60]:
            theirs.zero_grad()
            (model(x[m, rows]).squeeze(-1) - y[m, rows]).square().mean().backward()
            theirs.step()
        expected = torch.nn.utils.parameters_to_vector(model.parameters())
        torch.testing.assert_close(state.theta[m], expected, rtol=1e-9, atol=1e-12)
    assert state.evaluations.tolist() == pytest.approx([60 * size / 40] * 3)
