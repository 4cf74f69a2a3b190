"""Chebyshev polynomials of the first kind."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.base import require
from kanbench.bases.termwise import Rows, TermwiseBasis


@dataclass(frozen=True)
class Chebyshev(TermwiseBasis):
    """T_1 .. T_degree, with T_0 as well if `constant` is set; the input is clamped to the domain.

    By the recurrence T_n = 2 x T_{n-1} - T_{n-2}, because the gradient of cos(n acos x) is NaN at |x| = 1. T_0 is
    left out by default: on every edge it repeats the bias of the layer.

    Source: Mason & Handscomb, "Chebyshev Polynomials" (2003), eq. 1.3; as a KAN basis: arXiv:2405.07200.
    """

    degree: int = 8
    constant: bool = False
    grows_by = "degree"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.degree >= 1, "degree", "must be at least 1", self.degree)

    @property
    def n_terms(self) -> int:
        return self.degree + self.constant

    def terms(self, z: Tensor) -> Rows:
        z = z.clamp(-1.0, 1.0)
        rows = _recurrence(torch.ones_like(z), z, z + z, self.degree + 1)
        return Rows(rows if self.constant else rows[1:])

    def slopes(self, z: Tensor) -> Rows:
        """T_n' = n U_{n-1}, the polynomials of the second kind; zero where z was clamped."""
        twice = 2.0 * z.clamp(-1.0, 1.0)
        inside = (z.abs() <= 1.0).to(z.dtype)
        rows = [n * row for n, row in enumerate(_recurrence(inside, twice * inside, twice, self.degree), start=1)]
        return Rows([torch.zeros_like(z), *rows] if self.constant else rows)


def _recurrence(p0: Tensor, p1: Tensor, twice: Tensor, n: int) -> list[Tensor]:
    """The first n of p_0, p_1, p_{k+1} = 2 z p_k - p_{k-1}."""
    rows = [p0, p1]
    while len(rows) < n:
        rows.append(torch.addcmul(-rows[-2], twice, rows[-1]))
    return rows[:n]
