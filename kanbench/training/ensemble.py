"""An ensemble: many models of one shape as one batched function of flat parameters."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vjp, vmap

from kanbench.models.linear import FeatureLinear


class Ensemble:
    """Members of one architecture, evaluated together.

    The parameters of all members are one matrix theta (members, params); every method takes it as an argument, so an
    optimiser is a function from theta to theta. Each member sees data of its own.

    Models map (n, n_in) to (n, 1) and hold no buffers.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        stacked, _ = stack_module_state(list(models))
        skeleton = deepcopy(models[0]).to("meta")
        layers = list(skeleton) if isinstance(skeleton, nn.Sequential) else [skeleton]
        self._layers = [(layer, {name: p.shape for name, p in layer.named_parameters()}) for layer in layers]
        self._sizes = [tensor[0].numel() for tensor in stacked.values()]
        self.start = torch.cat([tensor.detach().flatten(1) for tensor in stacked.values()], dim=1)

    def __len__(self) -> int:
        return self.start.shape[0]

    @property
    def n_params(self) -> int:
        return self.start.shape[1]

    def predict(self, theta: Tensor, x: Tensor) -> Tensor:
        """(members, params), (members, n, n_in) -> (members, n)."""
        return vmap(self._predict_one)(theta, x)

    def losses(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Mean squared error of each member: ..., y (members, n) -> (members,)."""
        return (self.predict(theta, x) - y).square().mean(dim=1)

    def gradients(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Gradient of each member's loss by its own parameters: -> (members, params)."""
        # Members share nothing, so the gradient of the sum holds each member's gradient in its row.
        return grad(lambda every: self.losses(every, x, y).sum())(theta)

    def jacobians(self, theta: Tensor, x: Tensor) -> Tensor:
        """Derivatives of predictions by parameters: (members, params), (members, n, n_in) -> (members, n, params)."""
        return vmap(self._jacobian_one)(theta, x)

    def _predict_one(self, parameters: Tensor, x: Tensor) -> Tensor:
        for layer, named in self._split(parameters):
            x = functional_call(layer, named, (x,))
        return x.squeeze(-1)

    def _jacobian_one(self, parameters: Tensor, x: Tensor) -> Tensor:
        """Layer by layer: one pass forward, one backward for the derivative of the output by each layer's output."""
        layers = self._split(parameters)
        traces = [trace_layer(*layers[0], x, needs_pull=False)]
        for layer, named in layers[1:]:
            traces.append(trace_layer(layer, named, traces[-1].output, needs_pull=True))
        by_output = torch.ones_like(traces[-1].output)
        blocks = []
        for trace in reversed(traces):
            blocks += trace.by_parameters(by_output)
            if trace.pull is not None:
                by_output = trace.pull(by_output)
        return torch.cat(blocks[::-1], dim=1)

    def _split(self, parameters: Tensor) -> list[tuple[nn.Module, dict[str, Tensor]]]:
        """The layers of one member with their parameters by name."""
        pieces = iter(torch.split(parameters, self._sizes))
        return [
            (layer, {name: next(pieces).view(shape) for name, shape in shapes.items()})
            for layer, shapes in self._layers
        ]


@dataclass
class LayerTrace:
    """A layer at one input: its output (n, n_out), and the two halves of its backward pass.

    by_parameters: derivative of a scalar per point by the output (n, n_out) -> blocks (n, size), the last parameter
    first.   pull: the same -> derivative by the input (n, n_in).
    """

    output: Tensor
    by_parameters: Callable[[Tensor], list[Tensor]]
    pull: Callable[[Tensor], Tensor] | None


def trace_layer(layer: nn.Module, named: dict[str, Tensor], x: Tensor, *, needs_pull: bool) -> LayerTrace:
    """Where a layer is linear in its parameters its features are the derivative; else autograd goes point by point."""
    if isinstance(layer, FeatureLinear) and layer.is_linear:
        return _trace_linear(layer, named, x, needs_pull)

    def points(delta: Tensor) -> list[Tensor]:
        def one(point: Tensor, by_output: Tensor) -> dict[str, Tensor]:
            back = vjp(lambda p: functional_call(layer, p, (point.unsqueeze(0),)).squeeze(0), named)[1]
            return back(by_output)[0]

        return [block.flatten(1) for block in vmap(one)(x, delta).values()][::-1] if named else []

    if not needs_pull:
        return LayerTrace(functional_call(layer, named, (x,)), points, None)
    output, back = vjp(lambda z: functional_call(layer, named, (z,)), x)[:2]
    return LayerTrace(output, points, lambda delta: back(delta)[0])


def _trace_linear(layer: FeatureLinear, named: dict[str, Tensor], x: Tensor, needs_pull: bool) -> LayerTrace:
    features, back = vjp(layer.features, x)[:2] if needs_pull else (layer.features(x), None)
    weight, *bias = named.values()

    def outer(delta: Tensor) -> list[Tensor]:
        by_weight = (features.unsqueeze(2) * delta.unsqueeze(1)).flatten(1)
        return [delta, by_weight] if bias else [by_weight]

    pull = None if back is None else lambda delta: back(delta @ weight.flatten(0, -2).mT)[0]
    return LayerTrace(layer.apply_to(features, named), outer, pull)
