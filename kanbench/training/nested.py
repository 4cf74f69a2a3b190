"""Jets of any network by nested reverse mode, for layers that have no closed form."""

from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from kanbench.training.architecture import Named
from kanbench.training.ensemble import Ensemble
from kanbench.training.jets import Directions

POINTS = 256  # whose derivatives by the parameters are taken at once


class NestedJets:
    """Jets of the outputs of an ensemble and their derivatives by its parameters.

    Forward mode is no choice: nested, it takes second derivatives of functions with a backward pass of their own for
    zero.

    Args:
        ensemble: networks with one output.
        along: the directions of the jets.
        domain: the lowest and the highest value of each variable, which networks see scaled to [-1, 1].
    """

    def __init__(self, ensemble: Ensemble, along: Directions, domain: Sequence[tuple[float, float]]) -> None:
        self.ensemble, self.along, self.domain = ensemble, along, domain

    def jets(self, theta: Tensor, points: Tensor) -> Tensor:
        """Return the jets at points (members, n, variables): (members, rows, n)."""

        def outputs(x: Tensor) -> Tensor:
            embedded = Ensemble.embed(self.ensemble, self._scaled(x))
            return Ensemble.predict(self.ensemble, theta, embedded)

        return self.along.of_function(outputs, points)

    @torch.enable_grad()
    def slopes(self, theta: Tensor, points: Tensor, by_jets: Tensor) -> Tensor:
        """Return the derivative of the sum of jets times `by_jets` by theta."""
        theta = theta.detach().requires_grad_()
        return torch.autograd.grad((self.jets(theta, points) * by_jets).sum(), theta)[0]

    def jacobians(self, theta: Tensor, points: Tensor, by_jets: Tensor) -> Tensor:
        """Return the derivative at every point of the jet times `by_jets`: (members, params, n)."""
        state = {name: of.detach() for name, of in self.ensemble.state(theta).items()}
        trained = {name: state.pop(name) for name in self.ensemble.trained}
        of_points = vmap(grad(self._combined), in_dims=(None, None, 0, 1), chunk_size=POINTS)
        found = vmap(of_points)(trained, state, points, by_jets)
        units = self.ensemble.units
        return torch.cat([of.flatten(2) / units.get(name, 1.0) for name, of in found.items()], dim=2).mT

    def _combined(self, trained: Named, state: Named, point: Tensor, by_jet: Tensor) -> Tensor:
        """Return a jet at a point (variables,) times numbers (rows,)."""
        model: nn.Module = self.ensemble.skeleton

        def value(x: Tensor) -> Tensor:
            return functional_call(model, trained | state, (self._scaled(x).unsqueeze(0),)).reshape(())

        def slope(x: Tensor, vector: Tensor) -> Tensor:
            return grad(value)(x) @ vector

        vectors = [point.new_tensor(vector) for vector in self.along.vectors]
        second = vectors[: self.along.n_second]
        rows = chain(
            [value(point)],
            (slope(point, vector) for vector in vectors),
            (grad(slope)(point, vector) @ vector for vector in second),
        )
        return torch.stack([*rows]) @ by_jet

    def _scaled(self, x: Tensor) -> Tensor:
        low, high = x.new_tensor(self.domain).unbind(dim=1)
        return 2.0 * (x - low) / (high - low) - 1.0
