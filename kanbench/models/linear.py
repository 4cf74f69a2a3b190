"""Layers that are linear in their parameters: a matrix applied to features of the input."""

from abc import abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class FeatureLinear(nn.Module):
    """y = features(x) W + bias, where features have no parameters: (..., n_in) -> (..., n_out).

    A layer keeps W as its first parameter, of shape (.., n_out) with all but the last axis flattened, and a bias
    (n_out,) or none as its only other one. `is_linear` says whether it does; where it does, the derivative of the
    output by W is the features themselves, and second-order optimisers need no automatic differentiation for it.
    """

    is_linear = True

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """(..., n_in) -> (..., n_features)."""

    def forward(self, x: Tensor) -> Tensor:
        return self.apply_to(self.features(x), dict(self.named_parameters()))

    @staticmethod
    def apply_to(features: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        """features W + bias with `parameters` in the order of the layer's own."""
        weight, *bias = parameters.values()
        y = features @ weight.flatten(0, -2)
        return y + bias[0] if bias else y


class Affine(FeatureLinear):
    """y = x W + b; the features are the input itself."""

    def __init__(
        self, n_in: int, n_out: int, *, std: float, generator: torch.Generator | None, dtype: torch.dtype | None
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_in, n_out, generator=generator, dtype=dtype) * std)
        self.bias = nn.Parameter(torch.rand(n_out, generator=generator, dtype=dtype) * 2.0 - 1.0)

    def features(self, x: Tensor) -> Tensor:
        return x
