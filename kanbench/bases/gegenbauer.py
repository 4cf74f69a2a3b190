"""Gegenbauer (ultraspherical) polynomials."""

from dataclasses import dataclass

from kanbench.bases.polynomials import Polynomials
from kanbench.errors import require


@dataclass(frozen=True)
class Gegenbauer(Polynomials):
    """Gegenbauer polynomials C_1 .. C_degree of one order: orthogonal by the weight (1 - z^2)^(order - 1/2).

    Order 1, the default, gives Chebyshev polynomials of the second kind; order 1/2 gives those of Legendre.

    Args:
        order: the order, often called lambda, positive.

    Source: Abramowitz & Stegun, "Handbook of Mathematical Functions" (1964), 22.7.3.
    """

    order: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.order > 0, "order", "must be positive", self.order)

    def recurrence(self, n: int) -> tuple[float, float, float]:
        return 2 * (n + self.order) / (n + 1), 0.0, (n + 2 * self.order - 1) / (n + 1)
