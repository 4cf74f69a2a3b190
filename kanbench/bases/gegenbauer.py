"""Gegenbauer (ultraspherical) polynomials."""

from dataclasses import dataclass

from kanbench.bases.polynomials import Polynomials
from kanbench.errors import require


@dataclass(frozen=True)
class Gegenbauer(Polynomials):
    """C_1 .. C_degree of one order: orthogonal by the weight (1 - z^2)^(order - 1/2).

    At order 1, the default, Chebyshev polynomials of the second kind; at 1/2 those of Legendre.

    Source: Abramowitz & Stegun, "Handbook of Mathematical Functions" (1964), 22.7.3.
    """

    order: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.order > 0, "order", "must be positive", self.order)

    def recurrence(self, n: int) -> tuple[float, float, float]:
        return 2 * (n + self.order) / (n + 1), 0.0, (n + 2 * self.order - 1) / (n + 1)
