"""Taylor polynomials: powers of the distance from the centre of the domain."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.base import require
from kanbench.bases.termwise import Rows, TermwiseBasis


@dataclass(frozen=True)
class Taylor(TermwiseBasis):
    """z, z^2 .. z^degree with z = (x - centre) / half-width of the domain, and z^0 as well if `constant` is set.

    Scaling by the domain keeps every power in [-1, 1]; the input is clamped to the domain, since powers are
    unbounded off it. z^0 is left out by default: on every edge it repeats the bias of the layer.

    Source: Taylor's theorem about the centre of [low, high].
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
        rows = _powers(torch.ones_like(z), z, self.degree + 1)
        return Rows(rows if self.constant else rows[1:])

    def slopes(self, z: Tensor) -> Rows:
        """n z^(n-1); zero where z was clamped."""
        inside = (z.abs() <= 1.0).to(z.dtype)
        rows = [n * row for n, row in enumerate(_powers(inside, z.clamp(-1.0, 1.0), self.degree), start=1)]
        return Rows([torch.zeros_like(z), *rows] if self.constant else rows)


def _powers(first: Tensor, z: Tensor, n: int) -> list[Tensor]:
    """first, first z, first z^2, .. : n of them."""
    rows = [first]
    while len(rows) < n:
        rows.append(rows[-1] * z)
    return rows
