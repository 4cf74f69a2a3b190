"""Norms and entropy of edges: by hand, against finite differences, and batched."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap

from kanbench.bases import BASES, Taylor
from kanbench.interpret import edge_norms, norm_entropy, sparsity
from kanbench.models import KAN, MLP, Aggregation, BaseBranch, KANLayer
from kanbench.models.edges import run_layers


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def samples(n, d, seed=1):
    return torch.rand(n, d, generator=seeded(seed), dtype=torch.float64) * 2 - 1


def lines(weights, bias=None, **options):
    """A layer whose edges are weight * x on [-10, 10]; weights (n_in, n_out)."""
    weights = torch.tensor(weights, dtype=torch.float64)
    layer = KANLayer(
        *weights.shape, Taylor(-10.0, 10.0, degree=1), bias=bias is not None, dtype=torch.float64, **options
    )
    with torch.no_grad():
        layer.coefficients.copy_(weights.unsqueeze(1) * 10.0)
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias))
    return layer


def test_norms_and_sparsity_by_hand():
    model = nn.Sequential(lines([[2.0, 0.0], [-1.0, 1.0]], bias=[1.0, 0.0]), lines([[1.0], [3.0]]))
    x = torch.tensor([[1.0, 0.0], [-1.0, 2.0]], dtype=torch.float64)
    first, second = edge_norms(model, x)
    # |x_1| is 1 on average and so is |x_2|; the nodes are (3, -3) and (0, 2): 3 and 1 on average.
    torch.testing.assert_close(first, torch.tensor([[2.0, 0.0], [1.0, 1.0]], dtype=torch.float64))
    torch.testing.assert_close(second, torch.tensor([[3.0], [3.0]], dtype=torch.float64))
    entropies = 0.5 * math.log(2) + 0.5 * math.log(4), math.log(2)
    assert norm_entropy(first).item() == pytest.approx(entropies[0])
    assert norm_entropy(second).item() == pytest.approx(entropies[1])
    assert sparsity(model, x, entropy=0.5).item() == pytest.approx(4 + 6 + 0.5 * sum(entropies))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=12).filter(any), st.floats(1e-3, 1e3))
def test_entropy_lies_between_one_edge_and_all_alike_and_ignores_scale(values, scale):
    norms = torch.tensor(values, dtype=torch.float64)
    value = norm_entropy(norms).item()
    assert -1e-12 <= value <= math.log(len(values)) + 1e-12
    assert norm_entropy(norms * scale).item() == pytest.approx(value, abs=1e-9)
    assert norm_entropy(torch.full_like(norms, scale)).item() == pytest.approx(math.log(len(values)))


@pytest.mark.parametrize("basis", BASES.values(), ids=BASES)
def test_the_penalty_has_the_gradient_of_finite_differences(basis):
    model = KAN(
        [2, 3, 1], basis(), Aggregation.mean, base_branch=BaseBranch.silu, generator=seeded(), dtype=torch.float64
    )
    x = samples(15, 2)
    names = [name for name, _ in model.named_parameters()]

    def penalty(*parameters):
        return Penalty.call(model, dict(zip(names, parameters, strict=True)), x)

    assert torch.autograd.gradcheck(penalty, list(model.parameters()), fast_mode=True)


class Penalty(nn.Module):
    """`sparsity` as a module, for functional_call."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return sparsity(self.model, x, entropy=2.0)

    @classmethod
    def call(cls, model, parameters, x):
        return functional_call(cls(model), {f"model.{name}": p for name, p in parameters.items()}, (x,))


def test_a_batch_of_networks_has_the_penalties_and_gradients_of_each():
    options = {"edges": [(0, 0), (0, 1), (1, 1)], "dtype": torch.float64}  # with a missing edge
    models = [
        nn.Sequential(
            KANLayer(2, 2, generator=seeded(s), **options), KANLayer(2, 1, generator=seeded(s), dtype=torch.float64)
        )
        for s in range(3)
    ]
    x = torch.stack([samples(9, 2, seed) for seed in range(3)])
    stacked, _ = stack_module_state(models)
    together = vmap(lambda p, z: Penalty.call(models[0], p, z))(stacked, x)
    gradients = vmap(grad(lambda p, z: Penalty.call(models[0], p, z)))(stacked, x)
    for m, model in enumerate(models):
        alone = sparsity(model, x[m], entropy=2.0)
        torch.testing.assert_close(together[m], alone, rtol=1e-12, atol=0.0)
        by_hand = torch.autograd.grad(alone, list(model.parameters()), allow_unused=True)
        for (name, parameter), each in zip(model.named_parameters(), by_hand, strict=True):
            expected = torch.zeros_like(parameter) if each is None else each
            torch.testing.assert_close(gradients[name][m], expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("dead", [slice(0, 1), slice(None)], ids=["one edge", "all edges"])
def test_dead_edges_have_finite_gradients(dead):
    model = KAN([2, 2, 1], generator=seeded(), dtype=torch.float64)
    with torch.no_grad():
        model[0].coefficients[dead] = 0.0
    sparsity(model, samples(20, 2)).backward()
    assert model[0].coefficients.grad.isfinite().all()
    model[0].zero_grad()
    sparsity(nn.Sequential(model[0]), samples(20, 2)).backward()
    assert (model[0].coefficients.grad[dead] == 0.0).all()  # a minimum of the L1 norm


def test_layers_run_as_the_network_does():
    model = KAN([2, 4, 3, 2], generator=seeded(), dtype=torch.float64)
    runs = run_layers(model, samples(5, 2))
    torch.testing.assert_close(runs[-1].outputs, model(samples(5, 2)), rtol=1e-12, atol=1e-14)
    assert [tuple(run.edges.shape) for run in runs] == [(5, 2, 4), (5, 4, 3), (5, 3, 2)]


def test_what_has_no_edges_or_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"^layer 0 must be a sum over edges, got 'Affine'$"):
        sparsity(MLP([2, 3, 1]), samples(5, 2).float())
    with pytest.raises(ValueError, match=r"^the input of layer 0 must have 2 columns, got 3$"):
        sparsity(KAN([2, 1]), samples(5, 3).float())
