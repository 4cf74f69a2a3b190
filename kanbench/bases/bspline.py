"""B-splines, evaluated fast on uniform knots."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.polynomial import Polynomial
from torch import Tensor

from kanbench.bases.cox_de_boor import expand_on_knots
from kanbench.bases.termwise import TermwiseBasis
from kanbench.errors import require


@dataclass(frozen=True)
class BSpline(TermwiseBasis):
    """B-splines of one degree on equally spaced knots, or on knots that a layer holds.

    `degree` further knots extend the grid on each side of the domain. The family has intervals + degree functions,
    which sum to one inside the domain and vanish beyond `degree` knot steps off it. Only degree + 1 functions are
    non-zero at any point, so the cost of the recursion does not depend on the number of intervals.

    Args:
        degree: the degree of the polynomial pieces, at least 1.
        intervals: the number of knot intervals in the domain, at least 1.

    Source: de Boor, "A Practical Guide to Splines" (1978), chapter X; Liu et al. 2024 (arXiv:2404.19756), eq. 2.10.
    """

    degree: int = 3
    intervals: int = 2
    grows_by = "intervals"
    sized_by = "intervals"
    sizes = (2, 3, 5, 4, 8, 6, 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.degree >= 1, "degree", "must be at least 1", self.degree)
        require(self.intervals >= 1, "intervals", "must be at least 1", self.intervals)

    @property
    def n_terms(self) -> int:
        return self.intervals + self.degree

    def uniform_knots(self) -> Tensor:
        """Return the knots of `expand`, in float64: (intervals + 2 degree + 1,)."""
        steps = torch.arange(1, self.degree + 1, dtype=torch.float64) * ((self.high - self.low) / self.intervals)
        domain = torch.linspace(self.low, self.high, self.intervals + 1, dtype=torch.float64)
        return torch.cat([self.low - steps.flip(0), domain, self.high + steps])

    def expand_on(self, x: Tensor, knots: Tensor) -> Tensor:
        return expand_on_knots(x, knots, self.degree)

    def terms(self, z: Tensor) -> Tensor:
        t, step = self._local(z)
        return self._spread(_horner(local_polynomials(self.degree), t), step)

    def slopes(self, z: Tensor, terms: Tensor) -> Tensor:
        t, step = self._local(z)
        by_t = [[p * c for c in row] for p, row in enumerate(local_polynomials(self.degree))][1:]
        return self._spread(_horner(by_t, t) * (self.intervals / 2), step)

    def write_terms(self, z: Tensor, out: Tensor) -> None:
        if not bool(z.abs().max() <= 1.0):
            out.copy_(self.terms(z))
            return
        # On the domain all degree + 1 functions exist, so they are written in place.
        u = (z + 1.0).mul_(self.intervals / 2)
        step = u.floor().clamp_(max=self.intervals - 1)
        n, width = z.shape[-1], self.degree + 1
        column = torch.arange(width * n, device=z.device).view(width, n)
        place = torch.add(column, step.long().unsqueeze(-2), alpha=n)
        pieces = _horner(local_polynomials(self.degree), u.sub_(step))
        out.zero_().flatten(-2).scatter_(-1, place.flatten(-2), pieces.flatten(-2))

    @property
    def smoothness(self) -> float:
        return self.degree - 1

    def derivatives(self, z: Tensor, order: int) -> list[Tensor]:
        """Differentiate the pieces; all derivatives are placed among the terms at once."""
        t, step = self._local(z)
        pieces, polynomials = [], local_polynomials(self.degree)
        for m in range(order + 1):
            pieces.append(_horner(polynomials, t) * (self.intervals / 2) ** m)
            zero = [[0.0] * (self.degree + 1)]
            polynomials = [[p * c for c in row] for p, row in enumerate(polynomials)][1:] or zero
        return [*self._spread(torch.stack(pieces), step.expand(order + 1, *step.shape)).unbind(0)]

    def combine(self, z: Tensor, terms: Tensor, weights: Tensor) -> Tensor:
        """Evaluate the slope of each sum as the polynomial that it is between two knots."""
        t, step = self._local(z)
        u = step.long().add_(self.degree + 1)  # of the first function that is non-zero, among padded ones
        by_t = z.new_tensor([[p * c for c in row] for p, row in enumerate(local_polynomials(self.degree))][1:])
        ends = weights.new_zeros(*weights.shape[:-1], self.degree + 1)
        around = torch.cat([ends, weights, ends], dim=-1).unfold(-1, self.degree + 1, 1)  # (..., k, intervals, pieces)
        pieces = around @ (by_t.mT * (self.intervals / 2))  # (..., k, intervals, degree)
        shape = torch.broadcast_shapes(pieces.shape[:-2], (*z.shape[:-1], 1))
        place = u.unsqueeze(-2).expand(*shape, z.shape[-1])
        pieces, t = pieces.expand(*shape, *pieces.shape[-2:]), t.unsqueeze(-2)
        lowest, *higher = (piece.gather(-1, place) for piece in pieces.unbind(-1))
        if not higher:
            return lowest
        value = higher[-1]
        for piece in reversed([lowest, *higher[:-1]]):
            value = torch.addcmul(piece, value, t)
        return value

    def _local(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coordinate in [0, 1] within the knot step that holds z, and the first function that is non-zero
        there.
        """
        # Beyond -degree and intervals + degree there is no function.
        u = ((z + 1.0) * (self.intervals / 2)).clamp(-self.degree - 1, self.intervals + self.degree)
        step = u.detach().floor()
        return u - step, step.nan_to_num()

    def _spread(self, pieces: Tensor, step: Tensor) -> Tensor:
        """Place the functions step .. step + degree among all: (..., degree + 1, n) -> (..., n_terms, n); some may not
        exist.
        """
        *lead, width, n = pieces.shape
        # The buffer has room between the functions of two inputs, for pieces of functions that do not exist.
        row = torch.arange(math.prod(lead), device=step.device).view(*lead, 1) * ((self.n_terms + width) * n)
        first = row + torch.arange(n, device=step.device) + (step.long() + width) * n
        place = first.unsqueeze(-2) + torch.arange(width, device=step.device).unsqueeze(-1) * n
        flat = pieces.new_zeros((math.prod(lead) * (self.n_terms + width) + width) * n)
        flat = flat.scatter_(0, place.flatten(), pieces.flatten())[width * n :]
        return flat.view(*lead, self.n_terms + width, n)[..., : self.n_terms, :].contiguous()


def _horner(coefficients: list[list[float]], t: Tensor) -> Tensor:
    """Evaluate sum_p c[p][j] t^p for every j: (..., n) -> (..., j, n)."""
    highest, *lower = t.new_tensor(coefficients[::-1]).unsqueeze(-1).unbind(0)
    t = t.unsqueeze(-2)
    value = highest.expand(*t.shape[:-2], *highest.shape[:1], t.shape[-1])
    for column in lower:
        value = torch.addcmul(column, value, t)
    return value


@torch.compiler.assume_constant_result  # traced code must not meet NumPy or a cache
def local_polynomials(degree: int) -> list[list[float]]:
    """Return the degree + 1 B-splines that are non-zero on one interval of a uniform knot vector, as polynomials.

    Entry [p][j] multiplies t^p in the j-th of them, in ascending order, at the local coordinate t in [0, 1]. Cox-de
    Boor for unit knot spacing: b_k[j] = ((t + k - j) b_{k-1}[j-1] + (1 - t + j) b_{k-1}[j]) / k.
    """
    return _local_polynomials(degree)


@cache
def _local_polynomials(degree: int) -> list[list[float]]:
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
