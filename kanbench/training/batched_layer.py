"""One layer of all members at once: forward to its outputs, and backward to the rows of a Jacobian."""

from collections.abc import Mapping
from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.func import functional_call, vjp, vmap

from kanbench.models.linear import FeatureLinear
from kanbench.training.architecture import Named


def is_linear(layer: nn.Module) -> TypeGuard[FeatureLinear]:
    """Return whether a layer is linear in its parameters, inner ones aside: the features are the derivative by them."""
    return isinstance(layer, FeatureLinear) and layer.is_linear


def has_fixed_features(layer: nn.Module) -> TypeGuard[FeatureLinear]:
    """Return whether a layer is linear in all its parameters, so that its features depend on none."""
    return is_linear(layer) and not layer.has_inner


def apply(layer: nn.Module, named: Named, buffers: Named, x: Tensor) -> Tensor:
    """Apply a layer with every member's parameters to its own inputs: (members, n, n_in) -> (members, n, n_out)."""
    if is_linear(layer):
        return apply_linear(features_of(layer, named, buffers, x), named)
    return vmap(lambda state, each: functional_call(layer, state, (each,)))(named | buffers, x)


def features_of(layer: FeatureLinear, named: Named, buffers: Named, x: Tensor) -> Tensor:
    """Return the features of every member's inputs: (members, n, n_in) -> (members, n, n_features).

    Each member has its own inner parameters or buffers. Inner parameters are (members, n_in, n_inner), or those of
    every point: (members, n, n_in, n_inner).
    """
    if layer.has_inner:
        inner = named["inner"]
        return layer.features(x, inner.unsqueeze(1) if inner.dim() == 3 else inner)
    if not buffers:
        return layer.features(x)
    module, state = _Features(layer), {f"layer.{name}": buffer for name, buffer in buffers.items()}
    return vmap(lambda own, each: functional_call(module, own, (each,)))(state, x)


class _Features(nn.Module):
    """The features of a layer as a module's forward, where `functional_call` can set its buffers."""

    def __init__(self, layer: FeatureLinear) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer.features(x)


def apply_linear(features: Tensor, named: Named) -> Tensor:
    """Return features W + bias of every member: (members, n, n_features) -> (members, n, n_out)."""
    weight, *bias = (parameter for name, parameter in named.items() if name != "inner")
    transposed = weight.flatten(1, -2).mT
    if not bias:
        return (transposed @ features.mT).mT
    return torch.baddbmm(bias[0].unsqueeze(2), transposed, features.mT).mT


class LayerTrace:
    """A layer of all members at one input, with its part of the backward pass."""

    def __init__(
        self,
        layer: nn.Module,
        named: Named,
        buffers: Named,
        value: Tensor,
        units: Mapping[str, float],
        *,
        is_first: bool,
    ) -> None:
        """`value` is the input, or already the features where those of the first layer are fixed."""
        self.layer, self.named, self.buffers, self.units = layer, named, buffers, units
        self.n_params = sum(p[0].numel() for p in named.values())
        self.value = value if is_first else value.requires_grad_()
        self.leaves = [] if is_first else [self.value]  # what derivatives are taken by with autograd
        if not is_linear(layer):
            with torch.set_grad_enabled(not is_first):
                self.output = apply(layer, named, buffers, value)
            return
        if layer.has_inner:  # a copy for every point: the gradient by it is the derivative at that point
            inner = named["inner"].unsqueeze(1).expand(-1, value.shape[1], -1, -1).detach().requires_grad_()
            named = named | {"inner": inner}
            self.leaves.append(inner)
        with torch.set_grad_enabled(bool(self.leaves)):
            fixed = is_first and not layer.has_inner
            self.features = value if fixed else features_of(layer, named, buffers, value)
        self.output = apply_linear(self.features.detach(), named)

    def pull(self, by_output: Tensor, block: Tensor, *, again: bool = False) -> Tensor:
        """Return the derivative of a number of each point by the layer's input; for the first layer, `by_output`.

        Args:
            by_output: the derivative by the layer's output, (members, n, n_out).
            block: filled with the derivative by the parameters, (members, n, n_params).
            again: keep the graph for another pass.
        """
        if not is_linear(self.layer):
            self._write_by_autograd(by_output, block)
            if not self.leaves:
                return by_output
            return torch.autograd.grad(self.output, self.leaves, by_output, retain_graph=again)[0]
        rest = self._write_linear(by_output, block)
        if not self.leaves:
            return by_output
        weight = next(iter(self.named.values())).flatten(1, -2)
        gradients = torch.autograd.grad(self.features, self.leaves, (weight @ by_output.mT).mT, retain_graph=again)
        if self.layer.has_inner:
            rest.copy_(gradients[-1].flatten(2))
        return gradients[0]

    def _write_linear(self, by_output: Tensor, block: Tensor) -> Tensor:
        """Write the derivatives by the weights and the bias, and return the columns of the block after them."""
        n_out = by_output.shape[-1]
        n_weights = self.features.shape[-1] * n_out
        weights = block[..., :n_weights].unflatten(-1, (-1, n_out))
        torch.mul(self.features.detach().unsqueeze(-1), by_output.unsqueeze(-2), out=weights)
        n_inner = self.named["inner"][0].numel() if "inner" in self.named else 0
        if self.n_params > n_weights + n_inner:
            block[..., n_weights : n_weights + n_out] = by_output
        return block[..., self.n_params - n_inner :]

    def _write_by_autograd(self, by_output: Tensor, block: Tensor) -> None:
        """Write the derivatives by all parameters, which reverse mode takes at each point."""
        if not self.named:
            return
        state = self.named | self.buffers
        points = vmap(vmap(self._point, in_dims=(None, 0, 0)))(state, self.value.detach(), by_output)
        torch.cat([points[name].flatten(2) / self.units.get(name, 1.0) for name in self.named], dim=2, out=block)

    def _point(self, state: Named, point: Tensor, by_output: Tensor) -> Named:
        parameters = {name: state[name] for name in self.named}
        back = vjp(lambda p: functional_call(self.layer, state | p, (point.unsqueeze(0),)).squeeze(0), parameters)[1]
        return back(by_output)[0]
