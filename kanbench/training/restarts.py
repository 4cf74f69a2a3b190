"""Training of several starts of one network at once, of which the best by validation is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor, nn

from kanbench.errors import require
from kanbench.training.convergence import best_errors, has_converged
from kanbench.training.ensemble import Ensemble
from kanbench.training.losses import Loss
from kanbench.training.optimizers.base import Converging, Optimizer, State
from kanbench.training.steps import states

LOOKS = 100  # at the validation rows in a whole training, about

Rows = tuple[Tensor, Tensor]  # x (n, n_in), y (n,) or (n, n_outputs)


@dataclass(frozen=True)
class Restarted:
    """The best network of a training: its loss on the validation rows, and the steps after which it had it."""

    model: nn.Module
    loss: float
    steps: int


def train_restarts(
    models: Sequence[nn.Module],
    rows: Rows,
    optimizer: Optimizer,
    *,
    loss: Loss | str = Loss.mse,
    validation: Rows | None = None,
    patience: int = 10,
    seed: int = 0,
) -> Restarted:
    """Train several starts of one network on the same rows at once, and return the best that any of them was.

    About 100 times in a training, the loss of every start is looked at. The parameters of the smallest one are kept.
    A start that has converged is trained no further, see `training.convergence`; gradient descent makes one run.

    Args:
        models: the starts, which differ in the values of their parameters only. They stay as they are.
        rows: x (n, n_in) and y (n,) or, of several outputs, (n, n_outputs), in the precision of the models; classes
            are indices (n,).
        optimizer: makes the steps. With several learning rates every start is trained with each of them.
        loss: what is minimized.
        validation: rows that choose the start and its step; those of the training if None.
        patience: the training ends after so many looks in a row at which no start lowered the best loss.
        seed: orders the rows of mini-batches.

    Returns:
        The best network, its loss on the validation rows and its number of steps.

    Raises:
        ValueError: if no start ever has a finite loss, or if the optimizer cannot minimize the loss.
    """
    require(patience >= 1, "patience", "must be at least 1", patience)
    ensemble = Ensemble([model for model in models for _ in optimizer.trials], loss, example=rows[0][:1])
    members = len(ensemble)
    rates = rows[0].new_tensor([rate or 0.0 for _ in models for rate in optimizer.trials])
    orders = [torch.Generator().manual_seed(seed) for _ in range(members)]
    x, y = (_for_each(part, members) for part in rows)
    seen = (x, y) if validation is None else tuple(_for_each(part, members) for part in validation)
    looks = _Looks(optimizer, ensemble.loss)
    for state in states(optimizer, ensemble, x, y, rates=rates, orders=orders, parts=looks.parts):
        looks.add(_losses(ensemble, state.theta, *seen), state)
        if looks.stalled >= patience or bool(state.done.all()):
            break
    if looks.best_theta is None:
        raise ValueError("training never had a finite loss: a smaller learning rate may help")
    model = ensemble.only(torch.tensor([looks.best_member])).members(looks.best_theta.unsqueeze(0))[0]
    return Restarted(model, looks.least, looks.best_steps)


class _Looks:
    """The looks at a training: the best start so far, and the starts that have converged."""

    def __init__(self, optimizer: Optimizer, loss: Loss) -> None:
        self.optimizer, self.loss = optimizer, loss
        every = max(1, optimizer.steps // LOOKS)
        self.parts = [min(every, optimizer.steps - made) for made in range(0, optimizer.steps, every)]
        self.steps = [0, *accumulate(self.parts)]  # at each look
        self.curve: list[list[float]] = []  # (looks, members)
        self.best_theta: Tensor | None = None
        self.least, self.best_member, self.best_steps = torch.inf, 0, 0
        self.stalled = 0  # looks since the best one

    def add(self, losses: Tensor, state: State) -> None:
        """Keep a start that is the best so far, and end those that have converged; losses (members,)."""
        self.curve.append(losses.tolist())
        self._end_converged(state)
        lowest = int(losses.argmin())
        self.stalled += 1
        if losses[lowest] < self.least:
            self.best_theta, self.least, self.stalled = state.theta[lowest].clone(), losses[lowest].item(), 0
            self.best_member, self.best_steps = lowest, self.steps[len(self.curve) - 1]

    def _end_converged(self, state: State) -> None:
        if isinstance(self.optimizer, Converging):
            best, made = best_errors(self.curve, self.loss), self.steps[: len(self.curve)]
            window, least_gain = self.optimizer.window, self.optimizer.least_gain
            over = has_converged(best, made, window=window, least_gain=least_gain)
            state.done |= over.to(state.done.device)


def _for_each(part: Tensor, members: int) -> Tensor:
    return part.unsqueeze(0).expand(members, *part.shape)


@torch.no_grad()
def _losses(ensemble: Ensemble, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return the loss of each member, infinite where it is not finite: (members,)."""
    losses = ensemble.losses(theta, x, y)
    return torch.where(losses.isfinite() & theta.isfinite().all(dim=1), losses, torch.inf)
