"""Plain modules trained by the optimizers of ensembles, with a penalty that plain autograd checks."""

import math
import warnings
from dataclasses import replace

import pytest
import torch

from kanbench.bases import BSpline, Chebyshev
from kanbench.interpret import LIBRARY, Fit, SymbolicLayer, sparsity
from kanbench.models import KAN, MLP, BaseBranch, EdgeScale, KANLayer, Squash, update_grid, update_grids
from kanbench.training import LBFGS, SGD, Adam, Ensemble, LevenbergMarquardt, Schedule, Sparsity, train, train_all
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
        train(network(), x, y, LevenbergMarquardt(steps=80), sparsity=0.1)
    with pytest.raises(ValueError, match="layer 0 must be a sum over edges, got 'Affine'"):
        train(MLP([2, 3, 1], dtype=float64), x, y, lbfgs, sparsity=0.1)
    with pytest.raises(ValueError, match="model must be a sequence of layers, got 'Linear'"):
        train(torch.nn.Linear(2, 1, dtype=float64), x, y, lbfgs, sparsity=0.1)
    with pytest.raises(ValueError, match=r"weight must not be negative, got -1"):
        train(network(), x, y, lbfgs, sparsity=-1.0)
    with pytest.raises(ValueError, match="y must have a value for each of 80 rows of x"):
        train(network(), x, y[:-1], lbfgs)
    for columns, rows, sentence in [
        (x[:, :1], y, "x must have 2 columns, got 1"),
        (x.float(), y.float(), r"x must be torch\.float64, as the model is, got torch\.float32"),
        (x, y.float(), r"y must be torch\.float64, as x is, got torch\.float32"),
        (x[:, 0], y, "x must be a matrix for each model"),
        (x[:0], y[:0], "x must have at least one row, got 0"),
        (x * torch.nan, y, "x must be finite"),
        (x, y.masked_fill(y == y.max(), torch.inf), "y must be finite"),
    ]:
        with pytest.raises(ValueError, match=f"^{sentence}"):
            train(network(), columns, rows, lbfgs)
    with pytest.raises(ValueError, match=r"y must have a column for each of the 2 outputs of the model, got \(1,\)"):
        train(KAN([2, 2], dtype=float64), x, y, lbfgs)
    for kind, between in {"Dropout": torch.nn.Dropout(), "BatchNorm1d": torch.nn.BatchNorm1d(3, dtype=float64)}.items():
        model = torch.nn.Sequential(network()[0], between, network()[1])
        with pytest.raises(ValueError, match=rf"^model must do the same at every call; .*eval.*, got '{kind}'"):
            train(model, x, y, lbfgs)
        assert math.isfinite(train(model.eval(), x, y, lbfgs))
    with pytest.raises(ValueError, match="x must hold the data of 2 models, got 1"):
        train_all([network(), network()], x.unsqueeze(0), y.unsqueeze(0), lbfgs)
    with pytest.raises(ValueError, match="x must have the columns that the model takes, got 1"):
        train(torch.nn.Linear(2, 1, dtype=float64), x[:, :1], y, lbfgs)
    with pytest.raises(ValueError, match=r"^optimizer must be one of kanbench\.training, got Adam "):
        train(network(), x, y, torch.optim.Adam(network().parameters()))
    for columns, target, sentence in [(x.numpy(), y, "x"), (x, y.numpy(), "y")]:
        with pytest.raises(ValueError, match=f"^{sentence} must be a tensor, got 'ndarray'"):
            train(network(), columns, target, lbfgs)


