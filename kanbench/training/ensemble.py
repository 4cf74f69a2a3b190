"""An ensemble: many models of one shape as one batched function of flat parameters."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, TypeGuard

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, grad_and_value, stack_module_state, vjp, vmap

from kanbench.errors import require
from kanbench.models import extend_all
from kanbench.models.linear import FeatureLinear
from kanbench.training.architecture import (
    Named,
    keeps_its_word,
    layers_of,
    require_one_architecture,
    skeleton,
    trained_names,
    with_values,
)
from kanbench.training.losses import Loss, loss_of


@dataclass(frozen=True)
class Embedded:
    """Inputs (members, n, n_in) as what the first layer makes of them whatever theta is: the features of a layer that
    is linear in all its parameters, the inputs themselves otherwise. Beside them, the inputs that they were made of."""

    features: Tensor
    inputs: Tensor | None = None

    def __getitem__(self, members: Tensor) -> "Embedded":
        return Embedded(self.features[members], None if self.inputs is None else self.inputs[members])

    def __len__(self) -> int:
        return len(self.features)


Inputs = Tensor | Embedded  # (members, n, n_in), or `Ensemble.embed` of them


class Ensemble:
    """Members of one architecture, evaluated together.

    What is trained in all members is one matrix theta (members, params); every method takes it as an argument, so an
    optimizer is a function from theta to theta. Each member sees data of its own. An entry of theta is a parameter
    times its unit, the change of its node per unit of the parameter: a mean and a sum over edges that are the same
    function have the same theta, and every optimizer takes the same steps with them.

    Models map (n, n_in) to (n, 1), to several outputs (n, n_out), or to logits (n, n_classes) where the loss is a
    cross-entropy. Their buffers, such as knots that have moved, are no parameters: each member keeps its own.
    Parameters that require no gradient are buffers too, and so, with an `example` (n, n_in) of the inputs, are those
    that never reach the output; without one these are counted, and their gradient is zero. A layer that is linear in
    its parameters, inner ones aside, is two batched matrix products for all members; any other layer is vmapped, and
    so are features that need buffers.

    Raises `ValueError` for models that differ in more than the values of their tensors, and where none is trained.
    """

    is_batched: ClassVar[bool] = True  # all members are computed at once, and not one after the other
    is_traceable: ClassVar[bool] = True  # a prediction is its layers in turn, each as the ensemble holds it

    def __init__(
        self, models: Sequence[nn.Module], loss: Loss | str = Loss.mse, *, example: Tensor | None = None
    ) -> None:
        self.loss = loss_of(loss)
        require_one_architecture(models)
        self.trained = trained_names(models[0], example)
        require(bool(self.trained), "model", "must have a parameter that is trained", type(models[0]).__name__)
        parameters, buffers = stack_module_state(list(models))
        state = {name: tensor.detach() for name, tensor in (parameters | buffers).items()}
        self._skeleton = skeleton(models[0])
        self._prefixes, layers = zip(*layers_of(deepcopy(self._skeleton)), strict=True)
        units = _units(models[0])
        self._layers: list[tuple[nn.Module, dict[str, torch.Size]]] = []
        self._units: list[dict[str, float]] = []  # of each layer's parameters, where they are not 1
        self._buffers: list[Named] = []
        for prefix, layer in zip(self._prefixes, layers, strict=True):
            tensors = dict(chain(layer.named_parameters(), layer.named_buffers()))
            shapes = {name: tensor.shape for name, tensor in tensors.items() if prefix + name in self.trained}
            if isinstance(layer, FeatureLinear):
                layer.is_linear &= keeps_its_word(layer, list(shapes))
            self._layers.append((layer, shapes))
            self._units.append({name: units[prefix + name] for name in shapes if prefix + name in units})
            self._buffers.append({name: state[prefix + name] for name in tensors if name not in shapes})
        self._sizes = [state[name][0].numel() for name in self.trained]
        self.start = torch.cat([state[name].flatten(1) * units.get(name, 1.0) for name in self.trained], dim=1)

    def __len__(self) -> int:
        return self.start.shape[0]

    @property
    def n_params(self) -> int:
        return self.start.shape[1]

    def members(self, theta: Tensor) -> list[nn.Module]:
        """Every member as a module of its own, with the parameters in its row of theta."""
        models = []
        for m, row in enumerate(theta.detach()):
            state = self.state(row.clone().unsqueeze(0))
            values = {name: of[0] if name in self.trained else of[m].clone() for name, of in state.items()}
            models.append(with_values(self._skeleton, values))
        return models

    def state(self, theta: Tensor) -> Named:
        """Parameters at theta and buffers by the names that they have in a member: (members, ...)."""
        split = zip(self._prefixes, self.layers(theta, are_parameters=True), strict=True)
        return {prefix + name: of for prefix, (_, *both) in split for named in both for name, of in named.items()}

    def parameters(self, theta: Tensor) -> Tensor:
        """Parameters at theta as they are in the members, in the order of `trained`: (members, params)."""
        state = self.state(theta.detach())
        return torch.cat([state[name].flatten(1) for name in self.trained], dim=1)

    @property
    def skeleton(self) -> nn.Module:
        """A member without the values of its tensors."""
        return self._skeleton

    @property
    def units(self) -> dict[str, float]:
        """The units of parameters by their full names, where they are not 1."""
        of_layers = zip(self._prefixes, self._units, strict=True)
        return {prefix + name: unit for prefix, units in of_layers for name, unit in units.items()}

    def extended(self, theta: Tensor, size: int) -> "Ensemble":
        """The members at theta with a basis of `size`, see `extend`: at its `start` they are the same functions.

        Knots depend on no theta and on no company: those of splines stay, and new ones join them evenly.
        """
        return Ensemble(extend_all(self.members(theta), size), self.loss)

    def only(self, which: Tensor) -> "Ensemble":
        """The members in `which`, for those rows of theta and of the data."""
        if len(which) == len(self) or not any(self._buffers):
            return self
        part = copy(self)
        part.start = self.start[which.to(self.start.device)]
        part._buffers = [{name: b[which] for name, b in named.items()} for named in self._buffers_on(which.device)]
        return part

    def embed(self, x: Tensor) -> Embedded:
        """Do once what needs no theta: a training that sees the same inputs at every step saves its first basis."""
        first = self._layers[0][0]
        x = x.mT.contiguous().mT
        if not has_fixed_features(first):
            return Embedded(x, x)
        return Embedded(features_of(first, {}, self._buffers_on(x.device)[0], x), x)

    def predict(self, theta: Tensor, x: Inputs) -> Tensor:
        """(members, params), (members, n, n_in) -> (members, n), or of several outputs (members, n, n_out)."""
        (first, named, buffers), *rest = self.layers(theta)
        value = self.embed(x).features if isinstance(x, Tensor) else x.features
        fixed = has_fixed_features(first)
        value = apply_linear(value, named) if fixed else apply(first, named, buffers, value)
        for layer, named, buffers in rest:
            value = apply(layer, named, buffers, value)
        return value.squeeze(-1)

    def losses(self, theta: Tensor, x: Inputs, y: Tensor) -> Tensor:
        """The loss of each member: ..., y (members, n) or (members, n, n_out) -> (members,)."""
        return self.loss.of(self.predict(theta, x), y)

    def gradients(self, theta: Tensor, x: Inputs, y: Tensor) -> Tensor:
        """Gradient of each member's loss by its own parameters: -> (members, params)."""
        # Members share nothing, so the gradient of the sum holds each member's gradient in its row.
        return grad(lambda every: self.losses(every, x, y).sum())(theta)

    def losses_and_gradients(self, theta: Tensor, x: Inputs, y: Tensor) -> tuple[Tensor, Tensor]:
        """Both at the price of the gradients: -> (members,), (members, params)."""

        def total(every: Tensor) -> tuple[Tensor, Tensor]:
            losses = self.losses(every, x, y)
            return losses.sum(), losses

        gradients, (_, losses) = grad_and_value(total, has_aux=True)(theta)
        return losses, gradients

    def jacobians(self, theta: Tensor, x: Inputs) -> Tensor:
        """Derivatives of predictions by parameters: (members, params), (members, n, n_in) -> (members, rows, params).

        There are n rows for each output, those of the first output first, as `stacked` puts them. Layer by layer: one
        pass forward, and for each output one backward, for its derivative by each layer's output.
        """
        value = self.embed(x).features if isinstance(x, Tensor) else x.features
        traces: list[LayerTrace] = []
        for layer, named, buffers in self.layers(theta.detach()):
            traces.append(LayerTrace(layer, named, buffers, value, self._units[len(traces)], is_first=not traces))
            value = traces[-1].output.detach()
        n, n_out = value.shape[1:]
        jacobians = theta.new_empty(len(value), self.n_params, n_out * n).mT
        for k in range(n_out):
            end, by_output = self.n_params, torch.zeros_like(value)
            by_output[..., k] = 1.0
            for trace in reversed(traces):
                start = end - trace.n_params
                block = jacobians[:, k * n : (k + 1) * n, start:end]
                by_output = trace.pull(by_output, block, again=k + 1 < n_out)
                end = start
        return jacobians

    def _buffers_on(self, device: torch.device) -> list[Named]:
        """Each layer's, moved to where theta and the data have gone."""
        self._buffers = [{name: buffer.to(device) for name, buffer in named.items()} for named in self._buffers]
        return self._buffers

    def layers(self, theta: Tensor, *, are_parameters: bool = False) -> Iterator[tuple[nn.Module, Named, Named]]:
        """The layers with what is trained and the buffers of all members by name, each (members, ...).

        What is trained are the parameters of a layer that is called. Of a layer that is two matrix products it is
        theta itself, the matrix of the second one, unless `are_parameters`.
        """
        pieces = iter(torch.split(theta, self._sizes, dim=1))
        of_layers = zip(self._layers, self._units, self._buffers_on(theta.device), strict=True)
        for (layer, shapes), units, buffers in of_layers:
            named = {name: next(pieces).unflatten(1, shape) for name, shape in shapes.items()}
            if are_parameters or not is_linear(layer):
                named |= {name: named[name] / unit for name, unit in units.items()}
            yield layer, named, buffers


