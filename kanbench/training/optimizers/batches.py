"""Mini-batches, in every member's own order."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.training.ensemble import Inputs
from kanbench.training.optimizers.base import State


@dataclass
class BatchedState(State):
    """A state that knows what is left of the current epoch."""

    orders: Sequence[torch.Generator]  # one per member
    queue: Tensor  # (members, rows) rows of the current epoch that are still to come


def next_batch(state: BatchedState, x: Inputs, y: Tensor, size: int, shuffle: bool = True) -> tuple[Inputs, Tensor]:
    """The next `size` rows of x (members, n, n_in), y (members, n), without replacement epoch by epoch; 0: all rows,
    of which x may be embedded.

    Without `shuffle` they come in the order of the data. Rows that do not fill a batch are left out of their epoch.
    """
    n = y.shape[1]
    if size == 0 or size >= n:
        return x, y
    assert isinstance(x, Tensor)
    if state.queue.shape[1] < size:
        fresh = [torch.randperm(n, generator=order) if shuffle else torch.arange(n) for order in state.orders]
        state.queue = torch.stack(fresh).to(x.device)
    rows, state.queue = state.queue[:, :size], state.queue[:, size:]
    member = torch.arange(len(rows), device=x.device).unsqueeze(1)
    return x[member, rows], y[member, rows]
