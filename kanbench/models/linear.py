"""Layers that are linear in their parameters: a matrix applied to features of the input."""

from abc import abstractmethod
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from kanbench.errors import require


def require_shape(shape: Sequence[int]) -> None:
    """Raise `ValueError` unless these are the widths of a network, from its inputs to its outputs."""
    require(isinstance(shape, Sequence), "shape", "must be a list of widths such as [2, 5, 1]", shape)
    require(len(shape) >= 2, "shape", "must have at least two widths, from inputs to outputs", list(shape))
    require_widths("shape", shape)


def require_widths(field: str, widths: Sequence[int]) -> None:
    """Raise `ValueError` unless all widths are whole numbers of at least 1."""
    whole = all(isinstance(width, Integral) and width >= 1 for width in widths)
    require(whole, field, "must be whole numbers of at least 1", widths)


def require_dtype(model: nn.Module, x: Tensor) -> None:
    """Raise `ValueError` unless x is a tensor in the precision of the model's parameters."""
    require(isinstance(x, Tensor), "x", "must be a tensor", type(x).__name__)
    dtype = next(model.parameters(), x).dtype
    require(x.dtype == dtype, "x", f"must be {dtype}, as the model is", x.dtype)


class Layers(nn.Sequential):
    """A sequence of layers built from widths; a slice of it is a plain sequence of some of its layers."""

    def __getitem__(self, index: slice | int) -> Any:
        return nn.Sequential(*list(self)[index]) if isinstance(index, slice) else super().__getitem__(index)


class FeatureLinear(nn.Module):
    """A layer y = factor features(x) W + bias: (..., n_in) -> (..., n_out).

    The `factor` is that of an aggregation, 1 unless a layer says otherwise. The first parameter of a layer is W, of
    shape (.., n_out) with all but the last axis flattened; its only other one is a bias (n_out,), or none. `is_linear`
    says that a layer is built this way. The derivative of its output with respect to factor W is then the features
    themselves, so second-order optimizers need no automatic differentiation for it.

    With `has_inner` the features have parameters as well. These come last: `inner` (n_in, n_inner); each feature
    depends on those of its own input only.
    """

    is_linear = True
    has_inner = False
    factor = 1.0

    @property
    def units(self) -> dict[str, float]:
        """Return the change of a node per unit of a parameter, by the names of parameters; those left out have 1.

        Training measures each parameter by what it adds to its node, so that no optimizer sees the aggregation.
        """
        return {}

    @abstractmethod
    def features(self, x: Tensor, inner: Tensor | None = None) -> Tensor:
        """Return the features: (..., n_in) -> (..., n_features).

        `inner` (..., n_in, n_inner) replaces the layer's own inner parameters.
        """

    def require_input(self, x: Tensor, n_in: int) -> None:
        """Raise `ValueError` for inputs with a wrong number of columns, or in another precision than the layer."""
        require(isinstance(x, Tensor), "x", "must be a tensor", type(x).__name__)
        columns = x.shape[-1] if x.ndim else 0
        require(columns == n_in, "x", f"must have {n_in} column{'s' * (n_in != 1)}", columns)
        dtype = next(self.parameters()).dtype
        fits = x.dtype == dtype or torch.is_autocast_enabled(x.device.type)
        require(fits, "x", f"must be {dtype}, as the layer is", x.dtype)

    @staticmethod
    def apply_to(features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return features W + bias, where `weight` has the shape of the layer's own."""
        return functional.linear(features, weight.flatten(0, -2).mT, bias)


class Affine(FeatureLinear):
    """An affine layer y = x W + b, whose features are the input itself.

    W starts normal with standard deviation `std`, b uniform in [-1, 1].
    """

    def __init__(
        self, n_in: int, n_out: int, *, std: float, generator: torch.Generator | None, dtype: torch.dtype | None
    ) -> None:
        super().__init__()
        self.n_in, self.n_out = n_in, n_out
        self.weight = nn.Parameter(torch.randn(n_in, n_out, generator=generator, dtype=dtype) * std)
        self.bias = nn.Parameter(torch.rand(n_out, generator=generator, dtype=dtype) * 2.0 - 1.0)

    def features(self, x: Tensor, inner: Tensor | None = None) -> Tensor:
        return x

    def forward(self, x: Tensor) -> Tensor:
        self.require_input(x, self.n_in)
        return self.apply_to(self.features(x), self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.n_in}, {self.n_out}"


class FourierAffine(Affine):
    """An affine layer on random Fourier features: y = [sin(x F), cos(x F)] W + b.

    The frequencies F (n_in, n_frequencies) are normal with standard deviation `scale`, in radians per unit of the
    input. They are a buffer: neither trained nor counted, and each member of an ensemble keeps its own.

    Source: Tancik et al. 2020 (arXiv:2006.10739), eq. 5, whose inputs are in [0, 1] and whose frequencies are in
    cycles: for inputs in [-1, 1] their sigma is a `scale` of pi sigma.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        n_frequencies: int,
        scale: float,
        *,
        std: float,
        generator: torch.Generator | None,
        dtype: torch.dtype | None,
    ) -> None:
        frequencies = torch.randn(n_in, n_frequencies, generator=generator, dtype=dtype) * scale
        super().__init__(2 * n_frequencies, n_out, std=std, generator=generator, dtype=dtype)
        self.n_in = n_in
        self.register_buffer("frequencies", frequencies)
        self.frequencies: Tensor

    def features(self, x: Tensor, inner: Tensor | None = None) -> Tensor:
        angles = x @ self.frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=-1)

    def extra_repr(self) -> str:
        return f"{self.n_in}, {self.n_out}, {self.frequencies.shape[1]} frequencies"