def _units(model: nn.Module) -> dict[str, float]:
    """The units of parameters by their full names, where they are not 1."""
    layers = ((prefix, layer) for prefix, layer in model.named_modules() if isinstance(layer, FeatureLinear))
    return {
        ".".join(filter(None, [prefix, name])): unit
        for prefix, layer in layers
        for name, unit in layer.units.items()
        if unit != 1.0
    }


def stacked(outputs: Tensor) -> Tensor:
    """Return several outputs below each other: (members, n, n_out) -> (members, n_out * n); one stays as it is."""
    return outputs if outputs.ndim == 2 else outputs.mT.flatten(1)


def is_linear(layer: nn.Module) -> TypeGuard[FeatureLinear]:
    """Return whether a layer is linear in its parameters, inner ones aside: the features are the derivative by them."""
    return isinstance(layer, FeatureLinear) and layer.is_linear


def has_fixed_features(layer: nn.Module) -> TypeGuard[FeatureLinear]:
    """Return whether a layer is linear in all its parameters, so that its features depend on none."""
    return is_linear(layer) and not layer.has_inner


def apply(layer: nn.Module, named: Named, buffers: Named, x: Tensor) -> Tensor:
    """A layer with every member's parameters at its own inputs: (members, n, n_in) -> (members, n, n_out)."""
    if is_linear(layer):
        return apply_linear(features_of(layer, named, buffers, x), named)
    return vmap(lambda state, each: functional_call(layer, state, (each,)))(named | buffers, x)


