"""KANs as methods."""

from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any, cast

import torch
from torch import nn

from kanbench.bases import BASES, Basis, BSpline, OwnBasis
from kanbench.bases.own import DIGITS, hash_of, title, versions_of
from kanbench.errors import require
from kanbench.methods.base import GAINS, SMALL_SHARE, NetworkMethod, Parts, changes, crossed
from kanbench.models.kan import KAN
from kanbench.models.starts import require_functions
from kanbench.models.switches import Aggregation, BaseBranch, EdgeScale, Initialization, Squash


@dataclass(frozen=True)
class KANMethod(NetworkMethod):
    """A KAN; the switches are those of `KANLayer`.

    With `stages` the training uses grid extension: it begins with a basis of the first size (intervals of splines,
    degree, harmonics) and continues with the others, each for an equal share of the steps. The last stage is the size
    of `basis`; models are built, and parameters counted, at that size. Each extension keeps the functions, see
    `extend`.

    Source of the stages: Liu et al. 2024 (arXiv:2404.19756), section 2.4.
    """

    depth: int = 2
    base_branch: BaseBranch = BaseBranch.none
    bias: bool = True
    edge_scale: EdgeScale = EdgeScale.none
    squash: Squash = Squash.tanh
    initialization: Initialization = Initialization.variance
    gain: float = 0.3
    basis: Basis = field(default_factory=BSpline)
    aggregation: Aggregation = Aggregation.sum
    stages: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.gain > 0, "gain", "must be positive", self.gain)
        require(1e-9 <= self.gain <= 1e3, "gain", "must be from 1e-9 to 1000", self.gain)
        require_functions(self.initialization, self.bias, self.edge_scale)
        if self.stages:
            self._check_stages()

    def _check_stages(self) -> None:
        kind, size = type(self.basis).__name__, self.basis.grows_by
        require(size != "", "stages", f"must be empty for {kind}, which cannot be extended", self.stages)
        require(self.stages[0] >= 1, "stages", "must be at least 1", self.stages)
        require(all(a < b for a, b in pairwise(self.stages)), "stages", "must increase", self.stages)
        last = getattr(self.basis, size)
        require(self.stages[-1] == last, "stages", f"must end at the {size} of the basis, {last}", self.stages)

    @property
    def first(self) -> "KANMethod":
        if not self.stages:
            return self
        return replace(self, stages=(), basis=replace(self.basis, **{self.basis.grows_by: self.stages[0]}))

    def candidates(self) -> tuple[NetworkMethod, ...]:
        require(not self.stages, "stages", "must be empty in a search of shapes, which sets the size", self.stages)
        if not self.basis.sized_by:
            return tuple(replace(self, depth=d, gain=KANMethod.gain * gain) for d, gain in crossed(GAINS))
        return tuple(replace(self, depth=d, basis=self._sized(size)) for d, size in crossed(self.basis.sizes))

    def _sized(self, size: int) -> Basis:
        return replace(self.basis, **{self.basis.sized_by: size})

    @property
    def line(self) -> str:
        if not self.basis.sized_by:
            return replace(self, depth=KANMethod.depth, gain=KANMethod.gain).label
        return replace(self, depth=KANMethod.depth, basis=self._usual).label

    @property
    def curve(self) -> str:
        if self.hidden is None:
            return self.label
        usual = replace(self, stages=(), basis=self._usual)
        return " ".join([usual.label, *["extended"] * bool(self.stages)])

    @property
    def _usual(self) -> Basis:
        """The basis at its default size, if it has one."""
        if not self.basis.sized_by:
            return self.basis
        (usual,) = (each.default for each in fields(self.basis) if each.name == self.basis.sized_by)
        return self._sized(cast(int, usual))

    @property
    def searched_size(self) -> float:
        return float(getattr(self.basis, self.basis.sized_by)) if self.basis.sized_by else self.gain

    @classmethod
    def parts(cls) -> Parts:
        return {"basis": {**BASES, "own": OwnBasis}, "aggregation": {each.value: each for each in Aggregation}}

    @property
    def remark(self) -> str:
        low, high = self.basis.low, self.basis.high
        off = 1.0 - max(0.0, min(high, 1.0) - max(low, -1.0)) / 2.0
        if off < SMALL_SHARE:
            return ""
        kind = type(self.basis).__name__
        return (
            f"{off:.0%} of the inputs, which are scaled to [-1, 1], are off the domain [{low:g}, {high:g}] of {kind}: "
            "set basis.low and basis.high so that it holds them"
        )

    @property
    def family(self) -> str:
        return f"KAN {title(self.basis)}"

    def columns(self) -> dict[str, Any]:
        basis, aggregation = title(self.basis), self.aggregation.value
        return {"basis": basis, "aggregation": aggregation, "depth": self.depth}

    @property
    def label(self) -> str:  # type: ignore[override]
        return " ".join(filter(None, [self.unversioned, hash_of(type(self.basis))[:DIGITS]]))

    @property
    def unversioned(self) -> str:
        basis = " ".join([type(self.basis).__name__, *changes(self.basis)])
        aggregation = [] if self.aggregation is Aggregation.sum else [self.aggregation.value]
        return " ".join(["KAN", basis, *aggregation, *changes(self, "basis", "aggregation", *self.implied)])

    @property
    def versions(self) -> dict[str, str]:
        return versions_of(type(self.basis))

    def build(self, n_in: int, nodes: int, generator: torch.Generator, dtype: torch.dtype, n_out: int = 1) -> nn.Module:
        return KAN(
            self.shape(n_in, nodes, n_out),
            self.basis,
            self.aggregation,
            base_branch=self.base_branch,
            bias=self.bias,
            edge_scale=self.edge_scale,
            squash=self.squash,
            initialization=self.initialization,
            gain=self.gain,
            generator=generator,
            dtype=dtype,
        )

    def count(self, n_in: int, nodes: int, n_out: int = 1) -> int:
        """Return the number of parameters of a KAN.

        Each edge has the terms of the basis, the base weight and the scale; each input of a layer has the basis
        parameters; each node has a bias.
        """
        scaled = self.edge_scale is not EdgeScale.none
        weighted_base = self.base_branch is not BaseBranch.none and self.edge_scale is not EdgeScale.edge
        per_edge = self.basis.n_terms + weighted_base + scaled
        per_input = self.basis.n_inner
        shape = self.shape(n_in, nodes, n_out)
        return sum(a * b * per_edge + a * per_input + b * self.bias for a, b in pairwise(shape))
