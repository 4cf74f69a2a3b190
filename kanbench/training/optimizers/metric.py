"""The metric in which Levenberg-Marquardt damps a step: that of coefficients, or of the functions that they make."""

from enum import StrEnum, auto

import torch
from torch import Tensor, nn

from kanbench.models import KANLayer
from kanbench.models.starts import function_gram
from kanbench.training.architecture import layers_of
from kanbench.training.ensemble import Ensemble


class Metric(StrEnum):
    """The squared length of a step: of coefficients, in the units of their nodes, or of functions over the domain.

    Under `functions` all bases of one span take the same steps, if they start from the same functions.
    """

    coefficients = auto()
    functions = auto()


def function_metric(ensemble: Ensemble) -> Tensor:
    """Return the metric of functions at the start of an ensemble: (members, params, params).

    It is block diagonal. A KAN layer whose parameters are all linear has its `function_gram` for each of its nodes, in
    the units of theta; all other parameters have the identity, those of MLPs as well.
    """
    metrics = [_of_member(member, set(ensemble.trained)) for member in ensemble.members(ensemble.start)]
    if (others := ensemble.n_params - len(metrics[0])) > 0:  # unknown coefficients of an equation
        metrics = [torch.block_diag(metric, torch.eye(others, dtype=metric.dtype)) for metric in metrics]
    return torch.stack(metrics).to(ensemble.start)


def _of_member(model: nn.Module, trained: set[str]) -> Tensor:
    return torch.block_diag(*(_of_layer(prefix, layer, trained) for prefix, layer in layers_of(model)))


def _of_layer(prefix: str, layer: nn.Module, trained: set[str]) -> Tensor:
    own = [parameter for name, parameter in layer.named_parameters() if prefix + name in trained]
    is_whole = len(own) == len(list(layer.parameters()))
    if isinstance(layer, KANLayer) and layer.is_linear and is_whole and not layer.has_inner:
        # Entries of a weight are ordered by feature and then by node, and biases by node.
        return torch.kron(function_gram(layer), torch.eye(layer.n_out, dtype=torch.float64))
    return torch.eye(sum(parameter.numel() for parameter in own), dtype=torch.float64)
