"""Rounds of a training on an equation: at the start of each its rows and the weights in its loss may be renewed."""

from dataclasses import dataclass
from enum import StrEnum, auto

from kanbench.errors import require, require_finite, take_choices


class Rows(StrEnum):
    """The rows of rounds after the first one: the same, new ones, or new ones where the residual is large."""

    fixed = auto()
    resampled = auto()
    adaptive = auto()


class Balance(StrEnum):
    """The source of the weights of conditions: the given numbers, or the lengths of gradients in their place."""

    equal = auto()
    gradients = auto()


@dataclass(frozen=True)
class Renewal:
    """The things that are renewed at the start of each round of a training.

    rounds: the number of equal parts of the steps.
    rows: the rows of training.
    balance: the weights of conditions. Those from gradients are renewed in the first round too, and replace the given
    ones: products with these would grow from round to round, because the gradients of a trained network balance.
    causal: how strictly interior rows wait for those at earlier times; 0 weighs all alike. See
    `kanbench.training.row_weights`.

    Raises `ValueError` for numbers out of range, and for rows that no round renews.
    """

    rounds: int = 1
    rows: Rows = Rows.fixed
    balance: Balance = Balance.equal
    causal: float = 0.0

    def __post_init__(self) -> None:
        require_finite(self)
        take_choices(self)
        require(self.rounds >= 1, "rounds:", "must be at least 1", self.rounds)
        require(self.causal >= 0.0, "causal:", "must not be negative", self.causal)
        renewed = f"must be {Rows.fixed} with rounds=1, which renews no rows"
        require(self.rounds > 1 or self.rows is Rows.fixed, "rows:", renewed, self.rows.value)


NOTHING = Renewal()
