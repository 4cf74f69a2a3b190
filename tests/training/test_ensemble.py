"""An ensemble is what its members are alone."""

import numpy as np
import pytest
import torch
from torch.func import functional_call, jacrev
from torch.nn.utils import parameters_to_vector

from kanbench.bases import BASES, BSpline
from kanbench.methods import KANMethod, MLPMethod
from kanbench.models import Activation, Aggregation, BaseBranch, EdgeScale, KANLayer, extend, extend_all, update_grids
from kanbench.models.linear import Affine
from kanbench.training import LBFGS, SGD, Adam, Ensemble, LevenbergMarquardt

METHODS = [
    *(KANMethod(basis=basis()) for basis in BASES.values()),
    KANMethod(depth=2, base_branch=BaseBranch.silu, aggregation=Aggregation.mean),
    KANMethod(base_branch=BaseBranch.linear, edge_scale=EdgeScale.basis),
    KANMethod(base_branch=BaseBranch.silu, edge_scale=EdgeScale.edge, bias=False),
    KANMethod(basis=BASES["rational"](), depth=2, base_branch=BaseBranch.silu, bias=False),
    KANMethod(basis=BASES["sine"](), base_branch=BaseBranch.silu, edge_scale=EdgeScale.basis),
    KANMethod(basis=BASES["relu_bumps"](trainable=True), aggregation=Aggregation.mean),
    *(MLPMethod(activation=activation, depth=2) for activation in Activation),
    *(MLPMethod(fourier=4, depth=depth) for depth in (1, 4)),
]


def members(method, seeds=3, n_in=2, width=3):
    nodes = width * method.depth
    models = [method.build(n_in, nodes, torch.Generator().manual_seed(s), torch.float64) for s in range(seeds)]
    generator = torch.Generator().manual_seed(9)
    for model in models:  # away from special starts such as zero coefficients
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn(parameter.shape, dtype=torch.float64, generator=generator)
    return models


def points(seeds=3, n=7, n_in=2):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(seeds, n, n_in, generator=generator, dtype=torch.float64) * 2 - 1


def per_unit(ensemble):
    """The derivative of each parameter by its entry of theta."""
    return ensemble.parameters(torch.ones_like(ensemble.start))[0]


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
def test_every_member_predicts_what_its_model_predicts(method):
    models, x = members(method), points()
    ensemble = Ensemble(models)
    together = ensemble.predict(ensemble.start, x)
    alone = torch.stack([model(each).squeeze(-1) for model, each in zip(models, x, strict=True)])
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-14)
    own = parameters_to_vector(models[1].parameters())
    torch.testing.assert_close(ensemble.parameters(ensemble.start)[1], own, rtol=1e-15, atol=0)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
