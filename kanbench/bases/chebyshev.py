"""Chebyshev polynomials of the first kind."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.base import Basis, require


@dataclass(frozen=True)
class Chebyshev(Basis):
    """T_1 .. T_degree, with T_0 as well if `constant` is set; the input is clamped to the domain.

    By the recurrence T_n = 2 x T_{n-1} - T_{n-2}, because the gradient of cos(n acos x) is NaN at |x| = 1. T_0 is
    left out by default: on every edge it repeats the bias of the layer.

    Source: Mason & Handscomb, "Chebyshev Polynomials" (2003), eq. 1.3; as a KAN basis: arXiv:2405.07200.
    """

    degree: int = 8
    constant: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.degree >= 1, "degree", "must be at least 1", self.degree)

    @property
    def n_terms(self) -> int:
        return self.degree + self.constant

    def expand(self, x: Tensor) -> Tensor:
        z = self.to_unit(x).clamp(-1.0, 1.0)
        terms = [torch.ones_like(z), z]
        while len(terms) <= self.degree:
            terms.append(2.0 * z * terms[-1] - terms[-2])
        return torch.stack(terms if self.constant else terms[1:], dim=-1)
