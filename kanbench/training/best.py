"""The best that a training reaches: over its learning rates, and before it leaves the finite numbers."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from kanbench.models.edges import EdgeLayer
from kanbench.training.ensemble import Ensemble
from kanbench.training.optimizers.base import Optimizer, State


@dataclass(frozen=True)
class Training:
    """Models on data of their own, x (models, n, n_in) and y (models, n), each trained with every learning rate.

    The members of the ensemble are the models, each repeated for the rates of the optimizer.
    """

    ensemble: Ensemble
    x: Tensor
    y: Tensor
    optimizer: Optimizer
    seed: int

    def end(self) -> Tensor:
        """Parameters after the last step, those of the best rate of each model: (models, params)."""
        state = self._start()
        self._advance(state, self.optimizer.steps)
        if self._rates == 1:
            return state.theta
        return state.theta[self._best_rates(self._losses(state.theta))]

    def best_on_the_way(self) -> tuple[Tensor, Tensor, Tensor]:
        """The finite parameters of the smallest loss, this loss, and its step: (models, params), (models,), (models,).

        The loss is infinite where none is finite.
        """
        state = self._start()
        best, least = state.theta.clone(), torch.full_like(state.theta[:, 0], torch.inf)
        at = torch.zeros_like(least, dtype=torch.long)
        for step in range(self.optimizer.steps + 1):
            if step:
                self._advance(state, 1)
            losses = self._losses(state.theta)
            better = (losses < least) & state.theta.isfinite().all(dim=1)  # False for NaN
            best[better], least[better], at[better] = state.theta[better], losses[better], step
            if not losses.isfinite().any():
                break
        which = self._best_rates(least)
        return best[which], least[which], at[which]

    @torch.no_grad()
    def errors(self, theta: Tensor) -> Tensor:
        """Mean squared errors at (models, params), without a penalty: (models,)."""
        members = torch.arange(0, len(self.ensemble), self._rates, device=theta.device)
        return Ensemble.losses(self.ensemble.only(members), theta, self.x, self.y)

    @property
    def _rates(self) -> int:
        return len(self.optimizer.trials)

    def _start(self) -> State:
        rates = [rate or 0.0 for _ in self.x for rate in self.optimizer.trials]
        orders = [torch.Generator().manual_seed(self.seed) for _ in rates]
        return self.optimizer.start(self.ensemble, self.ensemble.start, self.x.new_tensor(rates), orders)

    def _data(self) -> tuple[Tensor, Tensor]:
        """What each member sees."""
        if self._rates == 1:
            return self.x, self.y
        return self.x.repeat_interleave(self._rates, dim=0), self.y.repeat_interleave(self._rates, dim=0)

    def _advance(self, state: State, steps: int) -> None:
        self.optimizer.advance(self.ensemble, state, *self._data(), steps)

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
    """Where a model is not finite first."""
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
    return "its outputs are finite, but their squared errors are not"
