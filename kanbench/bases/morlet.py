"""The Morlet wavelet."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.wavelet import Wavelet
from kanbench.errors import require


@dataclass(frozen=True)
class Morlet(Wavelet):
    """Real Morlet wavelet cos(frequency u) exp(-u^2 / 2), one at its peak.

    Args:
        frequency: the frequency of the cosine, in radians per scale, positive.

    Source: Daubechies, "Ten Lectures on Wavelets" (1992), section 3.3.5.C, the real part without its correction, which
    is under 4e-6 at the usual frequency of 5.
    """

    width: float = 4.0
    frequency: float = 5.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.frequency > 0, "frequency", "must be positive", self.frequency)

    def mother(self, u: Tensor) -> Tensor:
        return torch.cos(self.frequency * u) * torch.exp(-0.5 * u.square())
