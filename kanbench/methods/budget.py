"""Matching of sizes: find the number of hidden nodes whose parameter count is nearest to a budget."""

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

    @property
    def depth(self) -> int:
        """The number of hidden layers, each of which needs a node."""

    def shape(self, n_in: int, nodes: int, n_out: int) -> list[int]:
        """Return the widths of all layers, inputs and outputs included."""

    def count(self, n_in: int, nodes: int, n_out: int = 1) -> int:
        """Return the number of trainable parameters of a model with so many hidden nodes."""


@dataclass(frozen=True)
class Sizing:
    """A number of hidden nodes, the widths of all layers, and the exact number of parameters.

    `miss` is relative, (params - budget) / budget. A reference has no nodes and no shape.
    """

    nodes: int
    shape: tuple[int, ...]
    params: int
    miss: float

    @property
    def width(self) -> int:
        """The width of the widest hidden layer; 0 without one."""
        return max(self.shape[1:-1], default=0)

    @property
    def is_marked(self) -> bool:
        """True if the miss is so large that tables mark it."""
        return abs(self.miss) > MARKED_MISS


def share_out(nodes: int, layers: int) -> list[int]:
    """Return the widths of layers that share nodes; they differ by one at most, the first ones have what is over."""
    each, over = divmod(nodes, layers)
    return [each + (layer < over) for layer in range(layers)]


def fixed_size(method: Countable, nodes: int, n_in: int, budget: int, n_out: int = 1) -> Sizing:
    """Return the size of a method whose shape is fixed, with so many hidden nodes, beside any budget."""
    params = method.count(n_in, nodes, n_out)
    return Sizing(nodes, tuple(method.shape(n_in, nodes, n_out)), params, (params - budget) / budget)


def solve_nodes(method: Countable, n_in: int, budget: int, n_out: int = 1) -> Sizing:
    """Return the number of hidden nodes whose parameter count is nearest to the budget; of two equally near ones, the
    smaller.

    Raises `BudgetTooSmall` if even one node per hidden layer exceeds the budget by over 25 %.
    """

    def count(nodes: int) -> int:
        return method.count(n_in, nodes, n_out)

    least = count(method.depth)
    if least > budget * (1.0 + LARGEST_EXCESS):
        raise BudgetTooSmall(
            f"a budget of {budget} parameters is too small for {method.label} with {counted(n_in, 'input')}, "
            f"whose smallest model has {least}"
        )
    low, high = method.depth, method.depth + 1
    while count(high) < budget:
        low, high = high, 2 * high
    while high - low > 1:  # count(low) <= budget <= count(high), unless low is the least
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= budget else (low, middle)
    nodes = min((low, high), key=lambda each: abs(count(each) - budget))
    params = count(nodes)
    return Sizing(nodes, tuple(method.shape(n_in, nodes, n_out)), params, (params - budget) / budget)
