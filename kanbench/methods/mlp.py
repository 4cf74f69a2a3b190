"""MLPs as methods."""

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from kanbench.errors import require
from kanbench.files.stored_names import absent_as
from kanbench.methods.base import GAINS, NetworkMethod, changes, crossed
from kanbench.models.mlp import MLP, SPLINE, Activation


@dataclass(frozen=True)
class MLPMethod(NetworkMethod):
    """An MLP; with `fourier` > 0 its inputs are replaced by that many random sine and cosine pairs.

    The frequencies of these pairs are not trained and not counted. `gain` is a factor of the starting weights.
    """

    depth: int = 3
    activation: Activation = Activation.tanh
    fourier: int = 0
    fourier_scale: float = 3.0
    gain: float = field(default=1.0, metadata=absent_as(1.0))

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.fourier >= 0, "fourier", "must not be negative (0: the inputs themselves)", self.fourier)
        require(self.fourier_scale > 0, "fourier_scale", "must be positive", self.fourier_scale)
        require(self.fourier_scale <= 1e6, "fourier_scale", "must be at most 1e6", self.fourier_scale)
        require(1e-9 <= self.gain <= 1e3, "gain", "must be from 1e-9 to 1000", self.gain)
        if not self.fourier:  # without features the scale has no effect, so it must not make another cell
            object.__setattr__(self, "fourier_scale", type(self).fourier_scale)

    def candidates(self) -> tuple[NetworkMethod, ...]:
        return tuple(replace(self, depth=depth, gain=gain) for depth, gain in crossed(GAINS))

    @property
    def line(self) -> str:
        return replace(self, depth=MLPMethod.depth, gain=MLPMethod.gain).label

    @property
    def searched_size(self) -> float:
        return self.gain

    @property
    def family(self) -> str:
        return "MLP"

    def columns(self) -> dict[str, Any]:
        return {"activation": self.activation.value, "depth": self.depth}

    @property
    def label(self) -> str:  # type: ignore[override]
        return " ".join(["MLP", self.activation.value, *changes(self, "activation", *self.implied)])

    def build(self, n_in: int, nodes: int, generator: torch.Generator, dtype: torch.dtype, n_out: int = 1) -> nn.Module:
        return MLP(
            self.shape(n_in, nodes, n_out),
            self.activation,
            frequencies=self.fourier,
            scale=self.fourier_scale,
            gain=self.gain,
            generator=generator,
            dtype=dtype,
        )

    def count(self, n_in: int, nodes: int, n_out: int = 1) -> int:
        """Return the number of weights and biases, plus the coefficients of a learnable activation per hidden node."""
        per_node = SPLINE.n_terms if self.activation is Activation.bspline else 0
        linear = sum(a * b + b for a, b in pairwise(self.shape(2 * self.fourier or n_in, nodes, n_out)))
        return linear + nodes * per_node
