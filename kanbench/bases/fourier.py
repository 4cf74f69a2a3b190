"""Sines and cosines."""

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from kanbench.bases.termwise import TermwiseBasis
from kanbench.errors import require


@dataclass(frozen=True)
class Fourier(TermwiseBasis):
    """Sines and cosines sin(k w x), cos(k w x) for k = 1 .. harmonics, with a period 2 pi / w that is tied to the
    domain.

    At a period of one width of the domain the family is the Fourier series of the domain, which forces equal values at
    both ends. At two widths (the default) it is a Fourier extension, which represents functions that are not periodic
    as well. Higher harmonics come from the angle-sum recurrence, so a point costs one sine and one cosine for any
    number of harmonics.

    Args:
        harmonics: the number of frequencies, at least 1.
        periods: the period of the fundamental, in widths of the domain, positive.

    Source: Huybrechs, "On the Fourier extension of nonperiodic functions" (2010); as a KAN basis: FourierKAN.
    """

    harmonics: int = 4
    periods: float = 2.0
    grows_by = "harmonics"
    sized_by = "harmonics"
    sizes = (2, 3, 4, 1, 6, 5)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.harmonics >= 1, "harmonics", "must be at least 1", self.harmonics)
        require(self.periods > 0, "periods", "must be positive", self.periods)

    @property
    def n_terms(self) -> int:
        return 2 * self.harmonics

    def positions_in(self, larger: Self) -> list[int]:
        sines = list(range(self.harmonics))
        return [*sines, *(larger.harmonics + k for k in sines)]

    def terms(self, z: Tensor) -> Tensor:
        # Beyond 1 / eps periods a float is a whole number of them; an infinite angle would have a NaN sine.
        far = 1.0 / torch.finfo(z.dtype).eps
        turns = (z / (2.0 * self.periods)).clamp(-far, far)
        angle = 2.0 * math.pi * (turns - turns.detach().round())
        sine, cosine = torch.sin(angle), torch.cos(angle)
        sines, cosines = [sine], [cosine]
        while len(sines) < self.harmonics:
            sines.append(torch.addcmul(sines[-1] * cosine, cosines[-1], sine))
            cosines.append(torch.addcmul(cosines[-1] * cosine, sines[-2], sine, value=-1.0))
        return torch.stack(sines + cosines, dim=-2)

    def slopes(self, z: Tensor, terms: Tensor) -> Tensor:
        sines, cosines = terms.chunk(2, dim=-2)
        order = torch.arange(1, self.harmonics + 1, dtype=z.dtype, device=z.device)
        frequency = (math.pi / self.periods * order).unsqueeze(-1)
        return torch.cat([frequency * cosines, -frequency * sines], dim=-2)
