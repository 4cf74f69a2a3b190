"""Matching of sizes: find the width whose parameter count is nearest to a budget."""

from dataclasses import dataclass
from typing import Protocol

from kanbench.errors import counted

MARKED_MISS = 0.05  # relative; cells that miss their budget by more are marked in records and tables
LARGEST_EXCESS = 0.25  # relative; if the smallest model exceeds the budget by more, the cell is skipped


class BudgetTooSmall(ValueError):
    """The smallest model of the method is too large for the budget; the message gives its size."""


class Countable(Protocol):
    """A method whose parameters are counted without building a model."""

    @property
    def label(self) -> str:
        """The name of the method in messages."""

    def count(self, n_in: int, width: int, n_out: int = 1) -> int:
        """Return the number of trainable parameters of a model of this width."""


@dataclass(frozen=True)
class Sizing:
    """A width, its exact number of parameters, and the relative miss (params - budget) / budget."""

    width: int
    params: int
    miss: float

    @property
    def is_marked(self) -> bool:
        """True if the miss is so large that tables mark it."""
        return abs(self.miss) > MARKED_MISS


def solve_width(method: Countable, n_in: int, budget: int, n_out: int = 1) -> Sizing:
    """Return the width whose parameter count is nearest to the budget; of two equally near ones, the smaller.

    Raises `BudgetTooSmall` if even width 1 exceeds the budget by over 25 %.
    """

    def count(width: int) -> int:
        return method.count(n_in, width, n_out)

    least = count(1)
    if least > budget * (1.0 + LARGEST_EXCESS):
        raise BudgetTooSmall(
            f"a budget of {budget} parameters is too small for {method.label} with {counted(n_in, 'input')}, "
            f"whose smallest model has {least}"
        )
    high = 2
    while count(high) < budget:
        high *= 2
    low = high // 2
    while high - low > 1:  # count(low) <= budget <= count(high), unless low is 1
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= budget else (low, middle)
    width = min((low, high), key=lambda w: abs(count(w) - budget))
    params = count(width)
    return Sizing(width, params, (params - budget) / budget)
