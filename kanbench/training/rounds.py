"""Rounds: parts of a training that begin on rows and weights of their own."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from kanbench.errors import require
from kanbench.training.ensemble import Ensemble

Batch = tuple[Tensor, Tensor]  # x (members, n, n_in), y (members, n): every member's whole split


@dataclass(frozen=True)
class Rounds:
    """Equal parts of every run of a training, of which each has a batch of its own.

    Args:
        number: how many there are.
        renew: the batch of a round, from its number (0 for the first one), the ensemble, theta (members, params) at the
            start of the round, and the batch that the training was given.

    Raises:
        ValueError: for a number under 1.
    """

    number: int
    renew: Callable[[int, Ensemble, Tensor, Batch], Batch]

    def __post_init__(self) -> None:
        require(self.number >= 1, "number", "must be at least 1", self.number)
