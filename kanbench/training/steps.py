"""The loop of a training: the state before the first step, and after each part of the steps."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from kanbench.training.ensemble import Ensemble
from kanbench.training.optimizers.base import Optimizer, State


def states(
    optimizer: Optimizer,
    ensemble: Ensemble,
    x: Tensor,
    y: Tensor,
    *,
    rates: Tensor,
    orders: Sequence[torch.Generator] = (),
    parts: Iterable[int] | None = None,
    theta: Tensor | None = None,
) -> Iterator[State]:
    """Train an ensemble and yield its state at the start and after each part; every time it is the same object.

    Args:
        optimizer: Makes the steps.
        ensemble: The models.
        x: Inputs (members, n, n_in).
        y: Targets (members, n) or (members, n, n_out).
        rates: Learning rates (members,), which optimizers without any ignore.
        orders: A generator for each member, which orders its rows in mini-batches.
        parts: Numbers of steps; those between the checks of the optimizer by default.
        theta: Parameters (members, params) to start from; those of the models by default.
    """
    state = optimizer.start(ensemble, ensemble.start if theta is None else theta, rates, orders)
    yield state
    for steps in optimizer.checks if parts is None else parts:
        optimizer.advance(ensemble, state, x, y, steps)
        yield state
