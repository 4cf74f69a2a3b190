"""Sines and cosines whose frequencies are learned."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.learnable import LearnableBasis
from kanbench.errors import require


@dataclass(frozen=True)
class Sine(LearnableBasis):
    """Sines and cosines sin(w_k z), cos(w_k z) for k = 1 .. waves, with learned frequencies w_k.

    A sine and a cosine of one frequency make every amplitude and phase, so an edge learns both as linear coefficients.
    Frequencies start at k pi / 2, where the family equals `Fourier` with two periods.

    Args:
        waves: the number of frequencies, at least 1.

    Source: Reinhardt et al. 2024 (arXiv:2407.04149), which also shares frequencies, but has phases on a grid.
    """

    waves: int = 2
    sized_by = "waves"
    sizes = (2, 3, 4, 1, 6, 5)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.waves >= 1, "waves", "must be at least 1", self.waves)

    @property
    def n_terms(self) -> int:
        return 2 * self.waves

    @property
    def n_inner(self) -> int:
        return self.waves

    def expand_with(self, x: Tensor, inner: Tensor) -> Tensor:
        k = torch.arange(1, self.waves + 1, dtype=x.dtype, device=x.device)
        angle = self.near(x) * (math.pi / 2 * k + inner)
        return torch.cat([torch.sin(angle), torch.cos(angle)], dim=-1)
