"""How a network is doing while it trains, layer by layer, in plain numbers."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kanbench.bases import BSpline
from kanbench.bases.base import require
from kanbench.models import KANLayer

ROUNDING = 5e-7  # of the domain: an input that is off it by less is on its edge


@dataclass(frozen=True)
class LayerStatistics:
    """A layer at given parameters and data.

    gradient_norm: of the mean squared error by the parameters of the layer.   lowest, highest: of its outputs.
    outside: the share of its inputs, once squashed, that are off the domain of its basis; None if it has no basis.
    """

    gradient_norm: float
    lowest: float
    highest: float
    outside: float | None


@torch.enable_grad()
def layer_statistics(model: nn.Sequential, x: Tensor, y: Tensor) -> list[LayerStatistics]:
    """Statistics of every layer on inputs x (n, n_in) and targets y (n, n_out); no .grad is touched.

    Raises `ValueError` if y has another shape than the output.
    """
    inputs = [x]
    for layer in model:
        inputs.append(layer(inputs[-1]))
    require(y.shape == inputs[-1].shape, "y", f"must have shape {tuple(inputs[-1].shape)}", tuple(y.shape))
    loss = (inputs[-1] - y).square().mean()
    parameters = list(model.parameters())
    by_parameter = dict(zip(parameters, torch.autograd.grad(loss, parameters), strict=True))
    return [
        LayerStatistics(
            gradient_norm=sum(by_parameter[p].square().sum().item() for p in layer.parameters()) ** 0.5,
            lowest=output.min().item(),
            highest=output.max().item(),
            outside=share_outside(layer, before) if isinstance(layer, KANLayer) else None,
        )
        for layer, before, output in zip(model, inputs, inputs[1:], strict=False)
    ]


@torch.no_grad()
def share_outside(layer: KANLayer, x: Tensor) -> float:
    """The share of inputs x (n, n_in) that the layer squashes to a place off the domain of its basis."""
    z, basis = layer.squashed(x), layer.basis
    low, high = torch.tensor(basis.low), torch.tensor(basis.high)
    if layer.knots is not None:
        assert isinstance(basis, BSpline)
        low, high = layer.knots[:, basis.degree], layer.knots[:, -basis.degree - 1]
    slack = ROUNDING * (high - low)
    return ((z < low - slack) | (z > high + slack)).double().mean().item()
