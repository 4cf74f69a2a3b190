"""The Mexican hat wavelet."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.wavelet import Wavelet


@dataclass(frozen=True)
class MexicanHat(Wavelet):
    """Mexican hat wavelet (1 - u^2) exp(-u^2 / 2): the negative second derivative of a Gaussian, one at its peak.

    Source: Daubechies, "Ten Lectures on Wavelets" (1992), section 3.3.5.B, without the factor 2 / (sqrt(3) pi^(1/4)).
    """

    def mother(self, u: Tensor) -> Tensor:
        square = u.square()
        return (1.0 - square) * torch.exp(-0.5 * square)
