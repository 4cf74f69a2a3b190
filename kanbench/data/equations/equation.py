"""An equation with its conditions: residuals, the blocks of rows where they vanish, and a check of solutions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kanbench.data.equations.box import Box
from kanbench.data.equations.checking import TOLERANCE, Function, derivatives_at, values_and_terms
from kanbench.data.equations.conditions import Condition
from kanbench.data.equations.expression import UNKNOWN, Expression
from kanbench.data.formula import Array
from kanbench.errors import are, counted, shown

TRIED = 60  # points


@dataclass(frozen=True)
class Equation:
    """A residual that vanishes in a box, and conditions.

    Raises `ValueError` for a residual that is not of the allowed form or does not contain u, and for a condition off
    the domain.
    """

    box: Box
    residual: str
    conditions: tuple[Condition, ...]
    coefficients: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert self.interior.orders
        for number, condition in enumerate(self.conditions):
            try:
                condition.free(self.box)
                self._expression(condition.residual)
            except ValueError as error:
                raise ValueError(f"conditions[{number}]: {error}") from error

    @cached_property
    def interior(self) -> Expression:
        return self._expression(self.residual)

    @cached_property
    def of_conditions(self) -> tuple[Expression, ...]:
        return tuple(self._expression(condition.residual) for condition in self.conditions)

    def _expression(self, text: str) -> Expression:
        expression = Expression(text, self.box.names, self.coefficients)
        if not expression.orders:
            raise ValueError(f"the residual {shown(text)} does not contain {UNKNOWN}")
        return expression

    @property
    def order(self) -> int:
        """The highest order of a derivative in the equation and its conditions."""
        return max(len(by) for each in (self.interior, *self.of_conditions) for by in each.indices)

    def missing(self) -> str:
        """Return a warning if there are too few conditions to fix u, or "" if there may be enough.

        An equation of order n in a variable needs n conditions at the ends of its range, and one of all conditions, or
        the equation, must contain u itself.
        """
        for index, name in enumerate(self.box.names):
            order, given = self.interior.order_in(index), sum(self._counts(each, index) for each in self.conditions)
            if given < order:
                return f"u may not be unique: the equation is of order {order} in {name}, and {_given(given, name)}"
        contents = [
            self.interior,
            *(e for e, c in zip(self.of_conditions, self.conditions, strict=True) if not c.is_periodic),
        ]
        if not any(UNKNOWN in each.orders for each in contents):
            return "u is unique up to a constant at most: neither the equation nor a condition contains u itself"
        return ""

    def _counts(self, condition: Condition, index: int) -> bool:
        """Return True if a condition holds at an end of the range of a variable, for all values of the others."""
        others = set(range(self.box.dimension)) - {index}
        return condition.is_at_end(self.box, index) and others <= set(condition.free(self.box))

    def blocks(self, generators: Iterator[np.random.Generator], interior: int, other: int) -> list[Array]:
        """Return random rows of the equation and of every condition, each from a generator of its own."""
        rows = [self.box.draw(next(generators), interior)]
        return rows + [each.draw(self.box, next(generators), other) for each in self.conditions]

    def residuals(self, rows: list[Array], values: Mapping[str, float], function: Function) -> list[Array]:
        """Return what a function leaves of the residual of every block at its rows, for given coefficients."""
        found = []
        for block, expression in zip(rows, (self.interior, *self.of_conditions), strict=True):
            jets = [
                np.array(derivatives_at(function, end, self.box, expression.indices))
                for end in np.split(block, block.shape[1] // self.box.dimension, axis=1)
            ]
            jet = dict(zip(expression.orders, jets[0] if len(jets) == 1 else jets[0] - jets[1], strict=True))
            found.append(np.broadcast_to(expression(self.box.values(block) | dict(values) | jet), (len(block),)))
        return found

    def require_solution(self, function: Function, values: Mapping[str, float], what: str) -> None:
        """Raise `ValueError` if a function does not solve the equation, or breaks a condition.

        The largest residual at random points is compared with the largest term, by finite differences.
        """
        generators = (np.random.default_rng([0, number]) for number in range(1 + len(self.conditions)))
        inside, *edges = self.blocks(generators, TRIED, TRIED)
        self._require(self.interior, inside, inside, function, values, f"{what} does not solve the equation")
        for number, (condition, expression, rows) in enumerate(
            zip(self.conditions, self.of_conditions, edges, strict=True)
        ):
            fault = f"{what} breaks conditions[{number}]"
            if not condition.is_periodic:
                self._require(expression, rows, inside, function, values, fault)
                continue
            first, second = (
                values_and_terms(function, end, self.box, expression, values)[0] for end in np.split(rows, 2, axis=1)
            )
            size = np.abs(values_and_terms(function, inside, self.box, expression, values)[0]).max(initial=0.0)
            _compare(first - second, size, fault)

    def _require(
        self,
        expression: Expression,
        rows: Array,
        inside: Array,
        function: Function,
        values: Mapping[str, float],
        fault: str,
    ) -> None:
        found, terms = values_and_terms(function, rows, self.box, expression, values)
        size = values_and_terms(function, inside, self.box, expression, values)[1].max(initial=0.0)
        _compare(found, max(size, terms.max(initial=0.0)), fault)


def _compare(residual: Array, size: float, fault: str) -> None:
    largest = np.abs(residual).max(initial=0.0)
    if largest > TOLERANCE * size:
        raise ValueError(f"{fault}: the residual reaches {largest:.2g}, where its terms reach {size:.2g}")


def _given(n: int, name: str) -> str:
    return f"there {are(max(1, n))} {counted(n, 'condition') if n else 'no condition'} at the ends of {name}"
