"""B-splines whose knots are learned."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kanbench.bases.learnable import FLOOR, LearnableBasis
from kanbench.errors import require


@dataclass(frozen=True)
class FreeKnots(LearnableBasis):
    """B-splines of one degree whose knots inside the domain are learned; at the start they equal those of `BSpline`.

    The shares of the intervals in the domain are a softmax of numbers, the first of which is fixed at zero, so there is
    one parameter for every inner knot. A twentieth of the domain is shared out evenly, so knots stay apart. The ends of
    the domain and the knots off it, equally spaced, are fixed.

    Args:
        degree: the degree of the polynomial pieces, at least 1.
        intervals: the number of knot intervals in the domain, at least 2.

    Source: de Boor, "A Practical Guide to Splines" (1978), chapters X and XII.
    """

    degree: int = 3
    intervals: int = 2
    sized_by = "intervals"
    sizes = (2, 3, 5, 4, 8, 6)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.degree >= 1, "degree", "must be at least 1", self.degree)
        require(self.intervals >= 2, "intervals", "must be at least 2 for a knot between them", self.intervals)

    @property
    def n_terms(self) -> int:
        return self.intervals + self.degree

    @property
    def n_inner(self) -> int:
        return self.intervals - 1

    @property
    def smoothness(self) -> float:
        return self.degree - 1

    def knots(self, inner: Tensor) -> Tensor:
        """Return increasing knots in unit coordinates: (..., n_inner) -> (..., intervals + 2 degree + 1)."""
        even = 1.0 / self.intervals
        shares = FLOOR * even + (1.0 - FLOOR) * functional.pad(inner, (1, 0)).softmax(dim=-1)
        breakpoints = functional.pad(2.0 * shares[..., :-1].cumsum(dim=-1) - 1.0, (1, 0), value=-1.0)
        steps = torch.arange(self.degree + 1, dtype=inner.dtype, device=inner.device) * (2.0 * even)
        lead = breakpoints.shape[:-1]
        below, above = (-1.0 - steps[1:].flip(0)).expand(*lead, -1), (1.0 + steps).expand(*lead, -1)
        return torch.cat([below, breakpoints, above], dim=-1)

    def expand_with(self, x: Tensor, inner: Tensor) -> Tensor:
        """Apply the recursion of Cox and de Boor to all functions; increasing knots rule out division by zero."""
        t, z = self.knots(inner), self.near(x)
        rows = ((t[..., :-1] <= z) & (z < t[..., 1:])).to(x.dtype)
        for k in range(1, self.degree + 1):
            rising = (z - t[..., : -k - 1]) / (t[..., k:-1] - t[..., : -k - 1])
            falling = (t[..., k + 1 :] - z) / (t[..., k + 1 :] - t[..., 1:-k])
            rows = rising * rows[..., :-1] + falling * rows[..., 1:]
        return rows
