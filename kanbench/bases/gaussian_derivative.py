"""Wavelet that is the derivative of a Gaussian."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases.wavelet import Wavelet


@dataclass(frozen=True)
class GaussianDerivative(Wavelet):
    """Wavelet -u exp(-u^2 / 2): the first derivative of a Gaussian.

    Source: Mallat, "A Wavelet Tour of Signal Processing" (2009), section 6.1: wavelets with one vanishing moment.
    """

    def mother(self, u: Tensor) -> Tensor:
        return -u * torch.exp(-0.5 * u.square())
