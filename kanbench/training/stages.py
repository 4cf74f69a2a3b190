"""The layers of a network as stages of a forward pass that is kept for the passes backward.

A stage is a layer that is linear in its parameters, with all that comes before it and has none. All members pass at once,
and their points stand along the last axis.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kanbench.bases.termwise import TermwiseBasis
from kanbench.models.layer import KANLayer
from kanbench.models.linear import Affine, FeatureLinear
from kanbench.models.mlp import Activation, FixedActivation
from kanbench.models.switches import BaseBranch, Squash
from kanbench.training.architecture import Named
from kanbench.training.ensemble import Ensemble, apply, features_of, has_fixed_features


@dataclass
class Kept:
    """What a stage keeps of a forward pass for the way back."""

    inputs: Tensor  # (members, n_in, n): a squash is already done
    features: Tensor  # (members, n_features, n)

    def __getitem__(self, members: Tensor) -> "Kept":
        features = self.features[members]
        return Kept(features if self.inputs is self.features else self.inputs[members], features)

    def take(self, other: "Kept", members: Tensor) -> None:
        """Become what `other` is for some members."""
        self.features[members] = other.features[members]
        if self.inputs is not self.features:
            self.inputs[members] = other.inputs[members]


class Stage(ABC):
    """Features of inputs, and the way back from a derivative by the output to that by the inputs."""

    @abstractmethod
    def keep(self, inputs: Tensor, into: Kept | None) -> Kept:
        """Evaluate the features of inputs (members, n_in, n); the tensors of `into` are free to be overwritten."""

    @abstractmethod
    def pull(self, kept: Kept, weight: Tensor, by_output: Tensor) -> Tensor:
        """Return the derivative of a number of each point by the inputs: (members, n_in, n).

        Args:
            kept: what `keep` gave.
            weight: the matrices of the layer, (members, n_features, n_out).
            by_output: the derivative by the outputs of the layer, (members, n_out, n).
        """


class FirstStage(Stage):
    """The first layer, whose features depend on no parameters, and nothing lies behind it."""

    def __init__(self, features: Tensor) -> None:
        """Take the features (members, n, n_features), as `Ensemble.embed` has them."""
        features = features.mT.contiguous()
        self._kept = Kept(features, features)

    def keep(self, inputs: Tensor, into: Kept | None) -> Kept:
        return self._kept

    def pull(self, kept: Kept, weight: Tensor, by_output: Tensor) -> Tensor:
        return by_output


class TanhStage(Stage):
    """An affine layer behind a tanh."""

    def keep(self, inputs: Tensor, into: Kept | None) -> Kept:
        features = torch.mul(inputs, 2.0, out=None if into is None else into.features)
        features.sigmoid_().mul_(2.0).sub_(1.0)  # tanh, to the rounding of one, at a quarter of its time
        return Kept(features, features)

    def pull(self, kept: Kept, weight: Tensor, by_output: Tensor) -> Tensor:
        return torch.addcmul(kept.features.new_ones(()), kept.features, kept.features, value=-1.0).mul_(
            weight @ by_output
        )


class BasisStage(Stage):
    """A KAN layer whose basis is written term by term."""

    def __init__(self, layer: KANLayer, basis: TermwiseBasis) -> None:
        self._basis, self._n_in = basis, layer.n_in
        self._is_squashed = layer.squash is Squash.tanh

    def keep(self, inputs: Tensor, into: Kept | None) -> Kept:
        if into is None:
            members, n_in, n = inputs.shape
            into = Kept(torch.empty_like(inputs), inputs.new_empty(members, n_in * self._basis.n_terms, n))
        z = torch.tanh(inputs, out=into.inputs) if self._is_squashed else self._basis.to_unit(inputs)
        self._basis.write_terms(z, self._of_inputs(into.features))
        return Kept(z, into.features)

    def pull(self, kept: Kept, weight: Tensor, by_output: Tensor) -> Tensor:
        z, terms = kept.inputs, self._of_inputs(kept.features)
        if by_output.shape[1] <= self._basis.n_terms:
            slopes = self._basis.combine(z, terms, self._of_inputs(weight).mT)  # (members, n_in, n_out, n)
            by_z = slopes.mul_(by_output.unsqueeze(1)).sum(dim=2)
        else:
            by_z = self._basis.pull(z, terms, self._of_inputs(weight @ by_output))
        if self._is_squashed:
            return torch.addcmul(by_z, by_z * z, z, value=-1.0)
        return by_z if (self._basis.low, self._basis.high) == (-1.0, 1.0) else by_z * (2.0 / self._width)

    @property
    def _width(self) -> float:
        return self._basis.high - self._basis.low

    def _of_inputs(self, features: Tensor) -> Tensor:
        return features.unflatten(1, (self._n_in, self._basis.n_terms))


class AnyStage(Stage):
    """Any other layer; automatic differentiation goes back through it, by a second forward pass."""

    def __init__(self, before: Sequence[tuple[nn.Module, Named]], layer: FeatureLinear, buffers: Named) -> None:
        self._before, self._layer, self._buffers = before, layer, buffers

    def keep(self, inputs: Tensor, into: Kept | None) -> Kept:
        return Kept(inputs, self._features(inputs).contiguous())

    @torch.enable_grad()
    def pull(self, kept: Kept, weight: Tensor, by_output: Tensor) -> Tensor:
        inputs = kept.inputs.detach().requires_grad_()
        return torch.autograd.grad(self._features(inputs), inputs, weight @ by_output)[0]

    def _features(self, inputs: Tensor) -> Tensor:
        x = inputs.mT
        for module, buffers in self._before:
            x = apply(module, {}, buffers, x)
        return features_of(self._layer, {}, self._buffers, x).mT


def stages_of(ensemble: Ensemble, first: Tensor) -> list[Stage] | None:
    """Return the stages of a network; None if a layer is not linear in its parameters, or has parameters within.

    `first` (members, n, n_features) are the features of the first layer.
    """
    stages: list[Stage] = []
    before: list[tuple[nn.Module, Named]] = []
    for layer, named, buffers in ensemble.layers(ensemble.start.to(first.device)):
        if has_fixed_features(layer):
            if not stages and before:
                return None
            stages.append(_stage(before, layer, buffers) if stages else FirstStage(first))
            before = []
        elif named:
            return None
        else:
            before.append((layer, buffers))
    return None if before else stages


def _stage(before: Sequence[tuple[nn.Module, Named]], layer: FeatureLinear, buffers: Named) -> Stage:
    """Return the fastest stage for a layer. A subclass may do something else, so exact types are compared."""
    follows = [module for module, _ in before]
    if type(layer) is Affine and len(follows) == 1 and type(follows[0]) is FixedActivation:
        if follows[0].activation is Activation.tanh:
            return TanhStage()
    if type(layer) is KANLayer and not follows and not buffers and layer.base_branch is BaseBranch.none:
        basis = layer.basis
        if isinstance(basis, TermwiseBasis) and type(basis).expand is TermwiseBasis.expand:
            return BasisStage(layer, basis)
    return AnyStage(before, layer, buffers)
