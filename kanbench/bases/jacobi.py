"""Jacobi polynomials."""

from dataclasses import dataclass

from kanbench.bases.polynomials import Polynomials
from kanbench.errors import require


@dataclass(frozen=True)
class Jacobi(Polynomials):
    """Jacobi polynomials P_1 .. P_degree, orthogonal by the weight (1 - z)^alpha (1 + z)^beta.

    They are those of Legendre at (alpha, beta) = (0, 0), and up to factors those of Chebyshev at (-1/2, -1/2) and of
    Gegenbauer at alpha = beta = order - 1/2.

    Args:
        alpha, beta: the exponents of the weight, greater than -1.

    Source: Abramowitz & Stegun, "Handbook of Mathematical Functions" (1964), 22.7.1; as a KAN basis with parameters (1,
    1): JacobiKAN.
    """

    alpha: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.alpha > -1, "alpha", "must be greater than -1", self.alpha)
        require(self.beta > -1, "beta", "must be greater than -1", self.beta)

    def recurrence(self, n: int) -> tuple[float, float, float]:
        alpha, beta = self.alpha, self.beta
        if n == 0:  # the general formula is 0 / 0 at alpha + beta = 0 and -1
            return (alpha + beta + 2) / 2, (alpha - beta) / 2, 0.0
        s = 2 * n + alpha + beta
        divisor = 2 * (n + 1) * (n + 1 + alpha + beta) * s
        a, b = s * (s + 1) * (s + 2), (s + 1) * (alpha**2 - beta**2)
        return a / divisor, b / divisor, 2 * (n + alpha) * (n + beta) * (s + 2) / divisor
