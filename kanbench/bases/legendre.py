"""Legendre polynomials."""

from dataclasses import dataclass

from kanbench.bases.polynomials import Polynomials


@dataclass(frozen=True)
class Legendre(Polynomials):
    """Legendre polynomials P_1 .. P_degree: orthogonal on the domain with equal weight everywhere, and in [-1, 1] on
    it.

    Source: Abramowitz & Stegun, "Handbook of Mathematical Functions" (1964), 22.7.10.
    """

    def recurrence(self, n: int) -> tuple[float, float, float]:
        return (2 * n + 1) / (n + 1), 0.0, n / (n + 1)
