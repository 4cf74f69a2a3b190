"""Taylor polynomials: powers of the distance from the centre of the domain."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.base import Basis, require


@dataclass(frozen=True)
class Taylor(Basis):
    """z, z^2 .. z^degree with z = (x - centre) / half-width of the domain, and z^0 as well if `constant` is set.

    Scaling by the domain keeps every power in [-1, 1]; the input is clamped to the domain, since powers are
    unbounded off it. z^0 is left out by default: on every edge it repeats the bias of the layer.

    Source: Taylor's theorem about the centre of [low, high].
    """

    degree: int = 8
    constant: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.degree >= 1, "degree", "must be at least 1", self.degree)

    @property
    def n_terms(self) -> int:
        return self.degree + self.constant

    def expand(self, x: Tensor) -> Tensor:
        z = self.to_unit(x).clamp(-1.0, 1.0)
        powers = [torch.ones_like(z), z]
        while len(powers) <= self.degree:
            powers.append(powers[-1] * z)
        return torch.stack(powers if self.constant else powers[1:], dim=-1)
