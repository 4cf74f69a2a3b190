"""Wavelets whose scales and shifts are learned."""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.learnable import LearnableBasis, stretch
from kanbench.errors import require

REACH = 30.0  # in scales; exp(-450) is negligible, and the square of a larger distance could overflow


@dataclass(frozen=True)
class Wavelet(LearnableBasis):
    """Wavelets psi((z - b) / a) of a mother wavelet psi, with a scale a and a shift b for every wavelet of every input.

    Shifts start equally spaced, including both ends of the domain. The default widths were chosen on validation errors
    of five Feynman equations. A scale stays above a twentieth of its start, because at zero the function would have no
    derivative.

    Args:
        wavelets: the number of wavelets, at least 2.
        width: the scale at the start, in spacings of the shifts, positive.

    Source: Bozorgasl & Chen 2024 (arXiv:2405.12832), whose edges have one wavelet each. Here, as for every other basis,
    an edge is a sum of them, and the edges leaving one input share their scales and shifts. With six wavelets and their
    twelve parameters the smallest network still fits a budget of 50.
    """

    wavelets: int = 3
    width: float = 1.0
    sized_by = "wavelets"
    sizes = (3, 4, 6, 2, 8, 5)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.wavelets >= 2, "wavelets", "must be at least 2", self.wavelets)
        require(self.width > 0, "width", "must be positive", self.width)

    @abstractmethod
    def mother(self, u: Tensor) -> Tensor:
        """Evaluate the mother wavelet psi, elementwise."""

    @property
    def n_terms(self) -> int:
        return self.wavelets

    @property
    def n_inner(self) -> int:
        return 2 * self.wavelets

    def expand_with(self, x: Tensor, inner: Tensor) -> Tensor:
        stretches, shifts = inner.split(self.wavelets, dim=-1)
        scale = self.width * 2.0 / (self.wavelets - 1) * stretch(stretches)
        centre = torch.linspace(-1.0, 1.0, self.wavelets, dtype=x.dtype, device=x.device) + shifts
        return self.mother(((self.near(x) - centre) / scale).clamp(-REACH, REACH))
