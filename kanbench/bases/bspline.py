"""B-splines on uniform knots."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.polynomial import Polynomial
from torch import Tensor

from kanbench.bases.base import Basis, require


@dataclass(frozen=True)
class BSpline(Basis):
    """B-splines of one degree on equally spaced knots, extended by `degree` knots on each side of the domain.

    intervals + degree functions; inside the domain they sum to one, and beyond `degree` knot steps off it all of
    them are zero. Only degree + 1 functions are non-zero at any point, so the cost of the recursion does not depend
    on the number of intervals.

    Source: de Boor, "A Practical Guide to Splines" (1978), chapter X; Liu et al. 2024 (arXiv:2404.19756), eq. 2.10.
    """

    degree: int = 3
    intervals: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.degree >= 1, "degree", "must be at least 1", self.degree)
        require(self.intervals >= 1, "intervals", "must be at least 1", self.intervals)

    @property
    def n_terms(self) -> int:
        return self.intervals + self.degree

    def expand(self, x: Tensor) -> Tensor:
        k, n_intervals = self.degree, self.intervals
        # Position in knot steps from `low`; all functions are zero at and beyond -k and n_intervals + k.
        u = ((self.to_unit(x) + 1.0) * (n_intervals / 2)).clamp(-k, n_intervals + k)
        interval = u.detach().floor().clamp(max=n_intervals + k - 1)
        t = (u - interval).unsqueeze(-1)
        powers = torch.cat([t**p for p in range(k + 1)], dim=-1)
        pieces = powers @ torch.tensor(local_polynomials(k), dtype=x.dtype, device=x.device)  # (..., d, k + 1)
        # Function j lives at column j + k of a buffer with room for the pieces that fall off either end; NaN, which is
        # no column, stays in the pieces.
        column = (interval.nan_to_num().long() + k).unsqueeze(-1) + torch.arange(k + 1, device=x.device)
        buffer = pieces.new_zeros(*x.shape, n_intervals + 3 * k).scatter(-1, column, pieces)
        return buffer[..., k : k + self.n_terms]


@cache
def local_polynomials(degree: int) -> list[list[float]]:
    """The degree + 1 B-splines that are non-zero on one interval of a uniform knot vector, as polynomials.

    Entry [p][j] multiplies t^p in the j-th of them, in ascending order, at the local coordinate t in [0, 1].
    Cox-de Boor for unit knot spacing: b_k[j] = ((t + k - j) b_{k-1}[j-1] + (1 - t + j) b_{k-1}[j]) / k.
    """
    pieces = [Polynomial([1.0])]
    for k in range(1, degree + 1):
        padded = [Polynomial([0.0]), *pieces, Polynomial([0.0])]
        pieces = [
            (Polynomial([k - j, 1.0]) * padded[j] + Polynomial([1.0 + j, -1.0]) * padded[j + 1]) / k
            for j in range(k + 1)
        ]
    coefficients = np.zeros((degree + 1, degree + 1))
    for j, piece in enumerate(pieces):
        coefficients[: len(piece.coef), j] = piece.coef
    return coefficients.tolist()
