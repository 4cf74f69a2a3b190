"""Chebyshev polynomials of the first kind."""

from dataclasses import dataclass

from kanbench.bases.polynomials import Polynomials


@dataclass(frozen=True)
class Chebyshev(Polynomials):
    """Chebyshev polynomials T_1 .. T_degree of the first kind: the cosines of n acos(z).

    The recurrence T_{n+1} = 2 z T_n - T_{n-1} computes them, because the gradient of cos(n acos z) is NaN at |z| = 1.

    Source: Mason & Handscomb, "Chebyshev Polynomials" (2003), eq. 1.3; as a KAN basis: arXiv:2405.07200.
    """

    def recurrence(self, n: int) -> tuple[float, float, float]:
        return (2.0 if n else 1.0), 0.0, 1.0
