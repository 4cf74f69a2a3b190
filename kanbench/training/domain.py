"""Inputs off the domain of a basis, which no error tells of: splines vanish there, polynomials stand still."""

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kanbench.bases import BSpline
from kanbench.models import KANLayer, Squash
from kanbench.models.refine import inputs_of_layers, kan_layers_in

MANY = 0.01  # share of inputs; an outlier is no reason to warn


def warn_of_inputs_off_the_domain(models: Sequence[nn.Module], x: Tensor) -> None:
    """Say once, of the KAN layer that has most of them, how many inputs are off the domain of its basis.

    The layers see x (models, n, n_in) through the models as they are.
    """
    worst, advice = MANY, ""
    for model, data in zip(models, x, strict=True):
        for index, (layer, z) in enumerate(zip(kan_layers_in(model), inputs_of_layers(model, data), strict=True)):
            if z is not None and (share := layer.share_off_domain(z)) > worst:
                worst, advice = share, _advice(index, layer, sees_data=torch.equal(z, data))
    if advice:
        warnings.warn(f"{worst:.0%} of the inputs of {advice}", stacklevel=4)


def _advice(index: int, layer: KANLayer, *, sees_data: bool) -> str:
    low, high = (end.tolist() for end in layer.domain)
    ends = f"[{low:g}, {high:g}]" if layer.knots is None else "of its knots"
    advice = [f"KAN layer {index} are off the domain {ends} of its {type(layer.basis).__name__}: "]
    if sees_data:
        advice.append("scale x to it, or give the basis a low and a high that hold the data")
    elif layer.squash is Squash.none:
        advice.append("squash=Squash.tanh keeps them on it")
    if isinstance(layer.basis, BSpline):
        advice.append(", or let the knots follow the data by update_grid")
    return "".join(advice)