@pytest.mark.parametrize("optimizer", [Adam(20), Adam(20, batch=16), SGD(20)], ids=["Adam", "batches", "SGD"])
@pytest.mark.parametrize("weight", [0.0, 0.02])
def test_an_optimizer_with_several_learning_rates_leaves_the_best_of_them(optimizer, weight):
    (x,), (y,) = samples()
    penalty = Sparsity(weight)
    ours, alone = network(), {}
    error = train(ours, x, y, optimizer, sparsity=penalty)
    for rate in optimizer.rates:
        model = network()
        reached = train(model, x, y, replace(optimizer, rates=(rate,)), sparsity=penalty)
        alone[objective(model, x, y, penalty).item()] = reached, model
    reached, best = alone[min(alone)]
    assert error == pytest.approx(reached, rel=1e-9)
    for a, b in zip(ours.parameters(), best.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-9)


def test_models_with_their_own_knots_and_data_each_take_the_rate_that_is_best_for_them():
    x, y = samples(members=3)
    scale = torch.tensor([1.0, 0.01, 5.0], dtype=float64).unsqueeze(1)
    together, alone = MODELS["moved knots"](x), MODELS["moved knots"](x)
    errors = train_all(together, x, scale * y, Adam(40))
    for m, model in enumerate(alone):
        assert train(model, x[m], scale[m] * y[m], Adam(40)) == pytest.approx(errors[m], rel=1e-8)
        torch.testing.assert_close(together[m](x[m]), model(x[m]), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("given", [0.01, [0.01], (0.01,)], ids=str)
def test_a_single_learning_rate_needs_no_tuple(given):
    assert Adam(rates=given) == Adam(rates=(0.01,))
    assert SGD(rates=given) == SGD(rates=(0.01,))
    assert Adam(schedule="constant").schedule is Schedule.constant
    with pytest.raises(ValueError, match=r"^schedule must be constant or cosine, got 'linear'$"):
        Adam(schedule="linear")
    for steps in (2.5, "100"):
        with pytest.raises(ValueError, match=r"^steps must be a whole number"):
            Adam(steps=steps)
    with pytest.raises(ValueError, match=r"^rates must be positive numbers"):
        SGD(rates=-0.1)


def root(b=1.3):
    """A network of one edge, 0.7 sqrt(x + b)."""
    fits = {(0, 0): Fit(LIBRARY["sqrt"], 1.0, b, 0.7, 0.0, 1.0)}
    return torch.nn.Sequential(SymbolicLayer(1, 1, fits, dtype=float64))


ROOT_X = torch.linspace(-1.0, 1.0, 101, dtype=float64).unsqueeze(1)
ROOT_Y = (ROOT_X[:, 0] + 1.0001).sqrt()


@pytest.mark.parametrize("optimizer", [Adam(300, rates=(0.05,)), SGD(300, rates=(0.3,), batch=0)])
def test_a_training_that_would_leave_the_real_numbers_keeps_its_best_parameters(optimizer):
    model = root()
    before = (model(ROOT_X).squeeze(1) - ROOT_Y).square().mean().item()
    with pytest.warns(UserWarning, match=r"those of step \d+ of 300: a smaller learning rate may help") as told:
        error = train(model, ROOT_X, ROOT_Y, optimizer)
    assert error < before
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    assert (model(ROOT_X).squeeze(1) - ROOT_Y).square().mean().item() == pytest.approx(error, rel=1e-12)
    step = int(str(told[0].message).split(" of 300")[0].split()[-1])
    again = root()  # the same training, ended there
    state = optimizer.start(ensemble := Ensemble([again]), ensemble.start, torch.tensor([optimizer.rates[0]]), [])
    optimizer.advance(ensemble, state, ROOT_X.unsqueeze(0), ROOT_Y.unsqueeze(0), step)
    torch.testing.assert_close(ensemble.members(state.theta)[0](ROOT_X), model(ROOT_X), rtol=1e-6, atol=1e-6)


def test_a_rate_that_diverges_does_not_spoil_another_one():
    (x,), (y,) = samples()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "training left")
        error = train(network(), x, y, SGD(20, rates=(0.01, 1e200)))
    assert error == train(network(), x, y, SGD(20, rates=(0.01,)))


