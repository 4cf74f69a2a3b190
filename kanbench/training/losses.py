"""Losses that training minimizes, for every member of an ensemble at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from kanbench.errors import require


@dataclass(frozen=True)
class Loss:
    """A loss of predictions, one number for each member.

    name: in configs of tasks and in records, as validation_<name>.
    of: predictions (members, n) or, of several outputs, (members, n, n_outputs), and targets y -> (members,).
    is_squares: whether it is the mean of squared residuals, which Levenberg-Marquardt linearizes.
    """

    name: str
    of: Callable[[Tensor, Tensor], Tensor]
    is_squares: bool = False

    mse: ClassVar["Loss"]
    cross_entropy: ClassVar["Loss"]


def _mean_square(predictions: Tensor, y: Tensor) -> Tensor:
    return (predictions - y).square().flatten(1).mean(dim=1)


def _cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats of logits (members, n, n_classes); y holds indices of classes."""
    return functional.cross_entropy(logits.movedim(-1, 1), y.long(), reduction="none").mean(dim=1)


Loss.mse = Loss("mse", _mean_square, is_squares=True)
Loss.cross_entropy = Loss("cross_entropy", _cross_entropy)
LOSSES: dict[str, Loss] = {loss.name: loss for loss in (Loss.mse, Loss.cross_entropy)}  # a kind of task may add its own


def loss_of(loss: Loss | str) -> Loss:
    """Return a loss that is given itself or by its name. Raises `ValueError` for a name that is unknown."""
    if isinstance(loss, Loss):
        return loss
    require(loss in LOSSES, "loss", f"must be {' or '.join(LOSSES)}", loss)
    return LOSSES[loss]
