"""Sines and cosines."""

import math
from collections.abc import Sequence
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

    harmonics: int = 2
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
        return torch.stack(self._rows(z, [None] * self.n_terms), dim=-2)

    def write_terms(self, z: Tensor, out: Tensor) -> None:
        self._rows(z, out.unbind(-2))

    def _rows(self, z: Tensor, out: Sequence[Tensor | None]) -> list[Tensor]:
        """Evaluate the sines and then the cosines, each into `out` where it is given."""
        # Beyond 1 / eps periods a float is a whole number of them; an infinite angle would have a NaN sine.
        far = 1.0 / torch.finfo(z.dtype).eps
        turns = (z / (2.0 * self.periods)).clamp(-far, far)
        angle = 2.0 * math.pi * (turns - turns.detach().round())
        sine, cosine = torch.sin(angle, out=out[0]), torch.cos(angle, out=out[self.harmonics])
        sines, cosines = [sine], [cosine]
        for k in range(1, self.harmonics):
            sines.append(torch.addcmul(sines[-1] * cosine, cosines[-1], sine, out=out[k]))
            product = cosines[-1] * cosine
            cosines.append(torch.addcmul(product, sines[-2], sine, value=-1.0, out=out[self.harmonics + k]))
        return sines + cosines

    def slopes(self, z: Tensor, terms: Tensor) -> Tensor:
        sines, cosines = terms.chunk(2, dim=-2)
        frequency = self._frequencies(z).unsqueeze(-1)
        return torch.cat([frequency * cosines, -frequency * sines], dim=-2)

    def derivatives(self, z: Tensor, order: int) -> list[Tensor]:
        found = [self.terms(z)]
        while len(found) <= order:
            found.append(self.slopes(z, found[-1]))
        return found

    def combine(self, z: Tensor, terms: Tensor, weights: Tensor) -> Tensor:
        """Exchange the weights of sines and cosines, since the slope of one is the other times its frequency."""
        of_sines, of_cosines = weights.chunk(2, dim=-1)
        frequency = self._frequencies(z)
        return torch.cat([-frequency * of_cosines, frequency * of_sines], dim=-1) @ terms

    def _frequencies(self, z: Tensor) -> Tensor:
        """Return the frequencies in radians per unit of z: (harmonics,)."""
        return math.pi / self.periods * torch.arange(1, self.harmonics + 1, dtype=z.dtype, device=z.device)
