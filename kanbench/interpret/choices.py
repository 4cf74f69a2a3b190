"""Choice of a function for each edge: the function, its best rival, and the cost of the replacement."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.interpret.fit import Fit
from kanbench.interpret.library import ZERO
from kanbench.models.edges import LayerRun

THRESHOLD = 0.03  # allowed loss, in spreads of the output
LOSES_MORE = 1.5  # allowed loss, relative to that of the best fit

NetworkEdge = tuple[int, int, int]  # layer, input, output


@dataclass(frozen=True)
class Choice:
    """The function chosen for an edge, beside its rival: the first other fit of `suggest`, or None if nothing else
    fits.

    A cost is the root mean square change of the network's outputs if this edge alone is replaced by the function, in
    standard deviations of the output, taken at the output that changes most.

    Attributes:
        edge: (layer, input, output).
        fit: the function chosen, with its constants.
        cost: the cost of `fit`.
        rival: the best other fit, or None.
        rival_cost: the cost of `rival`; NaN if there is none.
        attribution: the score of the edge, see `attribute`.
    """

    edge: NetworkEdge
    fit: Fit
    cost: float
    rival: Fit | None
    rival_cost: float
    attribution: float


@dataclass(frozen=True)
class Choices:
    """All choices of a network, by layer, input and output; `str` gives a table.

    `cost` is that of all replacements together, see `Choice`.
    """

    edges: tuple[Choice, ...]
    cost: float

    def __iter__(self) -> Iterator[Choice]:
        return iter(self.edges)

    def __len__(self) -> int:
        return len(self.edges)

    def __str__(self) -> str:
        heading = ("edge", "function", "R^2", "cost", "rival", "R^2", "cost", "attribution")
        rows = [heading, *(_row(choice) for choice in self.edges)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(heading))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, f"All names together cost {self.cost:.2g} standard deviations of the output."])


def _row(choice: Choice) -> tuple[str, ...]:
    rival = ("none", "", "") if choice.rival is None else _cells(choice.rival, choice.rival_cost)
    return str(choice.edge), *_cells(choice.fit, choice.cost), *rival, f"{choice.attribution:.2g}"


def _cells(fit: Fit, cost: float) -> tuple[str, str, str]:
    return fit.name, f"{fit.r2:.6f}", f"{cost:.2g}"


def minor_edges(attribution: Tensor, threshold: float) -> Tensor:
    """Return a mask (n_in, n_out) of the edges of a layer that matter so little that all of them may be left out.

    These are the least edges, as many as have attributions (n_in, n_out) that sum to at most `threshold`. So an input
    that reaches the output over many small edges is not lost.
    """
    order = attribution.flatten().argsort()
    minor = torch.zeros_like(order, dtype=torch.bool)
    minor[order] = attribution.flatten()[order].cumsum(dim=0) <= threshold
    return minor.unflatten(0, attribution.shape)


def best_allowed(ranking: Sequence[Fit], most: float) -> Fit:
    """Return the first fit of a ranking, "0" left out, that loses little.

    The loss is sqrt(1 - R^2). It may be at most `most`, or 1.5 times that of the best fit if this is more. The ranking
    is that of `suggest` without rejected fits. "0" is returned if there is nothing else.
    """
    others = [fit for fit in ranking if fit.function != ZERO]
    if not others:
        return ranking[0]
    lost = {fit.function: math.sqrt(max(1.0 - fit.r2, 0.0)) for fit in others}
    most = max(most, LOSES_MORE * min(lost.values()))
    return next(fit for fit in others if lost[fit.function] <= most)


def output_moves(runs: Sequence[LayerRun], edge: NetworkEdge, fit: Fit) -> float:
    """Return the cost of a fit, see `Choice`, in a network that has been run."""
    depth, i, j = edge
    run = runs[depth]
    outputs = run.outputs.clone()
    outputs[:, j] += fit(run.inputs[:, i]) - run.edges[:, i, j]
    for later in runs[depth + 1 :]:
        outputs = later.layer(outputs)
    return relative_change(outputs, runs[-1].outputs)


def relative_change(outputs: Tensor, before: Tensor) -> float:
    """Return the root mean square change of the outputs, in standard deviations, of the output that changes most."""
    spread = before.std(dim=0)
    change = (outputs - before).square().mean(dim=0).sqrt()
    return float((change / torch.where(spread > 0, spread, 1.0)).max())
