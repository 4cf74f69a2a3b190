"""Plain modules trained by the optimisers of ensembles, with a penalty that plain autograd checks."""

import math

import pytest
import torch

from kanbench.bases import BSpline
from kanbench.interpret import sparsity
from kanbench.models import KAN, MLP, BaseBranch, EdgeScale, update_grids
from kanbench.training import LBFGS, Adam, LevenbergMarquardt, Schedule, Sparsity, train, train_all
from kanbench.training.single import SparseEnsemble

float64 = torch.float64


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def network(seed=0, shape=(2, 3, 1), **options):
    options = {"base_branch": BaseBranch.silu} | options
    return KAN(shape, BSpline(intervals=3), **options, generator=seeded(seed), dtype=float64)


def samples(members=1, n=80):
    x = torch.rand(members, n, 2, generator=seeded(9), dtype=float64) * 2 - 1
    return x, torch.exp(torch.sin(math.pi * x[..., 0]) + x[..., 1] ** 2)


def objective(model, x, y, penalty):
    """As autograd sees it, on one module."""
    return (model(x).squeeze(1) - y).square().mean() + penalty.weight * sparsity(model, x, penalty.entropy)


MODELS = {
    "dense": lambda x: [network(seed) for seed in range(3)],
    "scaled": lambda x: [network(seed, edge_scale=EdgeScale.edge) for seed in range(3)],
    "moved knots": lambda x: update_grids([network(seed) for seed in range(3)], x),
}


@pytest.mark.parametrize("kind", MODELS)
def test_losses_and_gradients_of_a_sparse_ensemble_are_those_of_its_members(kind):
    x, y = samples(members=3)
    models, penalty = MODELS[kind](x), Sparsity(0.1, entropy=2.0)
    ensemble = SparseEnsemble(models, penalty)
    losses, gradients = (of(ensemble.start, x, y) for of in (ensemble.losses, ensemble.gradients))
    for m, model in enumerate(models):
        loss = objective(model, x[m], y[m], penalty)
        expected = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])
        torch.testing.assert_close(losses[m], loss, rtol=1e-12, atol=0.0)
        torch.testing.assert_close(gradients[m], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("weight", [0.0, 0.05])
def test_training_by_adam_is_that_of_torch(weight):
    (x,), (y,) = samples()
    ours, theirs, penalty = network(), network(), Sparsity(weight)
    error = train(ours, x, y.unsqueeze(1), Adam(30, rates=(0.01,), schedule=Schedule.constant), sparsity=penalty)
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.01)
    for _ in range(30):
        optimizer.zero_grad()
        objective(theirs, x, y, penalty).backward()
        optimizer.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-9)
    assert error == pytest.approx((theirs(x).squeeze(1) - y).square().mean().item(), rel=1e-8)


def test_a_sparse_optimum_by_lbfgs_is_no_worse_than_that_of_torch():
    (x,), (y,) = samples()
    ours, theirs, penalty = network(), network(), Sparsity(0.03)
    train(ours, x, y, LBFGS(steps=40), sparsity=penalty)
    optimizer = torch.optim.LBFGS(theirs.parameters(), max_iter=40, history_size=10, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = objective(theirs, x, y, penalty)
        loss.backward()
        return loss

    optimizer.step(closure)
    ends = [objective(model, x, y, penalty).item() for model in (ours, theirs)]
    assert ends[0] == pytest.approx(ends[1], rel=0.05)  # |edge| has kinks, where rounding picks the way
    assert ends[0] < 0.5 * objective(network(), x, y, penalty).item()


def test_models_trained_together_are_trained_alone():
    x, y = samples(members=3)
    together, alone = ([network(seed) for seed in range(3)] for _ in range(2))
    errors = train_all(together, x, y, LevenbergMarquardt(steps=8))
    for m, model in enumerate(alone):
        assert train(model, x[m], y[m], LevenbergMarquardt(steps=8)) == pytest.approx(errors[m], rel=1e-8)
        torch.testing.assert_close(together[m](x[m]), model(x[m]), rtol=1e-8, atol=1e-8)
        assert (model(x[m]).squeeze(1) - y[m]).square().mean().item() == pytest.approx(errors[m], rel=1e-9)


def test_a_penalty_makes_networks_sparser():
    (x,), (y,) = samples()
    models = [network() for _ in range(3)]
    for model, weight in zip(models, (0.0, 0.01, 0.1), strict=True):
        train(model, x, y, LBFGS(steps=40), sparsity=weight)
    free, light, heavy = (sparsity(model, x).item() for model in models)
    assert free > light > heavy


def test_a_linear_network_reaches_the_least_squares_solution():
    (x,), (y,) = samples()
    model = torch.nn.Linear(2, 1, dtype=float64)
    train(model, x, y, LBFGS(steps=50))
    design = torch.cat([x, torch.ones(len(x), 1, dtype=float64)], dim=1)
    best = torch.linalg.lstsq(design, y.unsqueeze(1)).solution.squeeze(1)
    torch.testing.assert_close(torch.cat([model.weight[0], model.bias]), best, rtol=1e-6, atol=1e-6)


def test_what_cannot_be_trained_is_refused():
    (x,), (y,) = samples()
    lbfgs = LBFGS(steps=1)
    with pytest.raises(ValueError, match="a sparsity penalty is no sum of squares: train with it by Adam or LBFGS"):
        train(network(), x, y, LevenbergMarquardt(), sparsity=0.1)
    with pytest.raises(ValueError, match="layer 0 must be a sum over edges, got 'Affine'"):
        train(MLP([2, 3, 1], dtype=float64), x, y, lbfgs, sparsity=0.1)
    with pytest.raises(ValueError, match="model must be a sequence of layers, got 'Linear'"):
        train(torch.nn.Linear(2, 1, dtype=float64), x, y, lbfgs, sparsity=0.1)
    with pytest.raises(ValueError, match=r"weight must not be negative, got -1"):
        train(network(), x, y, lbfgs, sparsity=-1.0)
    with pytest.raises(ValueError, match="y must have a value for each of 80 rows of x"):
        train(network(), x, y[:-1], lbfgs)
    for columns, rows, sentence in [
        (x[:, :1], y, "x must have the columns that the model takes, got 1"),
        (x.float(), y.float(), r"x must be torch\.float64, as the model is, got torch\.float32"),
        (x, y.float(), r"y must be torch\.float64, as x is, got torch\.float32"),
        (x[:, 0], y, "x must be a matrix for each model"),
        (x[:0], y[:0], "x must have at least one row, got 0"),
        (x * torch.nan, y, "x must be finite"),
        (x, y.masked_fill(y == y.max(), torch.inf), "y must be finite"),
    ]:
        with pytest.raises(ValueError, match=f"^{sentence}"):
            train(network(), columns, rows, lbfgs)
    with pytest.raises(ValueError, match=r"model must have one output, got \(2,\)"):
        train(KAN([2, 2], dtype=float64), x, y, lbfgs)
    with pytest.raises(ValueError, match="x must hold the data of 2 models, got 1"):
        train_all([network(), network()], x.unsqueeze(0), y.unsqueeze(0), lbfgs)
    with pytest.raises(ValueError, match="rates must hold one learning rate, as a model has one"):
        train(network(), x, y, Adam())