def test_one_of_several_models_that_leaves_the_real_numbers_leaves_the_others_alone():
    x, y = ROOT_X.expand(2, -1, -1), torch.stack([ROOT_Y, (ROOT_X[:, 0] + 1.5).sqrt()])
    models, adam = [root(), root(1.5)], Adam(60, rates=(0.05,))
    with pytest.warns(UserWarning, match="training left the finite numbers"):
        errors = train_all(models, x, y, adam)
    assert math.isfinite(errors[0])
    alone = root(1.5)
    assert train(alone, x[1], y[1], adam) == pytest.approx(errors[1], rel=1e-9)


@pytest.mark.parametrize(
    "optimizer", [Adam(5), SGD(5, rates=(0.1,)), LBFGS(5), LevenbergMarquardt(5)], ids=lambda o: type(o).__name__
)
def test_a_model_that_is_not_finite_from_the_start_is_refused_with_the_edge(optimizer):
    model = root(b=0.5)
    with pytest.raises(ValueError, match=r"starts; the edge \(0, 0\) of layer 0 is not: .* 0->0: sqrt"):
        train(model, ROOT_X, ROOT_Y, optimizer)
    assert torch.equal(model[0].constants.squeeze(1), torch.tensor([1.0, 0.5, 0.7, 0.0], dtype=float64))
    broken = network()
    with torch.no_grad():
        broken[1].coefficients[0] = torch.nan
    behind = torch.nn.Sequential(root(b=0.5)[0], KANLayer(1, 1, dtype=float64))
    with pytest.raises(ValueError, match=r"starts; the edge \(0, 0\) of layer 0 is not: .* 0->0: sqrt"):
        train(behind, ROOT_X, ROOT_Y, optimizer)
    (x,), (y,) = samples()
    with pytest.raises(ValueError, match=r"starts; its parameter 1\.coefficients holds NaN or infinity"):
        train(broken, x, y, optimizer)
    with pytest.raises(ValueError, match="starts; its outputs are finite, but their loss is not"):
        train(network(), x, 1e200 * y, optimizer)


def test_frozen_and_unused_parameters_stay_as_they_are():
    class Sine(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.frequency = torch.nn.Parameter(torch.tensor([[3.0], [1.0]], dtype=float64), requires_grad=False)
            self.amplitude = torch.nn.Parameter(torch.ones(1, dtype=float64))
            self.idle = torch.nn.Parameter(torch.full((5,), 7.0, dtype=float64))

        def forward(self, x):
            return self.amplitude * torch.sin(x @ self.frequency)

    (x,), _ = samples()
    y = 2.5 * torch.sin(3.0 * x[:, 0] + x[:, 1])
    for optimizer in (LBFGS(10), LevenbergMarquardt(10)):
        model = Sine()
        assert train(model, x, y, optimizer) < 1e-20
        assert model.amplitude.item() == pytest.approx(2.5)
        assert model.frequency.flatten().tolist() == [3.0, 1.0]
        assert model.idle.tolist() == [7.0] * 5


def test_raw_data_are_said_to_be_off_the_grid_once():
    (x,), (y,) = samples()
    raw = 50.0 + 50.0 * x
    for of_its in ("BSpline", "Chebyshev"):
        basis = None if of_its == "BSpline" else Chebyshev()
        model = KAN([2, 3, 1], basis, generator=seeded(0), dtype=float64)
        with pytest.warns(UserWarning, match="off the domain") as told:
            train(model, raw, y, Adam(2))
        share = f"{(raw > 1.0).double().mean().item():.0%}"
        sentence = f"{share} of the inputs of KAN layer 0 are off the domain [-1, 1] of its {of_its}: scale x to it, "
        (ours,) = (each for each in told if "domain" in str(each.message))
        assert str(ours.message).startswith(sentence)
        assert ("update_grid" in str(ours.message)) == (of_its == "BSpline")
        assert ours.filename == __file__


def test_inputs_on_the_grid_are_nothing_to_warn_of():
    (x,), (y,) = samples()
    raw = 50.0 + 50.0 * x
    wide = KAN([2, 3, 1], BSpline(low=0.0, high=100.0), generator=seeded(0), dtype=float64)
    followed = update_grid(network(), raw)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".* off the domain")
        train(network(), x, y, Adam(2))
        train(MLP([2, 3, 1], dtype=float64), raw, y, Adam(2))
        train(wide, raw, y, Adam(2))
        train(followed, raw, y, Adam(2))


