"""Hermite polynomials."""

import math
from dataclasses import dataclass

from kanbench.bases.polynomials import Polynomials
from kanbench.errors import require


@dataclass(frozen=True)
class Hermite(Polynomials):
    """Hermite polynomials He_n(t) / sqrt(n!) for n = 1 .. degree, orthonormal by the normal distribution.

    Without the square roots He_8 would be hundreds of times larger than He_1 at the ends of the domain. Within one
    standard deviation, the range of raw inputs in [-1, 1], the family is nearly dependent.

    Args:
        reach: the standard deviations of t from the center of the domain to its ends, positive.

    Source: Abramowitz & Stegun, "Handbook of Mathematical Functions" (1964), 22.7.14, divided by sqrt((n + 1)!).
    """

    reach: float = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.reach > 0, "reach", "must be positive", self.reach)

    @property
    def argument_scale(self) -> float:
        return self.reach

    def recurrence(self, n: int) -> tuple[float, float, float]:
        return 1.0 / math.sqrt(n + 1), 0.0, math.sqrt(n / (n + 1))
