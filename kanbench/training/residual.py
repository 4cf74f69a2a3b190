"""Differential equations as training sees them: residuals of u and its derivatives that are to vanish on rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from kanbench.errors import require


class Residual(Protocol):
    """An expression of u and its derivatives that a solution makes zero, at every row for itself.

    Attributes:
        orders: the names of what it takes: "u", "u_x", "u_xx" or "u_xy", for variables x and y.
    """

    @property
    def orders(self) -> tuple[str, ...]: ...

    def __call__(self, x: Tensor, jet: dict[str, Tensor], coefficients: Tensor | None) -> Tensor:
        """Return the residual at every row, by operations of torch that are elementwise in the rows.

        Args:
            x: the rows (..., rows, variables), in the units of the equation; `x[..., i]` is variable i.
            jet: a tensor (..., rows) for each name in `orders`.
            coefficients: the unknown numbers of the equation, or None if there are none; `coefficients[k]` is the k-th
                one and broadcasts against (..., rows).
        """


@dataclass(frozen=True)
class Condition:
    """A residual that is to vanish on rows of its own, such as u - g on a part of the boundary.

    Args:
        residual: what is to vanish.
        weight: the factor of its mean square in the loss, where that of the equation is 1.
        is_paired: whether each row is a pair of points, as a periodic condition has them. The residual then takes the
            differences of u and its derivatives between the first point and the second, and the first as x.
    """

    residual: Residual
    weight: float = 1.0
    is_paired: bool = False


@dataclass(frozen=True)
class Hard:
    """A solution of the form u = boundary + factor * network, which keeps its conditions whatever the network is.

    Args:
        boundary: a function of rows (..., variables) -> (...) that keeps the conditions, in operations of torch.
        factor: a function of the same kind that vanishes where the conditions hold.
    """

    boundary: Callable[[Tensor], Tensor]
    factor: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Problem:
    """A differential equation with its conditions. Rows are no part of it: they differ by member and by split,
    and come packed, see `kanbench.training.residual_rows`.

    The loss is the mean square of the residual on the interior rows, plus that of every condition times its weight.

    Args:
        variables: their names, in the order of the columns of rows.
        domain: the lowest and the highest value of each. Networks see each variable scaled to [-1, 1].
        interior: the residual of the equation.
        conditions: what is to vanish beside it.
        coefficients: the starts of the unknown numbers in the equation, which are trained as well.
        hard: a form of the solution that keeps conditions exactly; None if the network itself is the solution.
    """

    variables: tuple[str, ...]
    domain: tuple[tuple[float, float], ...]
    interior: Residual
    conditions: tuple[Condition, ...] = ()
    coefficients: tuple[float, ...] = ()
    hard: Hard | None = None

    def __post_init__(self) -> None:
        """Raise `ValueError` for a domain that does not fit the variables, or a weight that is negative."""
        require(len(self.domain) == len(self.variables), "domain", "must have a pair for each variable", self.domain)
        for low, high in self.domain:
            require(low < high, "domain", "must be pairs of a lower and a higher number", self.domain)
        for condition in self.conditions:
            require(condition.weight >= 0, "weight", "must not be negative", condition.weight)

    @property
    def residuals(self) -> tuple[Residual, ...]:
        """The residuals of all blocks of rows: the equation and then its conditions."""
        return self.interior, *(condition.residual for condition in self.conditions)

    @property
    def orders(self) -> tuple[str, ...]:
        """The names of all derivatives that occur, each once."""
        return tuple(dict.fromkeys(name for residual in self.residuals for name in residual.orders))

    @property
    def has_pairs(self) -> bool:
        return any(condition.is_paired for condition in self.conditions)
