"""The ends of an axis in space, where conditions fix u at every time of an equation that marches in time."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kanbench.data.equations.axes import Axis
from kanbench.data.equations.collocation import NoSolver
from kanbench.data.equations.equation import Equation
from kanbench.data.equations.expression import Expression
from kanbench.data.equations.linearized import partials, residual_at
from kanbench.data.formula import Array

TRIED = 20  # times
SAME = 1e-6  # relative difference of factors


@dataclass(frozen=True)
class Edges:
    """The conditions at the ends of an axis in space; they are linear in u and its derivatives along the axis.

    Raises `NoSolver` for a condition within the axis, for two at one end, and for one with a rate of change.
    """

    equation: Equation
    axis: Axis
    time: int
    coefficients: Mapping[str, float]

    @property
    def space(self) -> int:
        return 1 - self.time

    @cached_property
    def conditions(self) -> dict[int, Expression]:
        """The conditions by the number of the node where they hold."""
        found: dict[int, Expression] = {}
        for condition, expression in zip(self.equation.conditions, self.equation.of_conditions, strict=True):
            fixed = condition.fixed(self.equation.box)
            if set(fixed) == {self.space}:
                ends = {self.axis.low: 0, self.axis.high: len(self.axis.nodes) - 1}
                node = ends.get(fixed[self.space])
                if node is None or node in found:
                    raise NoSolver("conditions must be at the ends of a range, one at each")
                if expression.order_in(self.time):
                    raise NoSolver(f"conditions at the ends of {self._names[self.space]} must have no rate of change")
                found[node] = expression
        return found

    @property
    def _names(self) -> tuple[str, ...]:
        return self.equation.box.names

    @cached_property
    def inner(self) -> Array:
        """The numbers of the nodes without a condition."""
        return np.setdiff1d(np.arange(len(self.axis.nodes)), list(self.conditions))

    @cached_property
    def matrices(self) -> list[Array]:
        """The matrices of u and its derivatives along the axis, by their order."""
        return [self.axis.derivative(order).toarray() for order in range(3)]

    def points(self, nodes: Array, t: float) -> Array:
        """Return places and a time as points (nodes, 2) of the domain."""
        points = np.empty((len(nodes), 2))
        points[:, self.space], points[:, self.time] = nodes, t
        return points

    def value(self, expression: Expression, nodes: Array, t: float) -> Array:
        """Return what u = 0 leaves of a condition."""
        zero = dict.fromkeys(expression.orders, np.zeros(len(nodes)))
        return residual_at(expression, self.points(nodes, t), self.equation.box, zero, self.coefficients)

    def everywhere(self, t: float, inner: Array) -> Array:
        """Return u at all nodes from the inner ones at a time."""
        rows, lift = self._system(t)
        edges, u = list(self.conditions), lift @ inner
        if edges:
            at = self.axis.nodes
            given = [self.value(expression, at[[node]], t)[0] for node, expression in self.conditions.items()]
            u[edges] += np.linalg.solve(rows[:, edges], -np.array(given))
        return u

    def lift(self, t: float) -> Array:
        """Return the matrix that maps values at inner nodes to those at all nodes where conditions have the value 0."""
        return self._system(t)[1]

    def _system(self, t: float) -> tuple[Array, Array]:
        """Return the conditions at a time as rows, and the lift that follows from them."""
        if self._is_steady:
            return self._first_system
        rows = self._rows_at(t)
        return rows, self._lift(rows)

    def _rows_at(self, t: float) -> Array:
        """Return the conditions at a time as rows of a matrix that acts on u at all nodes."""
        rows = np.zeros((len(self.conditions), len(self.axis.nodes)))
        for row, (node, expression) in enumerate(self.conditions.items()):
            zero = dict.fromkeys(expression.orders, np.zeros(1))
            points = self.points(self.axis.nodes[[node]], t)
            slopes = partials(expression, points, self.equation.box, zero, self.coefficients)
            for name, by in zip(expression.orders, expression.indices, strict=True):
                rows[row] += slopes[name] * self.matrices[by.count(self.space)][node]
        return rows

    def _lift(self, rows: Array) -> Array:
        edges, matrix = list(self.conditions), np.eye(len(self.axis.nodes))[:, self.inner]
        if edges and np.linalg.matrix_rank(rows[:, edges]) < len(edges):
            raise NoSolver(f"conditions at the ends of {self._names[self.space]} must fix u there at all times")
        matrix[edges] = -np.linalg.solve(rows[:, edges], rows[:, self.inner])
        return matrix

    @cached_property
    def _first_system(self) -> tuple[Array, Array]:
        rows = self._rows_at(float(self.equation.box.lows[self.time]))
        return rows, self._lift(rows)

    @cached_property
    def _is_steady(self) -> bool:
        """True if the factors of u and its derivatives are the same at all times."""
        low, high = self.equation.box.lows[self.time], self.equation.box.highs[self.time]
        times, first = np.random.default_rng(0).uniform(low, high, TRIED), self._first_system[0]
        close = SAME * np.abs(first).max(initial=0.0)
        return all(np.allclose(self._rows_at(t), first, rtol=0.0, atol=close) for t in times)