def test_a_hidden_layer_off_its_grid_is_named_with_the_squash_that_keeps_it_on():
    (x,), (y,) = samples()
    loud = KAN([2, 3, 1], squash=Squash.none, gain=5.0, generator=seeded(0), dtype=float64)
    with pytest.warns(UserWarning, match=r"KAN layer 1 are off the domain .*: squash=Squash\.tanh keeps them on it"):
        train(loud, x, y, Adam(2))


def test_two_outputs_are_trained_at_once_and_equal_outputs_from_equal_weights_stay_equal():
    (x,), (y,) = samples()
    both = torch.stack([y, x[:, 0] * x[:, 1]], dim=1)
    for optimizer, bound in ((LevenbergMarquardt(steps=80), 1e-3), (LBFGS(steps=60), 1e-2)):
        model = network(shape=(2, 4, 2))
        error = train(model, x, both, optimizer)
        assert error == pytest.approx((model(x) - both).square().mean().item(), rel=1e-9)
        assert error < bound
    model = network(shape=(2, 4, 2))
    error = train(model, x, both, LBFGS(steps=20), sparsity=0.01)
    assert error == pytest.approx((model(x) - both).square().mean().item(), rel=1e-9)
    twins = network(shape=(2, 4, 2))
    with torch.no_grad():
        for parameter in twins[1].parameters():
            parameter[..., 1] = parameter[..., 0]
    train(twins, x, torch.stack([y, y], dim=1), LevenbergMarquardt(steps=80))
    torch.testing.assert_close(twins(x)[:, 0], twins(x)[:, 1], rtol=1e-7, atol=1e-9)


def test_classes_are_trained_by_the_cross_entropy_of_torch():
    (x,), (y,) = samples()
    labels = (y > 1.0).long() + (y > 2.0)
    ours, theirs = network(shape=(2, 3, 3)), network(shape=(2, 3, 3))
    loss = train(ours, x, labels, Adam(30, rates=(0.01,), schedule=Schedule.constant), loss="cross_entropy")
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.01)
    for _ in range(30):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(theirs(x), labels).backward()
        optimizer.step()
    assert loss == pytest.approx(torch.nn.functional.cross_entropy(theirs(x), labels).item(), rel=1e-8)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-7, atol=1e-9)
    whole = r"^y must hold classes as whole numbers from 0 to 2, one for each output of the model"
    for wrong, sentence in [
        (y, whole + r", got torch\.float64"),
        (labels + 1, whole + ", got '1 to 3'"),
        (torch.stack([labels, labels], dim=1), "^y must hold one class for each row of x"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            train(network(shape=(2, 3, 3)), x, wrong, LBFGS(steps=1), loss="cross_entropy")
    with pytest.raises(ValueError, match=r"^model must have an output for each class, got 1"):
        train(network(), x, labels, LBFGS(steps=1), loss="cross_entropy")
    with pytest.raises(ValueError, match=r"^loss must be the mean squared error, got 'cross_entropy'"):
        train(network(shape=(2, 3, 3)), x, labels, LevenbergMarquardt(steps=80), loss="cross_entropy")
    with pytest.raises(ValueError, match=r"^loss must be mse or cross_entropy, got 'huber'"):
        train(network(), x, y, LBFGS(steps=1), loss="huber")
