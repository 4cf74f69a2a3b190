"""Kolmogorov-Arnold networks: one layer, and its composition."""

import math
from collections.abc import Sequence
from enum import StrEnum, auto
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from kanbench.bases import Basis, BSpline
from kanbench.models.linear import FeatureLinear


class Aggregation(StrEnum):
    """How a node combines the edges that enter it."""

    sum = auto()
    mean = auto()
    sum_over_sqrt = auto()

    def factor(self, n_in: int) -> float:
        """The number that multiplies the sum over `n_in` edges."""
        power = {Aggregation.sum: 0.0, Aggregation.mean: -1.0, Aggregation.sum_over_sqrt: -0.5}[self]
        return n_in**power


class BaseBranch(StrEnum):
    """The function that stands beside the basis on every edge, with a weight of its own."""

    none = auto()
    linear = auto()
    silu = auto()

    def apply(self, x: Tensor) -> Tensor:
        return functional.silu(x) if self is BaseBranch.silu else x


class EdgeScale(StrEnum):
    """A learnable magnitude per edge, redundant in principle: phi = w_b b + w_s spline, or phi = w (b + spline)."""

    none = auto()
    basis = auto()
    edge = auto()


class Squash(StrEnum):
    """What is done to the input of a layer first of all; tanh is mapped to the domain of the basis."""

    none = auto()
    tanh = auto()


class Initialisation(StrEnum):
    """Where coefficients start: normal numbers whose standard deviation is

    variance: gain / sqrt(n_in * energy of the basis), so that a sum over edges has variance gain^2;
    fan_in:   that over n_in, the start that a sum needs to equal a mean: the control for mean aggregation;
    normal:   gain itself.
    """

    variance = auto()
    fan_in = auto()
    normal = auto()


class KANLayer(FeatureLinear):
    """y_j = A_i phi_ij(x_i) + bias_j, with phi_ij(x) = sum_t c_ijt B_t(x) + w_ij b(x); (..., n_in) -> (..., n_out).

    A is the aggregation, B_t the basis and b the base branch. It is a plain module and can stand anywhere in a
    network; inputs off the domain of the basis stay finite, and `squash=Squash.tanh` keeps them on it.

    Coefficients have the shape (n_in, n_terms, n_out), and one term more where a base branch has a weight: w is the
    last. Random starts are drawn from `generator`, or from torch's default one.

    Source: Liu et al. 2024 (arXiv:2404.19756), eqs. 2.5 and 2.10; mean is sum / n_in.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        basis: Basis | None = None,
        aggregation: Aggregation = Aggregation.sum,
        *,
        base_branch: BaseBranch = BaseBranch.none,
        bias: bool = True,
        edge_scale: EdgeScale = EdgeScale.none,
        squash: Squash = Squash.none,
        initialisation: Initialisation = Initialisation.variance,
        gain: float = 0.3,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.basis = BSpline() if basis is None else basis
        self.aggregation, self.base_branch = aggregation, base_branch
        self.edge_scale, self.squash = edge_scale, squash
        self.factor = aggregation.factor(n_in)
        self.is_linear = edge_scale is EdgeScale.none
        std = coefficient_std(self.basis, n_in, initialisation, gain)
        shape = (n_in, self.basis.n_terms + self._base_has_weight, n_out)
        self.coefficients = nn.Parameter(torch.randn(shape, generator=generator, dtype=dtype) * std)
        self.register_buffer("knots", None)
        self.knots: Tensor | None  # (n_in, n_knots) of a grid that has moved; None: the basis has its own
        if bias:
            self.bias = nn.Parameter(torch.zeros(n_out, dtype=dtype))
        if edge_scale is not EdgeScale.none:
            self.scale = nn.Parameter(torch.ones(n_in, n_out, dtype=dtype))

    @property
    def _base_has_weight(self) -> bool:
        return self.base_branch is not BaseBranch.none and self.edge_scale is not EdgeScale.edge

    def features(self, x: Tensor) -> Tensor:
        """Basis functions and base branch of every input, times the factor of the aggregation."""
        x = self.squashed(x)
        features = self.expand(x)
        if self.base_branch is not BaseBranch.none:
            features = torch.cat([features, self.base_branch.apply(x).unsqueeze(-1)], dim=-1)
        return (features if self.factor == 1.0 else features * self.factor).flatten(-2)

    def squashed(self, x: Tensor) -> Tensor:
        """What the basis and the base branch see of an input."""
        return self.basis.from_unit(torch.tanh(x)) if self.squash is Squash.tanh else x

    def expand(self, x: Tensor) -> Tensor:
        """The basis, on the knots of this layer, at squashed inputs: (..., n_in) -> (..., n_in, n_terms)."""
        return self.basis.expand(x) if self.knots is None else self.basis.expand_on(x, self.knots)

    def forward(self, x: Tensor) -> Tensor:
        parameters: dict[str, Tensor] = dict(self.named_parameters())
        if self.edge_scale is not EdgeScale.none:
            parameters["coefficients"] = self._scaled(self.coefficients, parameters.pop("scale").unsqueeze(1))
        return self.apply_to(self.features(x), parameters)

    def _scaled(self, coefficients: Tensor, scale: Tensor) -> Tensor:
        """w_s on the basis alone beside a weighted base branch; or w on both, the base branch having no other."""
        if self.base_branch is BaseBranch.none:
            return coefficients * scale
        if self.edge_scale is EdgeScale.edge:
            return torch.cat([coefficients * scale, scale], dim=1)
        return torch.cat([coefficients[:, :-1] * scale, coefficients[:, -1:]], dim=1)

    def extra_repr(self) -> str:
        n_in, _, n_out = self.coefficients.shape
        return f"{n_in}, {n_out}, {self.basis}, {self.aggregation.value}"


def coefficient_std(basis: Basis, n_in: int, initialisation: Initialisation, gain: float) -> float:
    """The standard deviation of the starting coefficients of a layer with `n_in` inputs, see `Initialisation`."""
    if initialisation is Initialisation.normal:
        return gain
    x = torch.linspace(basis.low, basis.high, 1001, dtype=torch.float64).unsqueeze(-1)
    energy = basis.expand(x).square().sum(-1).mean().item()  # of unit coefficients, over the domain
    std = gain / math.sqrt(n_in * energy)
    return std / n_in if initialisation is Initialisation.fan_in else std


class KAN(nn.Sequential):
    """Layers of the widths in `shape`: KAN([2, 5, 1]) maps (batch, 2) to (batch, 1) through one hidden layer.

    Keyword arguments are those of `KANLayer`, the same for every layer, but for one: `squash` acts between layers
    only, and is on by default; scale the inputs of the network to the domain of the basis yourself.
    """

    def __init__(
        self,
        shape: Sequence[int],
        basis: Basis | None = None,
        aggregation: Aggregation = Aggregation.sum,
        *,
        squash: Squash = Squash.tanh,
        **layer: object,
    ) -> None:
        squashes = [Squash.none] + [squash] * (len(shape) - 2)
        super().__init__(
            *(
                KANLayer(n_in, n_out, basis, aggregation, squash=each, **layer)  # type: ignore[arg-type]
                for (n_in, n_out), each in zip(pairwise(shape), squashes, strict=True)
            )
        )