def test_jacobians_and_gradients_equal_plain_autograd(method):
    models, x = members(method), points()
    y = torch.sin(x.sum(-1))
    ensemble = Ensemble(models)
    jacobians = ensemble.jacobians(ensemble.start, x)
    gradients = ensemble.gradients(ensemble.start, x, y)
    for m, model in enumerate(models):
        parameters = list(model.parameters())
        prediction = model(x[m]).squeeze(-1)
        for n in range(x.shape[1]):
            by_hand = torch.autograd.grad(prediction[n], parameters, retain_graph=True)
            by_theta = parameters_to_vector(by_hand) * per_unit(ensemble)
            torch.testing.assert_close(jacobians[m, n], by_theta, rtol=1e-10, atol=1e-12)
        loss = (prediction - y[m]).square().mean()
        by_hand = parameters_to_vector(torch.autograd.grad(loss, parameters))
        torch.testing.assert_close(gradients[m], by_hand * per_unit(ensemble), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("scale", EdgeScale)
def test_networks_with_missing_edges_are_members_like_any_other(scale):
    def build(seed):
        options = {
            "edge_scale": scale,
            "base_branch": BaseBranch.silu,
            "generator": torch.Generator().manual_seed(seed),
            "dtype": torch.float64,
        }
        first = KANLayer(2, 3, edges=[(0, 0), (1, 1), (0, 2)], **options)
        return torch.nn.Sequential(first, KANLayer(3, 1, edges=[(0, 0), (2, 0)], **options))

    models, x = [build(seed) for seed in range(3)], points()
    ensemble = Ensemble(models)
    together = ensemble.predict(ensemble.start, x)
    jacobians = ensemble.jacobians(ensemble.start, x)
    for m, model in enumerate(models):
        prediction = model(x[m]).squeeze(-1)
        torch.testing.assert_close(together[m], prediction, rtol=1e-12, atol=1e-14)
        for n in range(x.shape[1]):
            by_hand = torch.autograd.grad(prediction[n], list(model.parameters()), retain_graph=True)
            torch.testing.assert_close(jacobians[m, n], parameters_to_vector(by_hand), rtol=1e-10, atol=1e-12)


def test_jacobian_equals_finite_differences():
    ensemble, x = Ensemble(members(KANMethod(1, basis=BSpline(intervals=5)))), points()
    jacobians, h = ensemble.jacobians(ensemble.start, x), 1e-6
    for p in np.random.default_rng(0).choice(ensemble.n_params, 10, replace=False):
        shift = torch.zeros_like(ensemble.start)
        shift[:, p] = h
        slope = (ensemble.predict(ensemble.start + shift, x) - ensemble.predict(ensemble.start - shift, x)) / (2 * h)
        torch.testing.assert_close(jacobians[:, :, p], slope, rtol=1e-6, atol=1e-8)


def test_any_module_can_be_a_member():
    class Power(torch.nn.Module):
        def __init__(self, exponents):
            super().__init__()
            self.exponents = torch.nn.Parameter(torch.tensor(exponents, dtype=torch.float64))

        def forward(self, x):
            return (x.abs() ** self.exponents).prod(dim=-1, keepdim=True)

    ensemble, x = Ensemble([Power([1.0, 2.0]), Power([3.0, 0.5])]), points(seeds=2)
    value = torch.stack([x[0, :, 0].abs() * x[0, :, 1] ** 2, x[1, :, 0].abs() ** 3 * x[1, :, 1].abs() ** 0.5])
    torch.testing.assert_close(ensemble.predict(ensemble.start, x), value)
    torch.testing.assert_close(ensemble.jacobians(ensemble.start, x), value.unsqueeze(2) * x.abs().log())


MOVED = pytest.mark.parametrize(
    "method",
    [
        KANMethod(basis=BASES["bspline"](intervals=3)),
        KANMethod(depth=2, base_branch=BaseBranch.silu, aggregation=Aggregation.mean),
        KANMethod(base_branch=BaseBranch.silu, edge_scale=EdgeScale.edge),
    ],
    ids=lambda m: m.label,
)


def moved(method):
    """Members whose knots have followed data of their own."""
    x = points()
    models = update_grids(members(method), x * torch.tensor([0.3, 1.0, 1.7], dtype=torch.float64).view(3, 1, 1))
    assert not torch.equal(models[0][0].knots, models[1][0].knots)
    return models, x


@MOVED
def test_members_with_different_knots_are_what_they_are_alone(method):
    models, x = moved(method)
    ensemble = Ensemble(models)
    alone = torch.stack([model(each).squeeze(-1) for model, each in zip(models, x, strict=True)])
    torch.testing.assert_close(ensemble.predict(ensemble.start, x), alone, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(ensemble.predict(ensemble.start, ensemble.embed(x)), alone, rtol=1e-12, atol=1e-14)
    last = torch.tensor([0, 2])
    of_last = ensemble.only(last).predict(ensemble.start[last], ensemble.embed(x)[last])
    torch.testing.assert_close(of_last, alone[last], rtol=1e-12, atol=1e-14)


@MOVED
def test_jacobians_on_different_knots_equal_those_of_torch(method):
    models, x = moved(method)
    ensemble = Ensemble(models)
    y = torch.sin(x.sum(-1))
    jacobians = ensemble.jacobians(ensemble.start, x)
    gradients = ensemble.gradients(ensemble.start, x, y)
    for m, model in enumerate(models):

        def predict(parameters, model=model, own=x[m]):
            return functional_call(model, parameters, (own,)).squeeze(-1)

        named = dict(model.named_parameters())
        exact = torch.cat([block.flatten(1) for block in jacrev(predict)(named).values()], dim=1) * per_unit(ensemble)
        torch.testing.assert_close(jacobians[m], exact, rtol=1e-10, atol=1e-12)
        by_chain = 2.0 * (predict(named) - y[m]) @ exact / len(y[m])
        torch.testing.assert_close(gradients[m], by_chain, rtol=1e-10, atol=1e-12)


@MOVED
def test_members_come_back_as_modules_and_can_be_extended(method):
    models, x = moved(method)
    ensemble = Ensemble(models)
    theta = ensemble.start + 0.1
    before = ensemble.predict(theta, x)
    back = ensemble.members(theta)
    assert [type(model) for model in back] == [type(model) for model in models]
    alone = torch.stack([model(each).squeeze(-1) for model, each in zip(back, x, strict=True)])
    torch.testing.assert_close(alone, before, rtol=1e-12, atol=1e-14)
    finer = Ensemble(extend_all(back, 30, x, mix=0.5))
    assert finer.n_params > ensemble.n_params
    torch.testing.assert_close(finer.predict(finer.start, x), before, rtol=1e-10, atol=1e-12)


def test_random_features_are_each_member_s_own_and_lm_trains_what_comes_after_them():
    x, method = points(n=40), MLPMethod(fourier=4)
    y = torch.sin(6.0 * x.sum(-1))
    models = members(method)
    frequencies = [model[0].frequencies.clone() for model in models]
    assert not torch.equal(frequencies[0], frequencies[1])
    lm, none = LevenbergMarquardt(steps=8), torch.full((3,), torch.nan)

    def train(models, x, y):
        ensemble = Ensemble(models)
        state = lm.start(ensemble, ensemble.start, none[: len(models)], [])
        before = ensemble.losses(state.theta, x, y)
        lm.advance(ensemble, state, x, y, 8)
        assert (ensemble.losses(state.theta, x, y) < 0.5 * before).all()
        return ensemble.members(state.theta)

    together = train(models, x, y)
    for m, model in enumerate(models):
        (alone,) = train([model], x[m : m + 1], y[m : m + 1])
        assert torch.equal(together[m][0].frequencies, frequencies[m])
        torch.testing.assert_close(together[m](x[m]), alone(x[m]), rtol=1e-8, atol=1e-8)


def test_staged_training_of_an_ensemble_equals_that_of_each_member_alone():
    x = points(n=40)
    y = torch.sin(3.0 * x.sum(-1))
    rates, lm = torch.full((3,), torch.nan), LevenbergMarquardt(steps=12)

    def train(ensemble, x, y):
        state = lm.start(ensemble, ensemble.start, rates[: len(ensemble)], [])
        lm.advance(ensemble, state, x, y, 12)
        return ensemble.members(state.theta)

    models = members(KANMethod(basis=BASES["bspline"](intervals=3)))
    together = train(Ensemble(extend_all(train(Ensemble(models), x, y), 5)), x, y)
    for m, model in enumerate(models):
        own = x[m : m + 1], y[m : m + 1]
        (alone,) = train(Ensemble([extend(train(Ensemble([model]), *own)[0], 5)]), *own)
        torch.testing.assert_close(together[m](x[m]), alone(x[m]), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", [name for name, basis in BASES.items() if basis().n_inner])
@pytest.mark.parametrize(
    "optimizer",
    [LevenbergMarquardt(steps=10), LBFGS(steps=10), Adam(steps=10, rates=(0.01,))],
    ids=lambda o: type(o).__name__,
)
def test_members_whose_bases_are_learned_reach_what_they_reach_alone(name, optimizer):
    x = points(n=40)
    y = torch.sin(3.0 * x.sum(-1))
    models = members(KANMethod(basis=BASES[name]()))

    def train(models, x, y):
        ensemble = Ensemble(models)
        rates, orders = torch.full((len(models),), 0.01, dtype=torch.float64), [torch.Generator() for _ in models]
        state = optimizer.start(ensemble, ensemble.start, rates, orders)
        optimizer.advance(ensemble, state, x, y, 10)
        return ensemble.start, state.theta

    start, together = train(models, x, y)
    for m, model in enumerate(models):
        _, alone = train([model], x[m : m + 1], y[m : m + 1])
        torch.testing.assert_close(together[m], alone[0], rtol=1e-8, atol=1e-8)
    n_inner = 3 * models[0][1].basis.n_inner  # of the last layer: its last parameters
    assert (together != start)[:, -n_inner:].any(dim=0).all()


class Scaled(torch.nn.Module):
    """sin(x F) w + b, of which the frequencies F are frozen and a third parameter is never used."""

    def __init__(self, seed):
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.idle = torch.nn.Parameter(torch.randn(3, generator=draw, dtype=torch.float64))
        frequency = torch.randn(2, 4, generator=draw, dtype=torch.float64)
        self.frequency = torch.nn.Parameter(frequency, requires_grad=False)
        self.step = torch.nn.Parameter(torch.tensor(seed), requires_grad=False)  # a whole number
        self.weight = torch.nn.Parameter(torch.randn(4, 1, generator=draw, dtype=torch.float64))
        self.bias = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, x):
        return torch.sin(x @ self.frequency) @ self.weight + self.bias


OPTIMIZERS = [LevenbergMarquardt(steps=5), LBFGS(steps=5), Adam(steps=5, rates=(0.01,)), SGD(5, rates=(0.01,))]


def trained(ensemble, optimizer, x, y):
    """The members after training."""
    rates = torch.full((len(ensemble),), 0.01, dtype=torch.float64)
    orders = [torch.Generator().manual_seed(0) for _ in rates]
    state = optimizer.start(ensemble, ensemble.start, rates, orders)
    optimizer.advance(ensemble, state, x, y, optimizer.steps)
    return ensemble.members(state.theta)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: type(o).__name__)
def test_frozen_and_unused_parameters_are_not_counted_and_not_trained(optimizer):
    x = points(n=40)
    models, y = [Scaled(seed) for seed in range(3)], torch.sin(x.sum(-1))
    ensemble = Ensemble(models, example=x[0, :1])
    assert ensemble.n_params == 4 + 1
    assert Ensemble(models).n_params == 4 + 1 + 3  # without an example nothing tells that three are idle
    assert ensemble.jacobians(ensemble.start, x).shape == (3, 40, 5)
    for old, new in zip(models, trained(ensemble, optimizer, x, y), strict=True):
        for name in ("idle", "frequency", "step"):
            assert torch.equal(getattr(old, name), getattr(new, name))
        assert not torch.equal(old.weight, new.weight)
        assert [p.requires_grad for p in new.parameters()] == [p.requires_grad for p in old.parameters()]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("frozen", ["0.coefficients", "0.bias", "1.inner", "1.bias", "1.coefficients"])
def test_frozen_parameters_of_kan_layers_stay_as_well(optimizer, frozen):
    x, models = points(n=40), members(KANMethod(basis=BASES["sine"]()))
    for model in models:
        model.get_parameter(frozen).requires_grad_(False)
    y = torch.sin(3.0 * x.sum(-1))
    ensemble = Ensemble(models)
    assert ensemble.n_params == sum(p.numel() for p in models[0].parameters() if p.requires_grad)
    predictions, jacobians = (of(ensemble.start, x) for of in (ensemble.predict, ensemble.jacobians))
    for m, model in enumerate(models):
        free = [p for p in model.parameters() if p.requires_grad]
        torch.testing.assert_close(predictions[m], model(x[m]).squeeze(-1), rtol=1e-12, atol=1e-14)
        by_hand = torch.autograd.grad(model(x[m])[7, 0], free)
        torch.testing.assert_close(jacobians[m, 7], parameters_to_vector(by_hand), rtol=1e-10, atol=1e-12)
    for old, new in zip(models, trained(ensemble, optimizer, x, y), strict=True):
        assert new[0].is_linear
        for name, parameter in old.named_parameters():
            assert torch.equal(new.get_parameter(name), parameter) == (name == frozen), name


def test_a_network_without_a_trained_parameter_is_refused():
    model = MLPMethod(depth=1).build(2, 3, torch.Generator(), torch.float64).requires_grad_(False)
    with pytest.raises(ValueError, match=r"^model must have a parameter that is trained, got 'MLP'$"):
        Ensemble([model])


class Residual(KANLayer):
    """A layer of one's own that does more than KANLayer."""

    def forward(self, x):
        return super().forward(x) + x


class Skip(torch.nn.Sequential):
    """A sequence of one's own that does more than apply its layers in turn."""

    def forward(self, x):
        return super().forward(x) + x.sum(-1, keepdim=True)


def drawn(seed):
    return {"generator": torch.Generator().manual_seed(seed), "dtype": torch.float64}


def shared_layer(seed):
    layer = KANLayer(2, 2, **drawn(seed))
    return torch.nn.Sequential(layer, torch.nn.Tanh(), layer, Affine(2, 1, std=1.0, **drawn(seed)))


def tied_weights(seed):
    first, second = Affine(2, 2, std=1.0, **drawn(seed)), Affine(2, 2, std=1.0, **drawn(seed))
    second.weight = first.weight
    return torch.nn.Sequential(first, torch.nn.Tanh(), second, Affine(2, 1, std=1.0, **drawn(seed)))


def doubled(seed):
    """A hook changes what a layer returns."""
    model = MLPMethod(depth=1).build(2, 3, torch.Generator().manual_seed(seed), torch.float64)
    model[0].register_forward_hook(lambda layer, inputs, output: 2.0 * output)
    return model


def normalized(seed):
    """A parametrization changes what its parameters are."""
    model = MLPMethod(depth=1).build(2, 3, torch.Generator().manual_seed(seed), torch.float64)
    torch.nn.utils.parametrizations.weight_norm(model[0])
    return model


UNUSUAL = {
    "a layer used twice": shared_layer,
    "tied weights": tied_weights,
    "a subclass of a layer": lambda s: torch.nn.Sequential(Residual(2, 2, **drawn(s)), KANLayer(2, 1, **drawn(s))),
    "a subclass of a sequence": lambda s: Skip(KANLayer(2, 1, **drawn(s))),
    "a hook": doubled,
    "a parametrization": normalized,
}


@pytest.mark.parametrize("kind", UNUSUAL)
def test_modules_that_are_more_than_their_layers_are_members_as_they_are(kind):
    models, x = [UNUSUAL[kind](seed) for seed in range(3)], points(n=20)
    y = torch.sin(3.0 * x.sum(-1))
    ensemble = Ensemble(models)
    assert ensemble.n_params == sum(p.numel() for p in models[0].parameters())
    jacobians, predictions = ensemble.jacobians(ensemble.start, x), ensemble.predict(ensemble.start, x)
    for m, model in enumerate(models):
        torch.testing.assert_close(predictions[m], model(x[m]).squeeze(-1), rtol=1e-12, atol=1e-14)
        by_hand = torch.autograd.grad(model(x[m])[7, 0], list(model.parameters()))
        torch.testing.assert_close(jacobians[m, 7], parameters_to_vector(by_hand), rtol=1e-10, atol=1e-12)
    before = ensemble.losses(ensemble.start, x, y)
    for m, model in enumerate(trained(ensemble, LevenbergMarquardt(steps=5), x, y)):
        assert (model(x[m]).squeeze(-1) - y[m]).square().mean() < before[m]
        assert len(list(model.parameters())) == len(list(models[m].parameters()))


@pytest.mark.parametrize(
    ("one", "other", "sentence"),
    [
        (KANMethod(1, basis=BSpline(intervals=5)), KANMethod(aggregation=Aggregation.mean), "got '0 = KANLayer.*mean"),
        (
            KANMethod(1, basis=BSpline(intervals=5)),
            KANMethod(basis=BASES["chebyshev"]()),
            r"got '0 = KANLayer\(2, 3, Chebyshev",
        ),
        (MLPMethod(depth=1), MLPMethod(activation=Activation.relu), r"got '1 = FixedActivation\(relu\)'"),
        (MLPMethod(depth=1), MLPMethod(depth=2), "got '2 = Affine"),
    ],
)
def test_members_of_another_architecture_are_refused(one, other, sentence):
    kinds = (one, one, other)
    models = [method.build(2, 3 * method.depth, torch.Generator(), torch.float64) for method in kinds]
    with pytest.raises(ValueError, match=f"^model 2 must be built as model 0 is, with .*{sentence}"):
        Ensemble(models)


def test_members_with_and_without_knots_of_their_own_do_not_mix():
    models = members(KANMethod(basis=BASES["bspline"](intervals=3)))
    (moved,) = update_grids(models[:1], points(seeds=1), intervals=3)
    with pytest.raises(ValueError, match=r"^model 1 must be built as model 0 is, with .*moved knots"):
        Ensemble([models[1], moved])


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
def test_jacobians_of_two_outputs_are_those_of_the_first_above_those_of_the_second(method):
    nodes = 3 * method.depth
    models = [method.build(2, nodes, torch.Generator().manual_seed(seed), torch.float64, 2) for seed in range(3)]
    ensemble, x = Ensemble(models), points()
    jacobians = ensemble.jacobians(ensemble.start, x)
    n = x.shape[1]
    assert jacobians.shape == (3, 2 * n, ensemble.n_params)
    for m, model in enumerate(models):
        outputs = model(x[m])
        for k, row in ((0, 0), (0, n - 1), (1, 0), (1, n - 1)):
            by_hand = torch.autograd.grad(outputs[row, k], list(model.parameters()), retain_graph=True)
            by_theta = parameters_to_vector(by_hand) * per_unit(ensemble)
            torch.testing.assert_close(jacobians[m, k * n + row], by_theta, rtol=1e-9, atol=1e-12)
