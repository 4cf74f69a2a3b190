"""Bases whose functions themselves are learned."""

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kanbench.bases.base import Basis

FLOOR = 0.05  # least scale, relative to its start
FAR = 1e6  # half-widths of the domain; inputs farther away are treated as if they were there


@dataclass(frozen=True)
class LearnableBasis(Basis):
    """A basis given by `expand_with`, whose inner parameters are deviations from the start and therefore start at 0.

    The layer holds them, one set for each of its inputs. Subclasses use torch operations that are elementwise in x and
    broadcast over leading axes: then one backward pass gives the derivatives with respect to the parameters at all
    points.
    """

    @property
    @abstractmethod
    def n_inner(self) -> int: ...

    @abstractmethod
    def expand_with(self, x: Tensor, inner: Tensor) -> Tensor: ...

    def expand(self, x: Tensor) -> Tensor:
        return self.expand_with(x, x.new_zeros(self.n_inner))

    def near(self, x: Tensor) -> Tensor:
        """Return x in unit coordinates, clamped far off the domain, with an axis for the terms: (..., d) -> (..., d,
        1).
        """
        far = min(FAR, torch.finfo(x.dtype).max ** 0.25)  # 16 in half precision, where products of distances overflow
        return self.to_unit(x).clamp(-far, far).unsqueeze(-1)


def stretch(parameter: Tensor) -> Tensor:
    """Return a positive factor, elementwise: 1 at zero, never under FLOOR, and nearly linear for large parameters."""
    return FLOOR + (1.0 - FLOOR) / math.log(2.0) * functional.softplus(parameter)
