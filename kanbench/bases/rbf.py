"""Gaussian radial basis functions."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.termwise import TermwiseBasis
from kanbench.errors import require

REACH = 6.0  # in widths; exp(-36) is below the float32 resolution of any sum that it could join


@dataclass(frozen=True)
class RBF(TermwiseBasis):
    """Gaussians exp(-((x - c) / h)^2) on equally spaced fixed centers c, which include both ends of the domain.

    Args:
        centres: the number of centers, at least 2.
        width: the width h in spacings of the centers, positive.

    Source: Broomhead & Lowe, "Multivariable functional interpolation and adaptive networks" (1988); as a KAN basis:
    arXiv:2405.06721 (FastKAN).
    """

    centres: int = 4
    width: float = 2.0
    sized_by = "centres"
    sizes = (4, 6, 8, 5, 10, 3, 7)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.centres >= 2, "centres", "must be at least 2", self.centres)
        require(self.width > 0, "width", "must be positive", self.width)

    @property
    def n_terms(self) -> int:
        return self.centres

    def terms(self, z: Tensor) -> Tensor:
        return self._distance(z).square().neg().exp()

    def slopes(self, z: Tensor, terms: Tensor) -> Tensor:
        return self._distance(z) * terms * (-2.0 / self._h)

    def write_terms(self, z: Tensor, out: Tensor) -> None:
        torch.sub(self._place(z).unsqueeze(-2), self._centers(z).unsqueeze(-1), out=out)
        out.square_().neg_().exp_()

    def derivatives(self, z: Tensor, order: int) -> list[Tensor]:
        """Multiply the Gaussians by Hermite polynomials: H_{m+1}(u) = 2 u H_m(u) - 2 m H_{m-1}(u)."""
        slope = self._distance(z).mul_(-2.0 / self._h)  # u = distance times -1 / h
        found = [self.terms(z)]
        for m in range(order):
            found.append(slope * found[-1])
            if m > 0:
                found[-1].add_(found[-3], alpha=-2.0 * m / self._h**2)
        return found

    def combine(self, z: Tensor, terms: Tensor, weights: Tensor) -> Tensor:
        """Return 2 / h (sum of c w exp(..) - z sum of w exp(..)), with z and the centers c in units of h."""
        by_center, sums = ((weights * self._centers(z)) @ terms, weights @ terms)
        return torch.addcmul(by_center, self._place(z).unsqueeze(-2), sums, value=-1.0).mul_(2.0 / self._h)

    @property
    def _h(self) -> float:
        return self.width * 2.0 / (self.centres - 1)

    def _distance(self, z: Tensor) -> Tensor:
        """Return (z - c) / h for every center: (..., n) -> (..., centers, n)."""
        return self._place(z).unsqueeze(-2) - self._centers(z).unsqueeze(-1)

    def _place(self, z: Tensor) -> Tensor:
        """Return z / h, clamped where every function has vanished: a huge distance would overflow if squared."""
        reach = 1.0 / self._h + REACH
        return (z / self._h).clamp(-reach, reach)

    def _centers(self, z: Tensor) -> Tensor:
        """Return c / h of every center: (centers,)."""
        return torch.linspace(-1.0 / self._h, 1.0 / self._h, self.centres, dtype=z.dtype, device=z.device)
