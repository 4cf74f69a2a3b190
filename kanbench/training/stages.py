"""The layers of a network as stages of a forward pass that is kept for the passes backward.

A stage is a layer that is linear in its parameters, with the activations before it. All members pass at once, and
their points stand along the last axis.
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
from kanbench.training.batched_layer import apply, features_of, has_fixed_features
from kanbench.training.ensemble import Ensemble


@dataclass
class Kept:
    """The inputs and features of a stage, kept from a forward pass for the way back."""

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

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """Take the parameters of the layer for their shapes: (members, .., n_out), (members, n_out)."""
        self.n_features, self.n_out = weight[0, ..., 0].numel(), weight.shape[-1]
        self.has_bias = bias is not None
        self.sizes = [self.n_features * self.n_out] + [self.n_out] * self.has_bias

    @abstractmethod
    def keep(self, inputs: Tensor, into: Kept | None) -> Kept:
        """Evaluate the features of inputs (members, n_in, n), which may be overwritten, as may be `into`."""

    @abstractmethod
    def pull(self, kept: Kept, weight: Tensor, by_output: Tensor) -> Tensor:
        """Return the derivative of a number of each point by the inputs: (members, n_in, n).

        Args:
            kept: what `keep` gave.
            weight: the matrices of the layer, (members, n_features, n_out).
            by_output: the derivative by the outputs of the layer, (members, n_out, n), or 1 where it is the same for
                all points.
        """


class FirstStage(Stage):
    """The first layer, whose features depend on no parameters, and nothing lies behind it."""

    def __init__(self, weight: Tensor, bias: Tensor | None, features: Tensor) -> None:
        """Take the features (members, n, n_features), as `Ensemble.embed` has them."""
        super().__init__(weight, bias)
        features = features.mT.contiguous()
        self._kept = Kept(features, features)

    def keep(self, inputs: Tensor, into: Kept | None) -> Kept:
        return self._kept

    def pull(self, kept: Kept, weight: Tensor, by_output: Tensor) -> Tensor:
        return by_output


class TanhStage(Stage):
    """An affine layer behind a tanh."""

    def keep(self, inputs: Tensor, into: Kept | None) -> Kept:
        features = tanh_(inputs)
        return Kept(features, features)

    def pull(self, kept: Kept, weight: Tensor, by_output: Tensor) -> Tensor:
        slopes = torch.addcmul(kept.features.new_ones(()), kept.features, kept.features, value=-1.0)
        return slopes.mul_(weight @ by_output)


class BasisStage(Stage):
    """A KAN layer whose basis is written term by term."""

    def __init__(self, weight: Tensor, bias: Tensor | None, layer: KANLayer, basis: TermwiseBasis) -> None:
        super().__init__(weight, bias)
        self._basis, self._n_in = basis, layer.n_in
        self._is_squashed = layer.squash is Squash.tanh

    def keep(self, inputs: Tensor, into: Kept | None) -> Kept:
        z = tanh_(inputs) if self._is_squashed else self._basis.to_unit(inputs)
        features = z.new_empty(len(z), self.n_features, z.shape[2]) if into is None else into.features
        self._basis.write_terms(z, self._of_inputs(features))
        return Kept(z, features)

    def pull(self, kept: Kept, weight: Tensor, by_output: Tensor) -> Tensor:
        z, terms = kept.inputs, self._of_inputs(kept.features)
        if by_output.shape[1] <= self._basis.n_terms:
            slopes = self._basis.combine(z, terms, self._of_inputs(weight).mT)  # (members, n_in, n_out, n)
            by_z = (slopes * by_output.unsqueeze(1)).sum(dim=2)
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

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        before: Sequence[tuple[nn.Module, Named]],
        layer: FeatureLinear,
        buffers: Named,
    ) -> None:
        super().__init__(weight, bias)
        self._before, self._layer, self._buffers = before, layer, buffers

    def keep(self, inputs: Tensor, into: Kept | None) -> Kept:
        return Kept(inputs, self._features(inputs).contiguous())

    @torch.enable_grad()
    def pull(self, kept: Kept, weight: Tensor, by_output: Tensor) -> Tensor:
        inputs = kept.inputs.detach().requires_grad_()
        features = self._features(inputs)
        return torch.autograd.grad(features, inputs, (weight @ by_output).expand_as(features))[0]

    def _features(self, inputs: Tensor) -> Tensor:
        x = inputs.mT
        for module, buffers in self._before:
            x = apply(module, {}, buffers, x)
        return features_of(self._layer, {}, self._buffers, x).mT


def tanh_(x: Tensor) -> Tensor:
    """Replace x by its tanh, 2 sigmoid(2 x) - 1: four times as fast, and as exact as sums of numbers near 1 are."""
    x.mul_(2.0).sigmoid_()
    return torch.add(x.new_full((), -1.0), x, alpha=2.0, out=x)


def stages_of(ensemble: Ensemble, first: Tensor) -> list[Stage] | None:
    """Return the stages of a network; None if a layer is not linear in its parameters, or has parameters within.

    `first` (members, n, n_features) are the features of the first layer.
    """
    stages: list[Stage] = []
    before: list[tuple[nn.Module, Named]] = []
    for layer, named, buffers in ensemble.layers(ensemble.start.to(first.device)):
        if has_fixed_features(layer):
            weight, bias = named.pop(next(iter(named))), next(iter(named.values()), None)
            if stages:
                stages.append(_stage(weight, bias, before, layer, buffers))
            elif not before:
                stages.append(FirstStage(weight, bias, first))
            else:
                return None
            before = []
        elif named:
            return None
        else:
            before.append((layer, buffers))
    return None if before else stages


def _stage(
    weight: Tensor,
    bias: Tensor | None,
    before: Sequence[tuple[nn.Module, Named]],
    layer: FeatureLinear,
    buffers: Named,
) -> Stage:
    """Return the fastest stage for a layer. A subclass may do something else, so exact types are compared."""
    follows = [module for module, _ in before]
    if type(layer) is Affine and [_activation(module) for module in follows] == [Activation.tanh]:
        return TanhStage(weight, bias)
    if type(layer) is KANLayer and not follows and not buffers and layer.base_branch is BaseBranch.none:
        basis = layer.basis
        if isinstance(basis, TermwiseBasis) and type(basis).expand is TermwiseBasis.expand:
            return BasisStage(weight, bias, layer, basis)
    return AnyStage(weight, bias, before, layer, buffers)


def _activation(module: nn.Module) -> Activation | None:
    return module.activation if type(module) is FixedActivation else None
