"""Training of one model that is observed at every check."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import vector_to_parameters

from kanbench.models import KANLayer
from kanbench.training import Ensemble, Optimizer
from kanbench.training.steps import states


def kan_layers(model: nn.Sequential) -> list[KANLayer]:
    """Return the KAN layers of a model, with their type."""
    return [layer for layer in model if isinstance(layer, KANLayer)]


def watched(model: nn.Module, optimizer: Optimizer, x: Tensor, y: Tensor, seed: int = 0) -> Iterator[float]:
    """Train a model in place on x (n, n_in), y (n,); yield its mean squared error before the first step and at checks.

    The checks come after every `check_every` steps, with the model as it is then. `seed` orders the rows of
    mini-batches. An optimizer that tries several learning rates uses its first.
    """
    ensemble, inputs, targets = Ensemble([model]), x.unsqueeze(0), y.unsqueeze(0)
    rates = x.new_full((1,), optimizer.trials[0] or torch.nan)
    orders = [torch.Generator().manual_seed(seed)]
    for state in states(optimizer, ensemble, inputs, targets, rates=rates, orders=orders):
        vector_to_parameters(ensemble.parameters(state.theta)[0], model.parameters())
        yield ensemble.losses(state.theta, inputs, targets).item()
