"""Gaussian radial basis functions."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.base import require
from kanbench.bases.termwise import Rows, TermwiseBasis

REACH = 6.0  # widths; exp(-36) is below the float32 resolution of any sum that it could join


@dataclass(frozen=True)
class RBF(TermwiseBasis):
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

    def terms(self, z: Tensor) -> Rows:
        return Rows(_bell(self._distances(z)))

    def slopes(self, z: Tensor) -> Rows:
        distances = self._distances(z)
        return Rows((distances * (-2.0 / self._h)) * _bell(distances))

    @property
    def _h(self) -> float:
        return self.width * 2.0 / (self.centres - 1)

    def _distances(self, z: Tensor) -> Tensor:
        """(z - c) / h for every centre c: (centres, *z.shape)."""
        # Clamped where every function has vanished: squaring a huge distance would overflow to NaN gradients.
        reach = 1.0 / self._h + REACH
        centre = torch.linspace(-1.0 / self._h, 1.0 / self._h, self.centres, dtype=z.dtype, device=z.device)
        return (z / self._h).clamp(-reach, reach) - centre.view(-1, *[1] * z.dim())


def _bell(distances: Tensor) -> Tensor:
    """exp(-d^2), in one allocation."""
    return distances.square().neg_().exp_()
