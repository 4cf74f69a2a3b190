"""The layers of a network as stages through which jets go forward, and their derivatives back, in closed form."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kanbench.models.activations import DERIVATIVES, silu_derivatives, tanh_derivatives
from kanbench.models.layer import KANLayer
from kanbench.models.linear import Affine, FeatureLinear, FourierAffine
from kanbench.models.mlp import Activation, FixedActivation
from kanbench.models.switches import BaseBranch, Squash
from kanbench.training.architecture import Named
from kanbench.training.batched_layer import has_fixed_features
from kanbench.training.ensemble import Ensemble
from kanbench.training.jets import Directions, drop, lift

Curves = Callable[[Tensor, int], list[Tensor]]  # (.., n), order -> derivatives 0 to order at least, (.., n) each
OF_MODULES: dict[type[nn.Module], Activation] = {nn.Tanh: Activation.tanh, nn.SiLU: Activation.silu}


@dataclass
class KeptJets:
    """The tensors that a stage keeps from its forward pass: (members, .., rows, n) or (members, .., n)."""

    before: list[tuple[list[Tensor], Tensor]]  # each function before the basis: its derivatives, the jet it was given
    jet: Tensor  # (members, n_in, rows, n), what the basis is given
    terms: list[Tensor]  # (members, n_in, n_terms, n) derivatives of the basis; empty if features are the inputs
    features: Tensor | None = None  # (members, n_features, rows, n)
    edges: list[Tensor] | None = None  # (members, n_in, n_out, n) derivatives of the edges

    def __getitem__(self, members: Tensor) -> "KeptJets":
        """Return what was kept of some members, where no weights have been met."""
        before = [([each[members] for each in curves], jet[members]) for curves, jet in self.before]
        features = None if self.features is None else self.features[members]
        return KeptJets(before, self.jet[members], [each[members] for each in self.terms], features)


class JetStage:
    """A layer that is linear in its parameters, with elementwise functions before its basis.

    Where the basis has more functions than the layer has outputs, those are summed to edges first.
    """

    def __init__(self, layer: FeatureLinear, before: Sequence[Curves], terms: Curves | None, along: Directions) -> None:
        self.before, self.terms, self.along = before, terms, along
        self.layer = layer

    def keep(self, jet: Tensor, order: int) -> KeptJets:
        """Evaluate what depends on no weights, with derivatives of functions up to `order`."""
        before = []
        for function in self.before:
            curves = function(jet[..., 0, :], order)
            before.append((curves, jet))
            jet = lift(curves, jet, self.along)
        return KeptJets(before, jet, [] if self.terms is None else self.terms(jet[..., 0, :], order))

    def keep_features(self, jet: Tensor, buffers: Named) -> KeptJets:
        """Keep a first layer with its features, which no training changes."""
        kept = self.keep(jet, self.along.order)
        if isinstance(self.layer, FourierAffine):
            frequencies = buffers["frequencies"].mT
            angles = (frequencies @ kept.jet.flatten(2)).unflatten(2, kept.jet.shape[2:])
            sine, cosine = angles[..., 0, :].sin(), angles[..., 0, :].cos()
            waves = [lift(curves, angles, self.along) for curves in ([sine, cosine, -sine], [cosine, -sine, -cosine])]
            return KeptJets([], torch.cat(waves, dim=1), [])
        if kept.terms:
            kept.features = self._features(kept)
        return kept

    def forward(self, kept: KeptJets, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return the jets of the outputs: weight (members, n_features, n_out) -> (members, n_out, rows, n)."""
        if kept.terms and kept.features is None and self._by_edges(kept, weight):
            of_inputs = weight.unflatten(1, kept.terms[0].shape[1:3]).mT  # (members, n_in, n_out, n_terms)
            kept.edges = [of_inputs @ each for each in kept.terms]
            outputs = lift(kept.edges, kept.jet.unsqueeze(2), self.along).sum(dim=1)
        else:
            features = self._features(kept) if kept.features is None else kept.features
            outputs = (weight.mT @ features.flatten(2)).unflatten(2, features.shape[2:])
        if bias is not None:
            outputs[..., 0, :] += bias.unsqueeze(-1)
        return outputs

    def pull(self, kept: KeptJets, weight: Tensor, by_output: Tensor) -> Tensor:
        """Return the derivative of a number of each point by the jet of the inputs, from that by the outputs'."""
        if kept.edges is not None:
            by_jet = _drop(kept.edges, by_output.unsqueeze(1), kept.jet, self.along)
        else:
            by_features = (weight @ by_output.flatten(2)).unflatten(2, by_output.shape[2:])
            if kept.terms:
                by_features = by_features.unflatten(1, kept.terms[0].shape[1:3])
                by_jet = _drop(kept.terms, by_features, kept.jet, self.along)
            else:
                by_jet = by_features
        for curves, jet in reversed(kept.before):
            by_jet = _drop([each.unsqueeze(2) for each in curves], by_jet.unsqueeze(2), jet, self.along)
        return by_jet

    def write(self, kept: KeptJets, by_output: Tensor, out: Tensor) -> None:
        """Write the derivative of a number of each point by the weight: (members, n_features, n_out, n)."""
        if not kept.terms:
            for row in range(self.along.n_rows):
                features, adjoint = kept.jet[:, :, row].unsqueeze(2), by_output[:, :, row].unsqueeze(1)
                torch.mul(features, adjoint, out=out) if row == 0 else out.addcmul_(features, adjoint)
            return
        block = out.unflatten(1, kept.terms[0].shape[1:3])
        for m, (terms, by_terms) in enumerate(zip(kept.terms, self._by_terms(kept, by_output), strict=False)):
            factors = terms.unsqueeze(3), by_terms.unsqueeze(2)
            torch.mul(*factors, out=block) if m == 0 else block.addcmul_(*factors)

    def slope(self, kept: KeptJets, by_output: Tensor) -> Tensor:
        """Return the derivative of the sum over all points by the weight: (members, n_features, n_out)."""
        if not kept.terms:
            return kept.jet.flatten(2) @ by_output.flatten(2).mT
        pairs = zip(kept.terms, self._by_terms(kept, by_output), strict=False)
        return sum((terms @ by_terms.mT for terms, by_terms in pairs), start=by_output.new_zeros(())).flatten(1, 2)

    def _by_terms(self, kept: KeptJets, by_output: Tensor) -> list[Tensor]:
        """Return what multiplies the m-th derivative of a term in the derivative by its weight: (members, n_in, n_out,
        n) each, or 1 instead of n_in.
        """
        found, rows = [by_output[:, :, 0].unsqueeze(1)], range(1, self.along.n_rows)
        jets, adjoints = kept.jet.unsqueeze(2), by_output.unsqueeze(1)
        if self.along.n_first:
            found.append(_sum_of_products(jets, adjoints, [(row, row) for row in rows]))
        if self.along.n_second:
            pairs = [(1 + s, 1 + self.along.n_first + s) for s in range(self.along.n_second)]
            found.append(_sum_of_products(jets.square(), adjoints, pairs))
        return found

    def _features(self, kept: KeptJets) -> Tensor:
        if not kept.terms:
            return kept.jet
        return lift(kept.terms, kept.jet.unsqueeze(2), self.along).flatten(1, 2)

    def _by_edges(self, kept: KeptJets, weight: Tensor) -> bool:
        return weight.shape[2] <= kept.terms[0].shape[2]


