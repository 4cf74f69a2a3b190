"""Squared products of ReLUs."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.learnable import LearnableBasis, stretch
from kanbench.errors import require


@dataclass(frozen=True)
class ReLUBumps(LearnableBasis):
    """Bumps [relu(e - z) relu(z - s)]^2 16 / (e - s)^4, of height one on overlapping supports [s, e].

    There are `intervals` + `overlap` of them, each overlap + 1 intervals wide, as the supports of B-splines are. With u
    from -1 to 1 over its support, a bump is relu(1 - u^2)^2.

    Args:
        intervals: the number of intervals in the domain, at least 1.
        overlap: the number of further intervals that a bump covers, at least 0.
        trainable: whether the center and the width of every bump are learned; the width stays above a twentieth of its
            start.

    Source: Qiu et al. 2024 (arXiv:2406.02075), section 3.
    """

    intervals: int = 2
    overlap: int = 3
    trainable: bool = False
    sized_by = "intervals"
    sizes = (2, 3, 5, 4, 8, 6, 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.intervals >= 1, "intervals", "must be at least 1", self.intervals)
        require(self.overlap >= 0, "overlap", "must not be negative", self.overlap)

    @property
    def n_terms(self) -> int:
        return self.intervals + self.overlap

    @property
    def smoothness(self) -> float:
        return 1

    @property
    def n_inner(self) -> int:
        return 2 * self.n_terms if self.trainable else 0

    def expand(self, x: Tensor) -> Tensor:
        return self._bumps(x, *self._start(x))

    def expand_with(self, x: Tensor, inner: Tensor) -> Tensor:
        stretches, shifts = inner.split(self.n_terms, dim=-1)
        centre, radius = self._start(x)
        return self._bumps(x, centre + shifts, radius * stretch(stretches))

    def _start(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the centers (n_terms,), and the radius shared by all bumps."""
        first = (1 - self.overlap) / self.intervals - 1.0
        steps = torch.arange(self.n_terms, dtype=x.dtype, device=x.device) * (2.0 / self.intervals)
        return first + steps, x.new_tensor((self.overlap + 1) / self.intervals)

    def _bumps(self, x: Tensor, centre: Tensor, radius: Tensor) -> Tensor:
        u = ((self.near(x) - centre) / radius).clamp(-1.0, 1.0)
        return (1.0 - u.square()).square()
