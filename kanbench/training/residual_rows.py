"""Rows of a differential equation as an ensemble takes them: points of the network, and what they owe to each block.

All rows of a member are packed into one array (n, columns), block after block, the equation first. The columns are the
coordinates in the units of the equation, those of second points if any condition is of pairs, the number of the block,
and the factor of its residual. With the factor sqrt(weight n / rows of the block) the mean square over all rows is the
loss of the `Problem`. `kanbench.data.equations.rows.packed` makes this array.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from kanbench.errors import require
from kanbench.training.ensemble import Embedded
from kanbench.training.jet_stages import KeptJets
from kanbench.training.jets import Directions
from kanbench.training.residual import Problem


@dataclass(frozen=True)
class Block:
    """The rows start .. stop of one residual, and where the second points of pairs begin; None without pairs."""

    index: int
    start: int
    stop: int
    partner: int | None

    @property
    def rows(self) -> slice:
        return slice(self.start, self.stop)

    @property
    def partners(self) -> slice:
        assert self.partner is not None
        return slice(self.partner, self.partner + self.stop - self.start)

    def take(self, jet: Tensor) -> Tensor:
        """Return the part of jets at all points (.., points) that its residual takes: (.., rows)."""
        return jet[..., self.rows] if self.partner is None else jet[..., self.rows] - jet[..., self.partners]

    def give(self, by_rows: Tensor, by_points: Tensor) -> None:
        """Write a derivative by what `take` returns to where that came from."""
        by_points[..., self.rows] = by_rows
        if self.partner is not None:
            by_points[..., self.partners] = -by_rows


@dataclass(frozen=True)
class PartRows:
    """The rows of some blocks, whose points carry the same jets, and what follows from them whatever theta is."""

    packed: Tensor  # (members, n, columns)
    along: Directions
    blocks: tuple[Block, ...]
    points: Tensor  # (members, points, variables): those of all rows, then second points of pairs
    first: KeptJets | None = None  # of the first layer; None if the network has no closed form
    hard: tuple[Tensor, Tensor] | None = None  # (members, rows of jets, points): boundary and factor

    @property
    def n(self) -> int:
        return self.packed.shape[1]

    @property
    def factors(self) -> Tensor:
        """The factor of each residual, (members, n)."""
        return self.packed[..., -1]

    def at_points(self, of_rows: Tensor) -> Tensor:
        """Return a number of each row at all its points: (members, n) -> (members, points)."""
        second = [of_rows[:, block.rows] for block in self.blocks if block.partner is not None]
        return torch.cat([of_rows, *second], dim=1) if second else of_rows

    def fold(self, by_points: Tensor) -> Tensor:
        """Return derivatives of rows from those of all points, in place: (.., points) -> (.., n)."""
        for block in self.blocks:
            if block.partner is not None:
                by_points[..., block.rows] += by_points[..., block.partners]
        return by_points[..., : self.n]

    def __getitem__(self, members: Tensor) -> "PartRows":
        return replace(
            self,
            packed=self.packed[members],
            points=self.points[members],
            first=None if self.first is None else self.first[members],
            hard=None if self.hard is None else (self.hard[0][members], self.hard[1][members]),
        )


@dataclass(frozen=True)
class EmbeddedRows(Embedded):
    """Packed rows (members, n, columns) in parts; `features` are the rows themselves, in their order."""

    parts: tuple[PartRows, ...] = field(kw_only=True)
    order: Tensor | None = None  # the places in `parts` of all rows in their order; None if they are in order

    @property
    def n_points(self) -> int:
        return sum(part.points.shape[1] for part in self.parts)

    def whole(self, of_parts: Sequence[Tensor]) -> Tensor:
        """Return numbers of all rows in their order, from those of each part: (members, n)."""
        joined = of_parts[0] if len(of_parts) == 1 else torch.cat([*of_parts], dim=1)
        return joined if self.order is None else joined[:, self.order]

    def split(self, of_rows: Tensor) -> list[Tensor]:
        """Return numbers of the rows of each part, from those of all rows: the inverse of `whole`."""
        joined = of_rows if self.order is None else of_rows[:, self.order.argsort()]
        return [*joined.split([part.n for part in self.parts], dim=1)]

    def __getitem__(self, members: Tensor) -> "EmbeddedRows":
        return EmbeddedRows(self.features[members], parts=tuple(part[members] for part in self.parts), order=self.order)


First = Callable[[Tensor], KeptJets]  # from the jets of inputs to what the first layer keeps of them


def kinds_of(x: Tensor) -> Tensor:
    """Return the numbers of the blocks of packed rows: (n,).

    Raises `ValueError` for rows whose blocks are torn apart, as they are in batches.
    """
    kinds = x[..., -2].long()
    in_order = bool((kinds == kinds[:1]).all()) and bool((kinds.diff(dim=1) >= 0).all())
    require(in_order, "batch", "must be 0, since rows of a differential equation are taken all at once", x.shape[1])
    return kinds[0]


def part_rows(problem: Problem, along: Directions, x: Tensor, first: First | None) -> PartRows:
    """Return packed rows (members, n, columns) as one part, with all that follows from them.

    Args:
        problem: the equation.
        along: the directions of its jets.
        x: packed rows.
        first: what the first layer does; None if there is no closed form.
    """
    d = len(problem.variables)
    blocks, partners, n = [], [x[..., :d]], x.shape[1]
    indices, counts = kinds_of(x).unique_consecutive(return_counts=True)
    start, free = 0, n
    for index, count in zip(indices.tolist(), counts.tolist(), strict=True):
        paired = index > 0 and problem.conditions[index - 1].is_paired
        blocks.append(Block(index, start, start + count, free if paired else None))
        if paired:
            partners.append(x[:, start : start + count, d : 2 * d])
            free += count
        start += count
    points = torch.cat(partners, dim=1)
    low, high = points.new_tensor(problem.domain).unbind(dim=1)
    scaled = 2.0 * (points - low) / (high - low) - 1.0
    jets = along.of_inputs(scaled, 2.0 / (high - low))
    form = problem.hard
    hard = None
    if form is not None:
        hard = along.of_function(form.boundary, points).detach(), along.of_function(form.factor, points).detach()
    return PartRows(x, along, tuple(blocks), points, None if first is None else first(jets), hard)


def rows_in_parts(
    problem: Problem, x: Tensor, parts: Sequence[tuple[Directions, First | None, Sequence[int]]]
) -> EmbeddedRows:
    """Return packed rows (members, n, columns) in parts, each with the directions and blocks of one of `parts`."""
    kinds = kinds_of(x)
    places = [torch.nonzero(torch.isin(kinds, kinds.new_tensor(blocks))).squeeze(1) for *_, blocks in parts]
    found = [
        part_rows(problem, along, x[:, place], first)
        for (along, first, _), place in zip(parts, places, strict=True)
        if len(place)
    ]
    order = torch.cat(places).argsort()
    in_order = bool((order.diff() > 0).all())
    return EmbeddedRows(x, parts=tuple(found), order=None if in_order else order)
