"""The method of lines: differences or a spectral method in space, an implicit Runge-Kutta method in time."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.integrate import solve_ivp

from kanbench.data.equations.axes import Axis
from kanbench.data.equations.collocation import NoSolver, marches
from kanbench.data.equations.edges import Edges
from kanbench.data.equations.equation import Equation
from kanbench.data.equations.expression import UNKNOWN
from kanbench.data.equations.linearized import partials, residual_at
from kanbench.data.formula import Array

RELATIVE, ABSOLUTE = 1e-6, 1e-9  # tolerances of the integration in time


def time_of(equation: Equation) -> int | None:
    """Return the number of the variable in which an equation of one place and one time marches, or None."""
    box = equation.box
    if box.dimension != 2 or any(len(set(by)) > 1 for by in equation.interior.indices):
        return None
    found = [index for index in range(2) if marches(equation, index) and equation.interior.order_in(index)]
    return found[-1] if found else None


@dataclass(frozen=True)
class Lines:
    """An equation that marches in time, on the nodes of an axis in space.

    The state is u at the inner nodes, and behind it u_t if the equation is of the second order in time. Values at nodes
    with a condition follow from it.
    """

    equation: Equation
    axis: Axis
    time: int
    coefficients: Mapping[str, float]

    @cached_property
    def edges(self) -> Edges:
        return Edges(self.equation, self.axis, self.time, self.coefficients)

    @property
    def space(self) -> int:
        return self.edges.space

    @property
    def inner(self) -> Array:
        return self.edges.inner

    @property
    def order(self) -> int:
        return self.equation.interior.order_in(self.time)

    def _name(self, time: int, space: int) -> str:
        names = self.equation.box.names
        return UNKNOWN + ("_" if time + space else "") + names[self.time] * time + names[self.space] * space

    def start(self) -> Array:
        """Return the state at the first time. Raises `NoSolver` if the conditions do not give it."""
        given: dict[str, Array] = {}
        low = float(self.equation.box.lows[self.time])
        for condition, expression in zip(self.equation.conditions, self.equation.of_conditions, strict=True):
            if set(condition.fixed(self.equation.box)) == {self.time} and len(expression.orders) == 1:
                nodes, (name,) = self.axis.nodes[self.inner], expression.orders
                zero = {name: np.zeros(len(nodes))}
                slope = partials(expression, self.edges.points(nodes, low), self.equation.box, zero, self.coefficients)
                if np.any(slope[name] == 0.0):
                    raise NoSolver(f"{name} must be given at all points of the start")
                given[name] = -self.edges.value(expression, nodes, low) / slope[name]
        names = [self._name(order, 0) for order in range(self.order)]
        if missing := [name for name in names if name not in given]:
            raise NoSolver(f"{' and '.join(missing)} must be given at the start")
        return np.concatenate([given[name] for name in names])

    def _jet(self, t: float, u: Array, state: Array) -> tuple[Array, dict[str, Array]]:
        """Return the inner nodes as points, and u and its derivatives there, with a highest time derivative of 0."""
        jet = {self._name(0, order): (matrix @ u)[self.inner] for order, matrix in enumerate(self.edges.matrices)}
        if self.order == 2:
            jet[self._name(1, 0)] = state[len(self.inner) :]
        jet[self._name(self.order, 0)] = np.zeros(len(self.inner))
        return self.edges.points(self.axis.nodes[self.inner], t), jet

    def rate(self, t: float, state: Array) -> Array:
        """Return the rate of change of the state, from the equation, which is linear in the highest time derivative."""
        u = self.edges.everywhere(t, state[: len(self.inner)])
        points, jet = self._jet(t, u, state)
        rest = residual_at(self.equation.interior, points, self.equation.box, jet, self.coefficients)
        split = self._advection(points) * (self._first @ u**2 - 2.0 * u * (self._first @ u))[self.inner]
        fastest = -(rest + split) / self._slope(points, jet, rest)
        return fastest if self.order == 1 else np.concatenate([state[len(self.inner) :], fastest])

    @property
    def _first(self) -> Array:
        return self.edges.matrices[1]

    def _advection(self, points: Array) -> Array:
        """Return a third of the factor of u u_x in the residual, at inner nodes.

        The solver takes u u_x as (u u_x + (u^2)_x) / 3, which keeps the energy; as it stands it blows up at fronts
        between nodes. The two differ by a third of (u^2)_x - 2 u u_x.
        """
        zero, one = np.zeros(len(points)), np.ones(len(points))
        interior, space = self.equation.interior, self._name(0, 1)
        if not {UNKNOWN, space} <= set(interior.orders):
            return zero
        jet = dict.fromkeys(interior.orders, zero)
        corners = [
            residual_at(interior, points, self.equation.box, jet | {UNKNOWN: u, space: u_x}, self.coefficients)
            for u, u_x in ((one, one), (one, zero), (zero, one), (zero, zero))
        ]
        return (corners[0] - corners[1] - corners[2] + corners[3]) / 3.0

    def _slope(self, points: Array, jet: dict[str, Array], rest: Array) -> Array:
        """Return the factor of the highest time derivative, from a step in it that is not small beside the rest."""
        step = 1.0 + np.abs(rest)
        stepped = jet | {self._name(self.order, 0): step}
        return (
            residual_at(self.equation.interior, points, self.equation.box, stepped, self.coefficients) - rest
        ) / step

    def jacobian(self, t: float, state: Array) -> Array:
        """Return the derivative of the rate by the state."""
        interior, box, n = self.equation.interior, self.equation.box, len(self.inner)
        u, first = self.edges.everywhere(t, state[:n]), self._first
        points, jet = self._jet(t, u, state)
        slopes = partials(interior, points, box, jet, self.coefficients)
        scale = -1.0 / self._slope(points, jet, residual_at(interior, points, box, jet, self.coefficients))
        by_u, lift = np.zeros((n, n)), self.edges.lift(t)
        for order, matrix in enumerate(self.edges.matrices):
            if (name := self._name(0, order)) in slopes:
                by_u += (scale * slopes[name])[:, None] * (matrix[self.inner] @ lift)
        split = 2.0 * (first * u - np.diag(first @ u) - u[:, None] * first)
        by_u += (scale * self._advection(points))[:, None] * (split[self.inner] @ lift)
        if self.order == 1:
            return by_u
        by_rate = np.diag(scale * slopes.get(self._name(1, 0), np.zeros(n)))
        return np.block([[np.zeros((n, n)), np.eye(n)], [by_u, by_rate]])

    def solve(self, times: Array) -> Array:
        """Return u at all nodes at ascending times, (times, nodes). Raises `NoSolver` if the integration fails."""
        low, start = float(self.equation.box.lows[self.time]), self.start()
        found = solve_ivp(
            self.rate,
            (low, max(times[-1], low + 1e-12)),
            start,
            "Radau",
            times,
            jac=self.jacobian,
            rtol=RELATIVE,
            atol=ABSOLUTE,
        )
        if not found.success or found.y.shape[1] < len(times):
            raise NoSolver(f"the integration in time fails: {found.message}")
        inner = found.y[: len(self.inner)].T
        return np.array([self.edges.everywhere(t, each) for t, each in zip(times, inner, strict=True)])
