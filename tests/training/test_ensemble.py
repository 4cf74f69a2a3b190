"""An ensemble is what its members are alone."""

import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector

from kanbench.bases import BASES
from kanbench.models import Activation, Aggregation, BaseBranch, EdgeScale, KANLayer, KANMethod, MLPMethod
from kanbench.training import Ensemble

METHODS = [
    *(KANMethod(basis=basis()) for basis in BASES.values()),
    KANMethod(depth=2, base_branch=BaseBranch.silu, aggregation=Aggregation.mean),
    KANMethod(base_branch=BaseBranch.linear, edge_scale=EdgeScale.basis),
    KANMethod(base_branch=BaseBranch.silu, edge_scale=EdgeScale.edge, bias=False),
    *(MLPMethod(activation=activation, depth=2) for activation in Activation),
]


def members(method, seeds=3, n_in=2, width=3):
    models = [method.build(n_in, width, torch.Generator().manual_seed(s), torch.float64) for s in range(seeds)]
    generator = torch.Generator().manual_seed(9)
    for model in models:  # away from special starts such as zero coefficients
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn(parameter.shape, dtype=torch.float64, generator=generator)
    return models


def points(seeds=3, n=7, n_in=2):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(seeds, n, n_in, generator=generator, dtype=torch.float64) * 2 - 1


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
def test_every_member_predicts_what_its_model_predicts(method):
    models, x = members(method), points()
    ensemble = Ensemble(models)
    together = ensemble.predict(ensemble.start, x)
    alone = torch.stack([model(each).squeeze(-1) for model, each in zip(models, x, strict=True)])
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-14)
    assert torch.equal(ensemble.start[1], parameters_to_vector(models[1].parameters()))


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
            torch.testing.assert_close(jacobians[m, n], parameters_to_vector(by_hand), rtol=1e-10, atol=1e-12)
        loss = (prediction - y[m]).square().mean()
        by_hand = parameters_to_vector(torch.autograd.grad(loss, parameters))
        torch.testing.assert_close(gradients[m], by_hand, rtol=1e-10, atol=1e-12)


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
    ensemble, x = Ensemble(members(KANMethod())), points()
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
