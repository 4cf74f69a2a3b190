"""Bases whose functions are learned themselves."""

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kanbench.bases.base import Basis

FLOOR = 0.05  # of the scale at the start: none becomes smaller
FAR = 1e6  # half-widths of the domain; an input farther away is as good as there


@dataclass(frozen=True)
class LearnableBasis(Basis):
    """A basis that is given by `expand_with`; its inner parameters are deviations from the start, so they start at 0.

    The layer holds them, one set for each of its inputs. Written in torch operations, elementwise in x and with
    leading axes that broadcast: then the derivatives by the parameters at all points are one backward pass.
    """

    @property
    @abstractmethod
    def n_inner(self) -> int: ...

    @abstractmethod
    def expand_with(self, x: Tensor, inner: Tensor) -> Tensor: ...

    def expand(self, x: Tensor) -> Tensor:
        return self.expand_with(x, x.new_zeros(self.n_inner))

    def near(self, x: Tensor) -> Tensor:
        """x in unit coordinates with an axis for the terms, clamped far off the domain: (..., d) -> (..., d, 1)."""
        far = min(FAR, torch.finfo(x.dtype).max ** 0.25)  # 16 in half precision, where products of distances overflow
        return self.to_unit(x).clamp(-far, far).unsqueeze(-1)


def stretch(parameter: Tensor) -> Tensor:
    """A positive factor, elementwise: 1 at zero, never under FLOOR, and as good as linear above."""
    return FLOOR + (1.0 - FLOOR) / math.log(2.0) * functional.softplus(parameter)
