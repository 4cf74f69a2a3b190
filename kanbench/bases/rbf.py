"""Gaussian radial basis functions."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.base import Basis, require

REACH = 6.0  # widths; exp(-36) is below the float32 resolution of any sum that it could join


@dataclass(frozen=True)
class RBF(Basis):
    """exp(-((x - c) / h)^2) on equally spaced fixed centres c that include both ends of the domain.

    The width h is `width` times the spacing of the centres.

    Source: Broomhead & Lowe, "Multivariable functional interpolation and adaptive networks" (1988); as a KAN basis:
    arXiv:2405.06721 (FastKAN).
    """

    centres: int = 8
    width: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.centres >= 2, "centres", "must be at least 2", self.centres)
        require(self.width > 0, "width", "must be positive", self.width)

    @property
    def n_terms(self) -> int:
        return self.centres

    def expand(self, x: Tensor) -> Tensor:
        h = self.width * 2.0 / (self.centres - 1)
        centre = torch.linspace(-1.0 / h, 1.0 / h, self.centres, dtype=x.dtype, device=x.device)
        # Clamped where every function has vanished: squaring a huge distance would overflow to NaN gradients.
        reach = 1.0 / h + REACH
        distance = (self.to_unit(x) / h).clamp(-reach, reach).unsqueeze(-1) - centre
        return distance.square().neg().exp()
