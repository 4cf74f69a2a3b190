"""Jets: the value of a function with its first and second derivatives along some directions, as rows of one tensor.

Row 0 is the value, the next rows are the first derivatives along every direction, and the last ones the second
derivatives along the first `n_second` of them. A jet is (.., rows, n) for n points.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.errors import require


def derivative_of(name: str, variables: Sequence[str]) -> tuple[int, ...]:
    """Return the variables by which a name such as "u_xy" derives u, as sorted indices.

    Raises `ValueError` for a name that is no derivative of up to the second order by these variables.
    """
    if name == "u":
        return ()
    names = list(enumerate(variables))
    found: dict[str, tuple[int, ...]] = {f"u_{x}": (i,) for i, x in names}
    found |= {f"u_{x}{y}": (min(i, j), max(i, j)) for i, x in names for j, y in names}
    require(name in found, "derivative", f"must be u or one of {', '.join(found)}", name)
    return found[name]


@dataclass(frozen=True)
class Directions:
    """The directions along which a jet must know derivatives, so that it holds some derivatives by variables.

    A mixed one is u_xy = (u_vv - u_xx - u_yy) / 2 along v = x + y.

    Args:
        vectors: the directions, those with a second derivative first.
        n_second: their number.
        places: for each name of a derivative the rows of the jet that add up to it, with factors.
    """

    vectors: tuple[tuple[float, ...], ...]
    n_second: int
    places: dict[str, tuple[tuple[int, float], ...]]

    @property
    def n_first(self) -> int:
        return len(self.vectors)

    @property
    def n_rows(self) -> int:
        return 1 + self.n_first + self.n_second

    @property
    def order(self) -> int:
        """The highest derivative."""
        return 2 if self.n_second else min(1, self.n_first)

    @property
    def first(self) -> slice:
        """The rows of first derivatives."""
        return slice(1, 1 + self.n_first)

    @property
    def twice(self) -> slice:
        """The rows of first derivatives along the directions that have a second one."""
        return slice(1, 1 + self.n_second)

    @property
    def second(self) -> slice:
        """The rows of second derivatives."""
        return slice(1 + self.n_first, None)

    def read(self, name: str, jet: Tensor) -> Tensor:
        """Return a derivative by its name: (.., rows, n) -> (.., n)."""
        (row, factor), *others = self.places[name]
        value = jet[..., row, :] * factor if factor != 1.0 else jet[..., row, :]
        for row, factor in others:
            value = value + factor * jet[..., row, :]
        return value

    def add(self, name: str, by_value: Tensor, by_jet: Tensor) -> None:
        """Add to the derivative of a number by a jet what it owes to its derivative by the named value, in place."""
        for row, factor in self.places[name]:
            by_jet[..., row, :].add_(by_value, alpha=factor)

    def of_inputs(self, points: Tensor, scales: Tensor) -> Tensor:
        """Return the jets of the inputs (.., n, variables), which change by `scales` per unit of the variables.

        Returns:
            (.., variables, rows, n)
        """
        vectors = points.new_tensor(self.vectors).view(self.n_first, len(scales)) * scales
        jets = points.new_zeros(*points.shape[:-2], points.shape[-1], self.n_rows, points.shape[-2])
        jets[..., 0, :] = points.mT
        jets[..., self.first, :] = vectors.mT.unsqueeze(-1)
        return jets

    @torch.enable_grad()
    def of_function(self, function: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
        """Return the jets of a function by reverse over reverse: (.., n, variables) -> (.., rows, n)."""
        points = points.detach().requires_grad_()
        value = function(points)
        vectors = points.new_tensor(self.vectors).view(self.n_first, points.shape[-1])
        firsts = [_along(value, points, vector) for vector in vectors]
        pairs = zip(firsts[: self.n_second], vectors, strict=False)
        return torch.stack([value, *firsts, *(_along(first, points, vector) for first, vector in pairs)], dim=-2)


def directions_of(orders: Sequence[str], variables: Sequence[str]) -> Directions:
    """Return the directions for the derivatives of these names."""
    derivatives = {name: derivative_of(name, variables) for name in orders}
    mixed = sorted({pair for pair in derivatives.values() if len(set(pair)) == 2})
    second = sorted({i for pair in derivatives.values() if len(pair) == 2 for i in pair})
    first = sorted({i for one in derivatives.values() if len(one) == 1 for i in one} - set(second))
    supports: list[tuple[int, ...]] = [*((i,) for i in second), *mixed, *((i,) for i in first)]
    n_second = len(second) + len(mixed)
    row = {support: index for index, support in enumerate(supports)}

    def place(by: tuple[int, ...]) -> tuple[tuple[int, float], ...]:
        if len(by) < 2:
            return ((1 + row[by] if by else 0, 1.0),)
        base = 1 + len(supports)
        i, j = by
        if i == j:
            return ((base + row[i,], 1.0),)
        return (base + row[by], 0.5), (base + row[i,], -0.5), (base + row[j,], -0.5)

    vectors = tuple(tuple(float(i in support) for i in range(len(variables))) for support in supports)
    return Directions(vectors, n_second, {name: place(by) for name, by in derivatives.items()})


def lift(functions: Sequence[Tensor], jet: Tensor, along: Directions) -> Tensor:
    """Return the jet of a function of a jet, by the formula of Faa di Bruno.

    Args:
        functions: the function and its derivatives at the value of the jet, (.., n) each.
        jet: (.., rows, n).
        along: the directions of the jet.
    """
    value, *higher = (each.unsqueeze(-2) for each in functions[: along.order + 1])
    lifted = jet.new_empty(torch.broadcast_shapes(jet.shape, (*value.shape[:-2], 1, value.shape[-1])))
    lifted[..., :1, :] = value
    if along.n_first:
        torch.mul(higher[0], jet[..., 1:, :], out=lifted[..., 1:, :])
    if along.n_second:
        lifted[..., along.second, :].addcmul_(higher[1], jet[..., along.twice, :].square())
    return lifted


def drop(contract: Callable[[int, Tensor], Tensor], by_lifted: Tensor, jet: Tensor, along: Directions) -> Tensor:
    """Return the derivative of a number by a jet, from that by the jet that was lifted from it.

    Args:
        contract: what multiplies rows of `by_lifted` with the m-th derivative of the function, and sums over functions.
        by_lifted: the derivative by the lifted jet, (.., rows, n).
        jet: (.., rows, n).
        along: the directions of the jet.
    """
    dropped = contract(1, by_lifted)
    if along.n_first:
        bent = contract(2, by_lifted[..., 1:, :])
        dropped[..., 0, :] += (bent * jet[..., 1:, :]).sum(dim=-2)
    if along.n_second:
        slopes, seconds = jet[..., along.twice, :], by_lifted[..., along.second, :]
        dropped[..., along.twice, :].addcmul_(bent[..., along.n_first :, :], slopes, value=2.0)
        dropped[..., 0, :] += (contract(3, seconds) * slopes.square()).sum(dim=-2)
    return dropped


def _along(values: Tensor, points: Tensor, vector: Tensor) -> Tensor:
    """Return the derivative of every value along a direction of its point; zero where it does not depend on it."""
    if not values.requires_grad:
        return torch.zeros_like(values)
    slope = torch.autograd.grad(values.sum(), points, create_graph=True, allow_unused=True)[0]
    return torch.zeros_like(values) if slope is None else slope @ vector
