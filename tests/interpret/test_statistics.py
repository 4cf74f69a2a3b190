"""Statistics of layers: against autograd, and by hand."""

import pytest
import torch
from torch import nn

from kanbench.bases import Chebyshev
from kanbench.interpret import layer_statistics, median_statistics
from kanbench.models import KAN, MLP, KANLayer, Squash


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("build", [KAN, MLP])
def test_gradient_norms_and_ranges_are_those_of_plain_autograd(build):
    model = build([2, 4, 1], generator=seeded(), dtype=torch.float64)
    x = torch.rand(30, 2, generator=seeded(1), dtype=torch.float64) * 2 - 1
    y = x.prod(1, keepdim=True)
    with torch.no_grad():  # as in a callback
        statistics = layer_statistics(model, x, y)
    assert all(p.grad is None for p in model.parameters())
    (model(x) - y).square().mean().backward()
    output = x
    for layer, each in zip(model, statistics, strict=True):
        gradients = [p.grad.flatten() for p in layer.parameters()]
        norm = torch.cat(gradients).norm().item() if gradients else 0.0
        assert each.gradient_norm == pytest.approx(norm, rel=1e-12)
        output = layer(output)
        assert (each.lowest, each.highest) == (output.min().item(), output.max().item())
        assert (each.outside is None) == (build is MLP)


def test_inputs_off_the_domain_are_counted_after_the_squash_and_before_the_clamp():
    x = torch.tensor([[-3.0, 0.0], [-2.0, 0.5], [1.0, 1.1], [0.0, 9.0]])
    y = torch.zeros(4, 1)
    free, squashed = (nn.Sequential(KANLayer(2, 1, Chebyshev(-2.0, 1.0), squash=squash)) for squash in Squash)
    assert layer_statistics(free, x, y)[0].outside == 3 / 8
    assert layer_statistics(squashed, 100.0 * x, y)[0].outside == 0.0


def test_targets_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"^y must have shape \(5, 1\), got \(5,\)$"):
        layer_statistics(KAN([2, 1]), torch.zeros(5, 2), torch.zeros(5))


def test_the_median_of_models_is_taken_number_by_number_and_nan_does_not_count():
    models = [KAN([1, 2, 1], generator=seeded(seed), dtype=torch.float64) for seed in range(4)]
    x, y = torch.rand(4, 9, 1, generator=seeded(), dtype=torch.float64), torch.ones(4, 9, 1, dtype=torch.float64)
    alone = [layer_statistics(*each) for each in zip(models[:3], x, y, strict=False)]
    with torch.no_grad():
        models[3][0].coefficients.fill_(torch.nan)
    for index, median in enumerate(median_statistics(models, x, y)):
        for name in ("gradient_norm", "lowest", "highest"):
            middle = sorted(getattr(each[index], name) for each in alone)[1]
            assert getattr(median, name) == middle
        assert median.outside == 0.0
    assert median_statistics([MLP([1, 2, 1])], x[:1].float(), y[:1].float())[0].outside is None


def test_frozen_parameters_have_no_part_in_the_gradient():
    model = KAN([2, 3, 1], generator=seeded(), dtype=torch.float64)
    x = torch.rand(30, 2, generator=seeded(1), dtype=torch.float64)
    model[0].coefficients.requires_grad_(False)
    model[1].requires_grad_(False)
    norms = [layer.gradient_norm for layer in layer_statistics(model, x, x[:, :1])]
    (model(x) - x[:, :1]).square().mean().backward()
    assert norms == [pytest.approx(model[0].bias.grad.norm().item(), rel=1e-12), 0.0]