def _drop(functions: Sequence[Tensor], by_lifted: Tensor, jet: Tensor, along: Directions) -> Tensor:
    """`drop` for several functions of every input: (members, n_in, k, n), (members, n_in or 1, k, rows, n)."""

    def contract(m: int, rows: Tensor) -> Tensor:
        products = functions[m].unsqueeze(-2) * rows
        return products.squeeze(2) if products.shape[2] == 1 else products.sum(dim=2)

    return drop(contract, by_lifted, jet, along)


def _sum_of_products(a: Tensor, b: Tensor, rows: Sequence[tuple[int, int]]) -> Tensor:
    total = a[..., rows[0][0], :] * b[..., rows[0][1], :]
    for i, j in rows[1:]:
        total.addcmul_(a[..., i, :], b[..., j, :])
    return total


def jet_stages_of(ensemble: Ensemble, along: Directions) -> list[JetStage] | None:
    """Return the stages of a network; None if one of its layers has no closed form."""
    stages: list[JetStage] = []
    before: list[Curves] = []
    for layer, _, buffers in ensemble.layers(ensemble.start):
        if (activation := _activation(layer)) is not None:
            before.append(activation)
        elif has_fixed_features(layer) and _is_closed(layer, buffers, is_first=not stages and not before):
            stages.append(_stage(layer, before, along))
            before = []
        else:
            return None
    return None if before else stages


def _is_closed(layer: FeatureLinear, buffers: Named, *, is_first: bool) -> bool:
    """Return whether a layer is what its class says; a subclass may do something else, so exact types are compared."""
    if type(layer) is FourierAffine:
        return is_first
    return type(layer) in (Affine, KANLayer) and not buffers


def _stage(layer: FeatureLinear, before: Sequence[Curves], along: Directions) -> JetStage:
    if not isinstance(layer, KANLayer):
        return JetStage(layer, [*before], None, along)
    squash = [_elementwise(tanh_derivatives)] if layer.squash is Squash.tanh else [*_to_unit(layer)]
    return JetStage(layer, [*before, *squash], _terms_of(layer), along)


def _to_unit(layer: KANLayer) -> Sequence[Curves]:
    basis = layer.basis
    if (basis.low, basis.high) == (-1.0, 1.0):
        return []
    slope = 2.0 / (basis.high - basis.low)

    def curves(x: Tensor, order: int) -> list[Tensor]:
        zero = torch.zeros_like(x)
        return [basis.to_unit(x), torch.full_like(x, slope), zero, zero]

    return [curves]


def _terms_of(layer: KANLayer) -> Curves:
    """Return the basis of a layer with its base branch, in unit coordinates."""
    basis, half = layer.basis, (layer.basis.high - layer.basis.low) / 2

    def branch(z: Tensor) -> list[Tensor]:
        x = basis.from_unit(z)
        if layer.base_branch is BaseBranch.silu:
            return [each * half**m for m, each in enumerate(silu_derivatives(x))]
        zero = torch.zeros_like(x)
        return [x, torch.full_like(x, half), zero, zero]

    def curves(z: Tensor, order: int) -> list[Tensor]:
        terms = basis.derivatives(z, order)
        if layer.base_branch is BaseBranch.none:
            return terms
        return [torch.cat([*pair], dim=-2) for pair in zip(terms, (b.unsqueeze(-2) for b in branch(z)), strict=False)]

    return curves


def _activation(module: nn.Module) -> Curves | None:
    """Return the derivatives of an activation that has a closed form."""
    activation = module.activation if type(module) is FixedActivation else OF_MODULES.get(type(module))
    return _elementwise(DERIVATIVES[activation]) if activation in DERIVATIVES else None


def _elementwise(derivatives: Callable[[Tensor], list[Tensor]]) -> Curves:
    return lambda x, order: derivatives(x)
