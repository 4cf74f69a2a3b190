"""Multi-layer perceptrons, the baselines."""

import math
from collections.abc import Callable, Sequence
from enum import StrEnum, auto
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from kanbench.bases import Basis, BSpline
from kanbench.errors import chosen
from kanbench.models.linear import Affine, FourierAffine, Layers, require_shape


class Activation(StrEnum):
    """The function that a hidden node applies to its input; bspline is learnable, one spline per node beside a SiLU."""

    relu = auto()
    silu = auto()
    gelu = auto()
    tanh = auto()
    bspline = auto()


FIXED: dict[Activation, Callable[[Tensor], Tensor]] = {
    Activation.relu: functional.relu,
    Activation.silu: functional.silu,
    Activation.gelu: functional.gelu,
    Activation.tanh: torch.tanh,
}

SPLINE = BSpline(degree=3, intervals=5, low=-3.0, high=3.0)  # hidden inputs are about normal at the start


class MLP(Layers):
    """A multi-layer perceptron, affine layers with activations between them: (batch, shape[0]) -> (batch, shape[-1]).

    Weights start normal with variance 1 / n_in, twice that for ReLU (He et al. 2015, arXiv:1502.01852). Biases start
    uniform in [-1, 1], so that hidden nodes bend at different places of the domain.

    Args:
        shape: the widths of the network from inputs to outputs; [2, 5, 1] has one hidden layer of 5 nodes.
        activation: the function of the hidden nodes.
        frequencies: the number of random frequencies whose sines and cosines replace the inputs; 0 keeps the inputs.
            See `FourierAffine`.
        scale: the standard deviation of these frequencies, in radians per unit of the input.
        gain: a factor of the starting weights, not of the biases.
        generator: the source of the random start; the default one of torch if None.
        dtype: the precision of the parameters.

    Raises:
        ValueError: for a shape without two widths of at least 1, or an unknown activation.

    Example:
        >>> import torch
        >>> from kanbench import MLP
        >>> MLP([2, 16, 1])(torch.zeros(10, 2)).shape
        torch.Size([10, 1])
    """

    def __init__(
        self,
        shape: Sequence[int],
        activation: Activation = Activation.tanh,
        *,
        frequencies: int = 0,
        scale: float = 1.0,
        gain: float = 1.0,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        require_shape(shape)
        activation = chosen(Activation, "activation", activation)
        variance = 2.0 if activation is Activation.relu else 1.0
        random: dict[str, Any] = {"generator": generator, "dtype": dtype}
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(shape):
            if frequencies and not layers:
                std = gain * math.sqrt(variance / frequencies)  # the squares of a sine and its cosine add up to one
                layers.append(FourierAffine(n_in, n_out, frequencies, scale, std=std, **random))
            else:
                layers.append(Affine(n_in, n_out, std=gain * math.sqrt(variance / n_in), **random))
            layers.append(_activation(activation, n_out, dtype))
        super().__init__(*layers[:-1])


class FixedActivation(nn.Module):
    """An elementwise activation without parameters."""

    def __init__(self, activation: Activation) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return FIXED[self.activation](x)

    def extra_repr(self) -> str:
        return self.activation.value


class SplineActivation(nn.Module):
    """A learnable activation silu(x_j) + sum_t c_jt B_t(x_j): (..., width) -> same shape.

    Every node has one spline of its own, zero at the start.

    Source: the spline-activation ablation of Yu et al. 2024 (arXiv:2407.16674).
    """

    def __init__(self, width: int, basis: Basis, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.basis = basis
        self.coefficients = nn.Parameter(torch.zeros(width, basis.n_terms, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        return functional.silu(x) + (self.basis.expand(x) * self.coefficients).sum(-1)

    def extra_repr(self) -> str:
        return f"{len(self.coefficients)}, {self.basis}"


def _activation(activation: Activation, width: int, dtype: torch.dtype | None) -> nn.Module:
    if activation is Activation.bspline:
        return SplineActivation(width, SPLINE, dtype)
    return FixedActivation(activation)
