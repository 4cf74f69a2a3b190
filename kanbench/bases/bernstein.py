"""Bernstein polynomials."""

from dataclasses import dataclass
from math import comb

import torch
from torch import Tensor

from kanbench.bases.termwise import TermwiseBasis
from kanbench.errors import require


@dataclass(frozen=True)
class Bernstein(TermwiseBasis):
    """Bernstein polynomials b_k(t) = C(degree, k) t^k (1 - t)^(degree - k) for k = 0 .. degree, with t in [0, 1] over
    the domain.

    They are non-negative, sum to one, and peak at t = k / degree. The input is clamped to the domain.

    Args:
        degree: the degree of all of them, at least 1.

    Source: Farouki, "The Bernstein polynomial basis: a centennial retrospective" (2012), eqs. 8 and 21.
    """

    degree: int = 3
    sized_by = "degree"
    sizes = (3, 5, 8, 4, 6, 2, 7)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.degree >= 1, "degree", "must be at least 1", self.degree)

    @property
    def n_terms(self) -> int:
        return self.degree + 1

    def terms(self, z: Tensor) -> Tensor:
        z = z.clamp(-1.0, 1.0)
        rising, falling = _powers((1.0 + z) / 2, self.degree), _powers((1.0 - z) / 2, self.degree)
        rows = [comb(self.degree, k) * rising[k] * falling[self.degree - k] for k in range(self.n_terms)]
        return torch.stack(rows, dim=-2)

    def slopes(self, z: Tensor, terms: Tensor) -> Tensor:
        """Return db_k/dt = (degree - k + 1) b_{k-1} + (2k - degree) b_k - (k + 1) b_{k+1}, scaled to z; zero where z
        was clamped.
        """
        return (self._by_z(z) @ terms) * (z.abs() <= 1.0).to(z.dtype).unsqueeze(-2)

    def derivatives(self, z: Tensor, order: int) -> list[Tensor]:
        """Multiply the terms by powers of the matrix of derivatives."""
        found = [self.terms(z)]
        inside = (z.abs() <= 1.0).to(z.dtype).unsqueeze(-2)
        for _ in range(order):
            found.append(self._by_z(z) @ found[-1] * inside)
        return found

    def _by_z(self, z: Tensor) -> Tensor:
        """Return the matrix of derivatives by z."""
        k = torch.arange(self.n_terms, dtype=z.dtype, device=z.device)
        by_t = torch.diag(self.degree - k[:-1], -1) + torch.diag(2 * k - self.degree) - torch.diag(k[1:], 1)
        return by_t / 2


def _powers(t: Tensor, n: int) -> list[Tensor]:
    rows = [torch.ones_like(t)]
    while len(rows) <= n:
        rows.append(rows[-1] * t)
    return rows
