"""Bernstein polynomials."""

from dataclasses import dataclass
from itertools import pairwise
from math import comb

import torch
from torch import Tensor

from kanbench.bases.base import require
from kanbench.bases.termwise import Rows, TermwiseBasis


@dataclass(frozen=True)
class Bernstein(TermwiseBasis):
    """b_k(t) = C(degree, k) t^k (1 - t)^(degree - k) for k = 0 .. degree, where t in [0, 1] runs over the domain.

    Non-negative and of sum one; each peaks at t = k / degree. The input is clamped to the domain.

    Source: Farouki, "The Bernstein polynomial basis: a centennial retrospective" (2012), eqs. 8 and 21.
    """

    degree: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.degree >= 1, "degree", "must be at least 1", self.degree)

    @property
    def n_terms(self) -> int:
        return self.degree + 1

    def terms(self, z: Tensor) -> Rows:
        return Rows(_bernstein(z, self.degree))

    def slopes(self, z: Tensor) -> Rows:
        """degree (b_{k-1} - b_k) of one degree less, halved since t = (z + 1) / 2; zero where z was clamped."""
        inside = (z.abs() <= 1.0) * (self.degree / 2)
        lower = [row * inside for row in _bernstein(z, self.degree - 1)]
        inner = [before - after for before, after in pairwise(lower)]
        return Rows([-lower[0], *inner, lower[-1]])


def _bernstein(z: Tensor, degree: int) -> list[Tensor]:
    z = z.clamp(-1.0, 1.0)
    rising, falling = _powers((1.0 + z) / 2, degree), _powers((1.0 - z) / 2, degree)
    return [comb(degree, k) * rising[k] * falling[degree - k] for k in range(degree + 1)]


def _powers(t: Tensor, n: int) -> list[Tensor]:
    rows = [torch.ones_like(t)]
    while len(rows) <= n:
        rows.append(rows[-1] * t)
    return rows
