"""Members that cannot be batched are looped, to the same numbers."""

import pytest
import torch
from torch import nn

from kanbench.bases import BSpline
from kanbench.methods import KANMethod
from kanbench.training import Ensemble
from kanbench.training.looped import ROWS, LoopedEnsemble, ensemble_of


def models(seeds=3, n_out=1):
    starts = [torch.Generator().manual_seed(seed) for seed in range(seeds)]
    return [KANMethod(1, basis=BSpline(intervals=5)).build(2, 3, start, torch.float64, n_out) for start in starts]


def data(seeds=3, n=2 * ROWS + 3):
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(seeds, n, 2, generator=generator, dtype=torch.float64) * 2 - 1
    return x, torch.sin(x.sum(-1))


def test_a_looped_ensemble_computes_what_a_batched_one_does():
    batched, looped, (x, y) = Ensemble(models()), LoopedEnsemble(models()), data()
    theta = batched.start
    assert torch.equal(looped.start, theta)
    for name, rest in {"predict": (), "jacobians": (), "losses": (y,), "gradients": (y,)}.items():
        expected, found = (getattr(each, name)(theta, x, *rest) for each in (batched, looped))
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    losses, gradients = looped.losses_and_gradients(theta, x, y)
    torch.testing.assert_close(losses, batched.losses(theta, x, y))
    torch.testing.assert_close(gradients, batched.gradients(theta, x, y))
    assert not losses.requires_grad


def test_several_outputs_are_stacked_as_a_batched_ensemble_stacks_them():
    batched, looped, (x, _) = Ensemble(models(n_out=2)), LoopedEnsemble(models(n_out=2)), data()
    expected = batched.jacobians(batched.start, x)
    assert expected.shape[1] == 2 * x.shape[1]
    torch.testing.assert_close(looped.jacobians(batched.start, x), expected, rtol=1e-10, atol=1e-12)


def test_some_of_its_members_are_those_alone():
    looped, (x, _) = LoopedEnsemble(models()), data()
    which = torch.tensor([0, 2])
    some = looped.only(which)
    expected = looped.jacobians(looped.start, x)[which]
    torch.testing.assert_close(some.jacobians(looped.start[which], x[which]), expected)


class Unbatched(torch.autograd.Function):
    """Backward looks at numbers, so that rows cannot go backward at once."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x.cos() if g.abs().max().item() > 0 else torch.zeros_like(x)


class Sine(nn.Module):
    is_foreign, n_in = True, 2

    def __init__(self, seed):
        super().__init__()
        self.weight = nn.Parameter(
            torch.randn(2, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        )

    def forward(self, x):
        return Unbatched.apply(x @ self.weight)


def test_where_rows_cannot_go_backward_at_once_they_go_one_by_one():
    ensemble, (x, _) = ensemble_of([Sine(seed) for seed in range(3)]), data()
    assert not ensemble.is_batched
    for _ in range(2):  # the second time it is known
        found = ensemble.jacobians(ensemble.start, x)
        expected = (x @ ensemble.start.unsqueeze(2)).cos() * x
        torch.testing.assert_close(found, expected)


def test_models_of_the_house_are_batched_without_a_trial():
    assert type(ensemble_of(models())) is Ensemble


@pytest.mark.parametrize("n", [1, ROWS, ROWS + 1])
def test_any_number_of_rows_is_taken(n):
    looped, (x, _) = LoopedEnsemble(models(2)), data(2, n)
    torch.testing.assert_close(looped.jacobians(looped.start, x), Ensemble(models(2)).jacobians(looped.start, x))
