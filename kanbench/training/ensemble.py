"""An ensemble: many models of one shape as one batched function of flat parameters."""

from collections.abc import Iterator, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import grad, grad_and_value, stack_module_state

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
from kanbench.training.batched_layer import LayerTrace, apply, apply_linear, features_of, has_fixed_features, is_linear
from kanbench.training.losses import Loss, loss_of


@dataclass(frozen=True)
class Embedded:
    """Inputs (members, n, n_in) with the first layer's features, computed once where these depend on no parameters.

    Otherwise the features are the inputs themselves. `inputs` keeps the originals.
    """

    features: Tensor
    inputs: Tensor | None = None

    def __getitem__(self, members: Tensor) -> "Embedded":
        return Embedded(self.features[members], None if self.inputs is None else self.inputs[members])

    def __len__(self) -> int:
        return len(self.features)


Inputs = Tensor | Embedded  # (members, n, n_in), or `Ensemble.embed` of them


class Layer(NamedTuple):
    """A layer of an ensemble without the values of its tensors."""

    prefix: str  # of the names of its tensors in a member
    module: nn.Module
    shapes: dict[str, torch.Size]  # of the parameters that are trained
    units: dict[str, float]  # of those, where they are not 1


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
        self.skeleton = skeleton(models[0])  # a member without the values of its tensors
        self.units = _units(models[0], self.trained)
        self._layers: list[Layer] = []
        self._buffers: list[Named] = []  # of each layer
        for prefix, module in layers_of(deepcopy(self.skeleton)):
            tensors = dict(chain(module.named_parameters(), module.named_buffers()))
            shapes = {name: tensor.shape for name, tensor in tensors.items() if prefix + name in self.trained}
            if isinstance(module, FeatureLinear):
                module.is_linear &= keeps_its_word(module, list(shapes))
            units = {name: self.units[prefix + name] for name in shapes if prefix + name in self.units}
            self._layers.append(Layer(prefix, module, shapes, units))
            self._buffers.append({name: state[prefix + name] for name in tensors if name not in shapes})
        self._sizes = [state[name][0].numel() for name in self.trained]
        self.start = torch.cat([state[name].flatten(1) * self.units.get(name, 1.0) for name in self.trained], dim=1)

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
            models.append(with_values(self.skeleton, values))
        return models

    def state(self, theta: Tensor) -> Named:
        """Parameters at theta and buffers by the names that they have in a member: (members, ...)."""
        split = zip(self._layers, self.layers(theta, are_parameters=True), strict=True)
        return {layer.prefix + name: of for layer, (_, *both) in split for named in both for name, of in named.items()}

    def parameters(self, theta: Tensor) -> Tensor:
        """Parameters at theta as they are in the members, in the order of `trained`: (members, params)."""
        state = self.state(theta.detach())
        return torch.cat([state[name].flatten(1) for name in self.trained], dim=1)

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
        first = self._layers[0].module
        x = x.mT.contiguous().mT
        if not has_fixed_features(first):
            return Embedded(x, x)
        return Embedded(features_of(first, {}, self._buffers_on(x.device)[0], x), x)

    def _embedded(self, x: Inputs) -> Embedded:
        return self.embed(x) if isinstance(x, Tensor) else x

    def predict(self, theta: Tensor, x: Inputs) -> Tensor:
        """(members, params), (members, n, n_in) -> (members, n), or of several outputs (members, n, n_out)."""
        (first, named, buffers), *rest = self.layers(theta)
        value = self._embedded(x).features
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
        value = self._embedded(x).features
        traces: list[LayerTrace] = []
        for layer, of_members in zip(self._layers, self.layers(theta.detach()), strict=True):
            traces.append(LayerTrace(*of_members, value, layer.units, is_first=not traces))
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
        for (_, module, shapes, units), buffers in zip(self._layers, self._buffers_on(theta.device), strict=True):
            named = {name: next(pieces).unflatten(1, shape) for name, shape in shapes.items()}
            if are_parameters or not is_linear(module):
                named |= {name: named[name] / unit for name, unit in units.items()}
            yield module, named, buffers


def _units(model: nn.Module, trained: Sequence[str]) -> dict[str, float]:
    """The units of trained parameters by their full names, where they are not 1."""
    layers = ((prefix, layer) for prefix, layer in model.named_modules() if isinstance(layer, FeatureLinear))
    units = {".".join(filter(None, [prefix, name])): unit for prefix, of in layers for name, unit in of.units.items()}
    return {name: unit for name, unit in units.items() if name in trained and unit != 1.0}


def stacked(outputs: Tensor) -> Tensor:
    """Return several outputs below each other: (members, n, n_out) -> (members, n_out * n); one stays as it is."""
    return outputs if outputs.ndim == 2 else outputs.mT.flatten(1)
