"""MLPs as methods."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from kanbench.errors import require
from kanbench.methods.base import NetworkMethod, changes
from kanbench.models.mlp import MLP, SPLINE, Activation


@dataclass(frozen=True)
class MLPMethod(NetworkMethod):
    """An MLP; with `fourier` > 0 its inputs are replaced by that many random sine and cosine pairs.

    The frequencies of these pairs are not trained and not counted.
    """

    activation: Activation = Activation.tanh
    fourier: int = 0
    fourier_scale: float = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.fourier >= 0, "fourier", "must not be negative (0: the inputs themselves)", self.fourier)
        require(self.fourier_scale > 0, "fourier_scale", "must be positive", self.fourier_scale)
        require(self.fourier_scale <= 1e6, "fourier_scale", "must be at most 1e6", self.fourier_scale)
        if not self.fourier:  # without features the scale has no effect, so it must not make another cell
            object.__setattr__(self, "fourier_scale", type(self).fourier_scale)

    @property
    def family(self) -> str:
        return "MLP"

    def columns(self) -> dict[str, Any]:
        return {"activation": self.activation.value, "depth": self.depth}

    @property
    def label(self) -> str:  # type: ignore[override]
        return " ".join(["MLP", self.activation.value, *changes(self, "activation")])

    def build(self, n_in: int, width: int, generator: torch.Generator, dtype: torch.dtype, n_out: int = 1) -> nn.Module:
        return MLP(
            self.shape(n_in, width, n_out),
            self.activation,
            frequencies=self.fourier,
            scale=self.fourier_scale,
            generator=generator,
            dtype=dtype,
        )

    def count(self, n_in: int, width: int, n_out: int = 1) -> int:
        """Return the number of weights and biases, plus the coefficients of a learnable activation per hidden node."""
        per_node = SPLINE.n_terms if self.activation is Activation.bspline else 0
        linear = sum(a * b + b for a, b in pairwise(self.shape(2 * self.fourier or n_in, width, n_out)))
        return linear + self.depth * width * per_node
