"""Derivatives of activations in closed form, and how smooth the layers of a network are."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from kanbench.models.layer import KANLayer
from kanbench.models.mlp import Activation, FixedActivation, SplineActivation

Derivatives = Callable[[Tensor], list[Tensor]]  # elementwise: the function and its first three derivatives


def tanh_derivatives(x: Tensor) -> list[Tensor]:
    """Return tanh and its first three derivatives, polynomials of tanh itself."""
    t = torch.tanh(x)
    slope = 1.0 - t.square()
    second = -2.0 * t * slope
    return [t, slope, second, -2.0 * slope.square() - 2.0 * t * second]


def silu_derivatives(x: Tensor) -> list[Tensor]:
    """Return x sigmoid(x) and its first three derivatives, by the product rule."""
    s = torch.sigmoid(x)
    first = s * (1.0 - s)
    second = first * (1.0 - 2.0 * s)
    third = second * (1.0 - 2.0 * s) - 2.0 * first.square()
    return [x * s, s + x * first, 2.0 * first + x * second, 3.0 * second + x * third]


def gelu_derivatives(x: Tensor) -> list[Tensor]:
    """Return x Phi(x) and its first three derivatives, with Phi and its density phi of the normal distribution."""
    below, square = 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0))), x.square()
    density = torch.exp(-0.5 * square) / math.sqrt(2.0 * math.pi)
    return [x * below, below + x * density, density * (2.0 - square), density * x * (square - 4.0)]


DERIVATIVES: dict[Activation, Derivatives] = {
    Activation.tanh: tanh_derivatives,
    Activation.silu: silu_derivatives,
    Activation.gelu: gelu_derivatives,
}


def roughest(model: nn.Module) -> tuple[float, str]:
    """Return how many derivatives of a network exist and are continuous, and the name of the function that limits it.

    Parts of a network that are not of this package count as smooth.
    """
    found = [(math.inf, "")]
    for layer in model.modules():
        if isinstance(layer, KANLayer | SplineActivation):
            found.append((layer.basis.smoothness, str(layer.basis)))
        elif (isinstance(layer, FixedActivation) and layer.activation is Activation.relu) or isinstance(layer, nn.ReLU):
            found.append((0, "relu"))
    return min(found, key=lambda each: each[0])
