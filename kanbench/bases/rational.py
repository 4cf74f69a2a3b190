"""Rational functions."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.learnable import LearnableBasis
from kanbench.errors import require


@dataclass(frozen=True)
class Rational(LearnableBasis):
    """Rational functions z^t / (1 + |Q(z)|) for t = 0 .. numerator, with a learned Q(z) = z^2 + sum_k b_k z^k, k = 1 ..
    denominator.

    An edge is P / (1 + |Q|), a Pade quotient without poles. Each edge has its own numerator; the edges leaving one
    input share a denominator. Q starts at z^2, because |Q| has no slope at Q = 0 and Q would never be learned. The
    input is clamped to the domain.

    Args:
        numerator: the degree of P, at least 0.
        denominator: the degree of Q, at least 2.

    Source: Molina et al. 2020 (arXiv:1907.06732), eq. 4; shared by groups: Yang & Wang 2024 (arXiv:2409.10594).
    """

    numerator: int = 3
    denominator: int = 4
    sized_by = "numerator"
    sizes = (3, 5, 7, 4, 9, 2, 6)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.numerator >= 0, "numerator", "must not be negative", self.numerator)
        require(self.denominator >= 2, "denominator", "must be at least 2, its degree at the start", self.denominator)

    @property
    def n_terms(self) -> int:
        return self.numerator + 1

    @property
    def smoothness(self) -> float:
        return 0  # |Q| has a kink

    @property
    def n_inner(self) -> int:
        return self.denominator

    def expand_with(self, x: Tensor, inner: Tensor) -> Tensor:
        z = self.to_unit(x).clamp(-1.0, 1.0)
        powers = [torch.ones_like(z)]
        for _ in range(max(self.numerator, self.denominator)):
            powers.append(powers[-1] * z)
        q = powers[2]
        for b, power in zip(inner.unbind(-1), powers[1:], strict=False):
            q = torch.addcmul(q, b, power)
        return torch.stack(powers[: self.n_terms], dim=-1) / (1.0 + q.abs()).unsqueeze(-1)
