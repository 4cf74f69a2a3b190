"""Classical solutions on a grid: the residual vanishes at inner nodes, the conditions at nodes of their faces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve

from kanbench.data.equations.axes import Axis, Matrix, chebyshev, differences, fourier, periodic_differences
from kanbench.data.equations.box import product
from kanbench.data.equations.equation import Equation
from kanbench.data.equations.expression import Expression
from kanbench.data.equations.linearized import partials, residual_at
from kanbench.data.formula import Array

MOST_ITERATIONS = 50
CONVERGED = 1e-9  # a step of Newton's method relative to u
Indices = NDArray[np.intp]
FEWEST = 5  # nodes along an axis


class NoSolver(ValueError):
    """An equation is not of the kind that a classical solver takes, or the solver did not converge."""


def axis_of(equation: Equation, index: int, n: int, is_spectral: bool) -> Axis:
    """Return an axis of at most n nodes for one variable: periodic if a condition is, marching if it begins at an end.

    Raises `NoSolver` for less than five nodes, with which no solver would be a fair one.
    """
    if n < FEWEST:
        raise NoSolver(f"so few unknowns leave {n} nodes along {equation.box.names[index]}, and {FEWEST} are needed")
    low, high = float(equation.box.lows[index]), float(equation.box.highs[index])
    if any(each.across(equation.box) == index for each in equation.conditions):
        return fourier(low, high, n - 1 + n % 2) if is_spectral else periodic_differences(low, high, n)
    if is_spectral:
        return chebyshev(low, high, n)
    return differences(low, high, n, from_low=marches(equation, index) and equation.interior.order_in(index) == 1)


def marches(equation: Equation, index: int) -> bool:
    """Return True for a variable that has conditions at the lower end of its range alone, such as a time."""
    fixed = [each.fixed(equation.box).get(index) for each in equation.conditions]
    ends = {value for value in fixed if value is not None}
    periodic = any(each.across(equation.box) == index for each in equation.conditions)
    return ends == {equation.box.lows[index]} and not periodic


@dataclass(frozen=True)
class Grid:
    """The grid of some axes, the last one running fastest, and an equation on it."""

    equation: Equation
    axes: tuple[Axis, ...]
    coefficients: Mapping[str, float]

    @cached_property
    def points(self) -> Array:
        return product([axis.nodes for axis in self.axes])

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(axis.nodes) for axis in self.axes)

    def derivative(self, by: Sequence[int]) -> Matrix:
        """Return the matrix of a derivative of values at all nodes."""
        orders = [list(by).count(index) for index in range(len(self.axes))]
        matrices = [axis.derivative(order) for axis, order in zip(self.axes, orders, strict=True)]
        return reduce(lambda left, right: sparse.kron(left, right, format="csr"), matrices)

    @cached_property
    def rows(self) -> list[tuple[Expression, Indices, Indices]]:
        """The parts of the system of equations: a residual, the nodes where it vanishes, and the rows that say so.

        Each condition takes the rows of its face. A second condition on one face, such as that for u_t at t = 0, takes
        those of the opposite face. Where faces meet, the first condition holds.
        """
        numbers = np.arange(len(self.points)).reshape(self.shape)
        free, taken, found = np.ones(len(self.points), dtype=bool), [], []
        for condition, expression in zip(self.equation.conditions, self.equation.of_conditions, strict=True):
            fixed = condition.fixed(self.equation.box)
            if not fixed:
                continue  # periodic axes are so by themselves, and observations fix nothing that is free
            nodes = numbers[self._face(fixed)].ravel()
            rows = numbers[self._face(fixed, opposite=fixed in taken)].ravel()
            taken.append(fixed)
            found.append((expression, nodes[free[rows]], rows[free[rows]]))
            free[rows] = False
        inner = np.flatnonzero(free)
        return [*found, (self.equation.interior, inner, inner)]

    def _face(self, fixed: Mapping[int, float], opposite: bool = False) -> tuple[slice | int, ...]:
        """Return the index of a face of the grid."""
        index: list[slice | int] = [slice(None)] * len(self.axes)
        for number, value in fixed.items():
            axis = self.axes[number]
            if value not in (axis.low, axis.high) or axis.is_periodic:
                raise NoSolver("conditions must be at the ends of a range")
            index[number] = 0 if (value == axis.low) != opposite else -1
        return tuple(index)

    def system(self, u: Array) -> tuple[Matrix, Array]:
        """Return the Jacobian of all residuals by u at the nodes, and the residuals."""
        jacobian, residual = sparse.csr_array((len(u), len(u))), np.zeros(len(u))
        for expression, nodes, rows in self.rows:
            points, box = self.points[nodes], self.equation.box
            matrices = {
                name: self._matrices[by][nodes] for name, by in zip(expression.orders, expression.indices, strict=True)
            }
            jet = {name: matrix @ u for name, matrix in matrices.items()}
            slopes = partials(expression, points, box, jet, self.coefficients)
            part = sum(sparse.diags_array(slopes[name]) @ matrix for name, matrix in matrices.items())
            place = sparse.csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(len(u), len(rows)))
            jacobian = jacobian + place @ part
            residual[rows] = residual_at(expression, points, box, jet, self.coefficients)
        return jacobian, residual

    @cached_property
    def _matrices(self) -> dict[tuple[int, ...], Matrix]:
        occurring = {by for expression, *_ in self.rows for by in expression.indices}
        return {by: self.derivative(by) for by in occurring}

    def solve(self) -> Array:
        """Return u at the nodes by Newton's method from u = 0, which takes one step for a linear equation.

        Raises `NoSolver` if it does not converge.
        """
        u = np.zeros(len(self.points))
        for _ in range(MOST_ITERATIONS):
            jacobian, residual = self.system(u)
            step = spsolve(jacobian.tocsc(), residual)
            if not np.isfinite(step).all():
                break
            u = u - step
            if np.abs(step).max() <= CONVERGED * np.abs(u).max():
                return u
        raise NoSolver("Newton's method does not converge")

    def interpolate(self, u: Array, points: Array) -> Array:
        """Return the values at points (n, D) of what has the values u at the nodes."""
        values = np.broadcast_to(u.reshape(self.shape), (len(points), *self.shape))
        for number, axis in enumerate(self.axes):
            places, which = np.unique(points[:, number], return_inverse=True)
            weights = axis.interpolation(places)[which]
            values = np.einsum("pi,pi...->p...", weights, values)
        return values
