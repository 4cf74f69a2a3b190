"""Polynomials that are orthogonal by some weight, from their recurrence."""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.base import require
from kanbench.bases.termwise import Rows, TermwiseBasis


@dataclass(frozen=True)
class OrthogonalBasis(TermwiseBasis):
    """p_1 .. p_degree, with p_0 = 1 as well if `constant` is set; the input is clamped to the domain.

    All polynomials p_{n+1} = (a_n t + b_n) p_n - c_n p_{n-1}, with t = z unless `argument_scale` says otherwise. p_0
    is left out by default: on every edge it repeats the bias of the layer.

    All families of one degree span the same functions, so what tells them apart is where a training starts and how
    well conditioned it is.
    """

    degree: int = 8
    constant: bool = False
    grows_by = "degree"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.degree >= 1, "degree", "must be at least 1", self.degree)

    @abstractmethod
    def recurrence(self, n: int) -> tuple[float, float, float]:
        """(a_n, b_n, c_n); c_0 is not used."""

    @property
    def argument_scale(self) -> float:
        """t / z."""
        return 1.0

    @property
    def n_terms(self) -> int:
        return self.degree + self.constant

    def terms(self, z: Tensor) -> Rows:
        t = z.clamp(-1.0, 1.0) * self.argument_scale
        rows = self._polynomials(t)
        return Rows(rows if self.constant else rows[1:])

    def slopes(self, z: Tensor) -> Rows:
        """The recurrence, differentiated; zero where z was clamped."""
        t = z.clamp(-1.0, 1.0) * self.argument_scale
        by_z = (z.abs() <= 1.0).to(z.dtype) * self.argument_scale
        rows = [torch.zeros_like(z)]
        for n, polynomial in enumerate(self._polynomials(t)[:-1]):
            a, b, c = self.recurrence(n)
            slope = torch.addcmul(a * by_z * polynomial, a * t + b, rows[-1])
            rows.append(slope if n == 0 else slope.sub_(rows[-2], alpha=c))
        return Rows(rows if self.constant else rows[1:])

    def _polynomials(self, t: Tensor) -> list[Tensor]:
        """p_0 .. p_degree"""
        rows = [torch.ones_like(t)]
        for n in range(self.degree):
            a, b, c = self.recurrence(n)
            linear = a * t + b
            rows.append(linear if n == 0 else torch.addcmul(rows[-2] * -c, linear, rows[-1]))
        return rows
