"""Statistics of a network's layers while it trains, in plain numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from kanbench.errors import require
from kanbench.models import KANLayer

Loss = Callable[[Tensor, Tensor], Tensor]  # outputs (n, n_out), targets -> a number


@dataclass(frozen=True)
class LayerStatistics:
    """Statistics of a layer at given parameters and data.

    Attributes:
        gradient_norm: the Euclidean norm of the gradient of the loss by the layer's parameters.
        lowest, highest: the range of its outputs.
        outside: the share of its inputs, once squashed, that lie off the domain of its basis; None if it has no basis.
    """

    gradient_norm: float
    lowest: float
    highest: float
    outside: float | None


def mean_square(outputs: Tensor, y: Tensor) -> Tensor:
    """Return the mean squared error; raises `ValueError` if y has another shape than the outputs."""
    require(y.shape == outputs.shape, "y", f"must have shape {tuple(outputs.shape)}", tuple(y.shape))
    return (outputs - y).square().mean()


@torch.enable_grad()
def layer_statistics(model: nn.Module, x: Tensor, y: Tensor, loss: Loss = mean_square) -> list[LayerStatistics]:
    """Compute the statistics of every layer; no `.grad` is touched.

    Args:
        model: a sequence of layers; any other module counts as one layer.
        x: inputs (n, n_in).
        y: the targets of the loss.
        loss: a function (outputs, y) -> scalar; the mean squared error by default.
    """
    inputs, layers = [x], list(model) if isinstance(model, nn.Sequential) else [model]
    for layer in layers:
        inputs.append(layer(inputs[-1]))
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    by_parameter = dict(zip(parameters, torch.autograd.grad(loss(inputs[-1], y), parameters), strict=True))
    return [
        LayerStatistics(
            gradient_norm=sum(by_parameter[p].square().sum().item() for p in layer.parameters() if p in by_parameter)
            ** 0.5,
            lowest=output.min().item(),
            highest=output.max().item(),
            outside=layer.share_off_domain(layer.squashed(before)) if isinstance(layer, KANLayer) else None,
        )
        for layer, before, output in zip(layers, inputs, inputs[1:], strict=False)
    ]


def median_statistics(
    models: Sequence[nn.Module], x: Tensor, y: Tensor, loss: Loss = mean_square
) -> list[LayerStatistics]:
    """Return medians of `layer_statistics` over several models of one shape.

    A model for which a number is NaN does not count for that number; the median is NaN if no model counts.

    Args:
        models: the models.
        x, y: inputs (models, n, n_in) and targets, those of each model along the first axis.
        loss: a function (outputs, y) -> scalar; the mean squared error by default.
    """
    of_models = [layer_statistics(*each, loss) for each in zip(models, x, y, strict=True)]
    return [_median_layer(of_layer) for of_layer in zip(*of_models, strict=True)]


def _median_layer(layers: Sequence[LayerStatistics]) -> LayerStatistics:
    medians = {each.name: _median([getattr(layer, each.name) for layer in layers]) for each in fields(LayerStatistics)}
    return LayerStatistics(**medians)  # type: ignore[arg-type]  # None is the median of None alone


def _median(values: list[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return torch.tensor(numbers, dtype=torch.float64).nanquantile(0.5).item() if numbers else None
