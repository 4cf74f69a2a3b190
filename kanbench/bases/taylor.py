"""Taylor polynomials: powers of the distance from the center of the domain."""

from dataclasses import dataclass

from kanbench.bases.polynomials import Polynomials


@dataclass(frozen=True)
class Taylor(Polynomials):
    """Powers z, z^2 .. z^degree of the distance from the center, z = (x - center) / half-width of the domain.

    Scaling by the domain keeps every power in [-1, 1].

    Source: Taylor's theorem about the center of [low, high].
    """

    degree: int = 5

    def recurrence(self, n: int) -> tuple[float, float, float]:
        return 1.0, 0.0, 0.0
