"""The best that a training reaches: over its learning rates, and before it leaves the finite numbers."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from kanbench.models.edges import EdgeLayer
from kanbench.training.ensemble import Ensemble
from kanbench.training.optimizers.base import Optimizer, State
from kanbench.training.steps import states


@dataclass(frozen=True)
class Training:
    """Models on data of their own, x (models, n, n_in) and y (models, n, ..), each trained with every learning rate.

    The members of the ensemble are the models, each repeated for the rates of the optimizer.
    """

    ensemble: Ensemble
    x: Tensor
    y: Tensor
    optimizer: Optimizer
    seed: int

    def end(self) -> Tensor:
        """Parameters after the last step, those of the best rate of each model: (models, params)."""
        *_, state = self._states([self.optimizer.steps])
        if self._rates == 1:
            return state.theta
        return state.theta[self._best_rates(self._losses(state.theta))]

    def best_on_the_way(self) -> tuple[Tensor, Tensor, Tensor]:
        """The finite parameters of the smallest loss, this loss, and its step: (models, params), (models,), (models,).

        The loss is infinite where none is finite.
        """
        best = self.ensemble.start.clone()
        least = torch.full_like(best[:, 0], torch.inf)
        at = torch.zeros_like(least, dtype=torch.long)
        for step, state in enumerate(self._states([1] * self.optimizer.steps)):
            losses = self._losses(state.theta)
            better = (losses < least) & state.theta.isfinite().all(dim=1)  # False for NaN
            best[better], least[better], at[better] = state.theta[better], losses[better], step
            if not losses.isfinite().any():
                break
        which = self._best_rates(least)
        return best[which], least[which], at[which]

    @torch.no_grad()
    def errors(self, theta: Tensor) -> Tensor:
        """The losses at (models, params), without a penalty: (models,)."""
        members = torch.arange(0, len(self.ensemble), self._rates, device=theta.device)
        return Ensemble.losses(self.ensemble.only(members), theta, self.x, self.y)

    @property
    def _rates(self) -> int:
        return len(self.optimizer.trials)

    def _states(self, parts: Sequence[int]) -> Iterator[State]:
        """Train in parts of so many steps."""
        rates = [rate or 0.0 for _ in self.x for rate in self.optimizer.trials]
        orders = [torch.Generator().manual_seed(self.seed) for _ in rates]
        of_rates = self.x.new_tensor(rates)
        return states(self.optimizer, self.ensemble, *self._data(), rates=of_rates, orders=orders, parts=parts)

    def _data(self) -> tuple[Tensor, Tensor]:
        """Return the inputs and targets of each member."""
        if self._rates == 1:
            return self.x, self.y
        return self.x.repeat_interleave(self._rates, dim=0), self.y.repeat_interleave(self._rates, dim=0)

    @torch.no_grad()
    def _losses(self, theta: Tensor) -> Tensor:
        return self.ensemble.losses(theta, *self._data())

    def _best_rates(self, losses: Tensor) -> Tensor:
        """The member with the smallest loss of each model: (members,) -> (models,)."""
        of_models = losses.nan_to_num(nan=torch.inf).view(-1, self._rates)
        return of_models.argmin(dim=1) + torch.arange(0, len(losses), self._rates, device=losses.device)


def finite_instead(training: Training, models: Sequence[nn.Module], failed: Tensor) -> Tensor:
    """The best finite parameters of the models in `failed`, (models,) bool, with a warning.

    Raises `ValueError` that says where a model is not finite from the start.
    """
    best, losses, steps = training.best_on_the_way()
    for model, x, loss in zip(models, training.x, losses, strict=True):
        if not loss.isfinite():
            raise ValueError(f"model must have a finite error where its training starts; {_fault(model, x)}")
    which = steps[failed].tolist()
    warnings.warn(
        f"training left the finite numbers; the best finite parameters are kept, those of step "
        f"{' and '.join(map(str, which))} of {training.optimizer.steps}: a smaller learning rate may help",
        stacklevel=4,
    )
    return best[failed]


@torch.no_grad()
def _fault(model: nn.Module, x: Tensor) -> str:
    """Say where a model is not finite first."""
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            return f"its parameter {name} holds NaN or infinity"
    for index, layer in enumerate(model if isinstance(model, nn.Sequential) else [model]):
        edges = cast(EdgeLayer, layer).edge_outputs(x) if hasattr(layer, "edge_outputs") else x.new_zeros(1, 1, 1)
        if (strange := ~edges.isfinite().all(dim=0)).any():
            i, j = strange.nonzero()[0].tolist()
            return f"the edge ({i}, {j}) of layer {index} is not: {layer}"
        x = layer(x)
        if not x.isfinite().all():
            return f"the output of layer {index}, {type(layer).__name__}, is not"
    return "its outputs are finite, but their loss is not"
