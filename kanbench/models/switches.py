"""Switches of a KAN layer, each a choice by name."""

from enum import StrEnum, auto

from torch import Tensor
from torch.nn import functional


class Aggregation(StrEnum):
    """The way in which a node combines the edges that enter it."""

    sum = auto()
    mean = auto()
    sum_over_sqrt = auto()

    def factor(self, n_in: int) -> float:
        """Return the number that multiplies the sum over `n_in` edges."""
        power = {Aggregation.sum: 0.0, Aggregation.mean: -1.0, Aggregation.sum_over_sqrt: -0.5}[self]
        return n_in**power


class BaseBranch(StrEnum):
    """The residual (base) function beside the basis on every edge, with a weight of its own."""

    none = auto()
    linear = auto()
    silu = auto()

    def apply(self, x: Tensor) -> Tensor:
        return functional.silu(x) if self is BaseBranch.silu else x


class EdgeScale(StrEnum):
    """A learnable magnitude for each edge, redundant in principle.

    Values:
        none: no magnitude.
        basis: phi = w_b b + w_s spline.
        edge: phi = w (b + spline).
    """

    none = auto()
    basis = auto()
    edge = auto()


class Squash(StrEnum):
    """The map of a layer's input before anything else: tanh, scaled to the domain of the basis, or none."""

    none = auto()
    tanh = auto()


class Initialization(StrEnum):
    """The standard deviation of the normal numbers at which coefficients start.

    Values:
        variance: gain / sqrt(n_in * energy of the basis), so that a sum over edges has variance gain^2.
        fan_in: that divided by n_in, so that a sum starts as a mean does: the control for mean aggregation.
        glorot: gain * sqrt(2 / (n_in * energy of the basis + n_out * energy of its derivative)), a compromise between
            keeping the variance of values on the way forward and that of gradients on the way back.
        power_law: gain / (n_in * number of terms)^1.75.
        normal: gain itself.
        functions: random functions of the same span are the same functions for every basis, see
            `start_from_functions`; the control for how coefficients are scaled.

    Source: glorot and power_law follow Rigas, Verma, Alexandridis and Wang, "Initialization Schemes for
    Kolmogorov-Arnold Networks: An Empirical Study", arXiv 2509.03417, 2025, whose gain is 1; the rest is ours.
    """

    variance = auto()
    fan_in = auto()
    glorot = auto()
    power_law = auto()
    normal = auto()
    functions = auto()
