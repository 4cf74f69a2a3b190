"""An ensemble: many models of one shape as one batched function of flat parameters."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap


class Ensemble:
    """Members of one architecture, evaluated together.

    The parameters of all members are one matrix theta (members, params); every method takes it as an argument, so an
    optimiser is a function from theta to theta. Each member sees data of its own.

    Models map (n, n_in) to (n, 1) and hold no buffers.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        stacked, _ = stack_module_state(list(models))
        self._shapes = {name: tensor.shape[1:] for name, tensor in stacked.items()}
        self._sizes = [shape.numel() for shape in self._shapes.values()]
        self._skeleton = deepcopy(models[0]).to("meta")
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

        def predict_point(parameters: Tensor, point: Tensor) -> Tensor:
            return self._predict_one(parameters, point.unsqueeze(0)).squeeze(0)

        return vmap(vmap(grad(predict_point), in_dims=(None, 0)))(theta, x)

    def _predict_one(self, parameters: Tensor, x: Tensor) -> Tensor:
        pieces = torch.split(parameters, self._sizes)
        named = {name: piece.view(shape) for (name, shape), piece in zip(self._shapes.items(), pieces, strict=True)}
        return functional_call(self._skeleton, named, (x,)).squeeze(-1)