def features_of(layer: FeatureLinear, named: Named, buffers: Named, x: Tensor) -> Tensor:
    """Return the features of every member's inputs: (members, n, n_in) -> (members, n, n_features).

    Each member has its own inner parameters or buffers.

    Inner parameters are (members, n_in, n_inner), or those of every point: (members, n, n_in, n_inner).
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
    """features W + bias for every member: (members, n, n_features) -> (members, n, n_out)."""
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
        """From the derivative of a scalar per point by the layer's output, (members, n, n_out), to that by its input,
        but for the first layer. That by the parameters goes into `block`, (members, n, n_params). The graph is kept
        where it is walked `again`."""
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
        """Weights: the features times the derivative by the output; and the bias. What is left of the block."""
        n_out = by_output.shape[-1]
        n_weights = self.features.shape[-1] * n_out
        weights = block[..., :n_weights].unflatten(-1, (-1, n_out))
        torch.mul(self.features.detach().unsqueeze(-1), by_output.unsqueeze(-2), out=weights)
        n_inner = self.named["inner"][0].numel() if "inner" in self.named else 0
        if self.n_params > n_weights + n_inner:
            block[..., n_weights : n_weights + n_out] = by_output
        return block[..., self.n_params - n_inner :]

    def _write_by_autograd(self, by_output: Tensor, block: Tensor) -> None:
        """Point by point."""
        if not self.named:
            return
        state = self.named | self.buffers
        points = vmap(vmap(self._point, in_dims=(None, 0, 0)))(state, self.value.detach(), by_output)
        torch.cat([points[name].flatten(2) / self.units.get(name, 1.0) for name in self.named], dim=2, out=block)

    def _point(self, state: Named, point: Tensor, by_output: Tensor) -> Named:
        parameters = {name: state[name] for name in self.named}
        back = vjp(lambda p: functional_call(self.layer, state | p, (point.unsqueeze(0),)).squeeze(0), parameters)[1]
        return back(by_output)[0]
