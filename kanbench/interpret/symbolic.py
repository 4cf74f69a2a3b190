"""Layers whose edges are named functions, and the conversion of a KAN to such layers."""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby

import sympy
import torch
from torch import Tensor, nn

from kanbench.errors import require
from kanbench.interpret.attribution import attribute
from kanbench.interpret.choices import (
    THRESHOLD,
    Choice,
    Choices,
    NetworkEdge,
    best_allowed,
    minor_edges,
    output_moves,
    relative_change,
)
from kanbench.interpret.fit import WEIGHT, Fit, fit_edge, suggest
from kanbench.interpret.library import LIBRARY, ZERO, Function, select
from kanbench.interpret.pruning import kan_layers
from kanbench.models import KANLayer
from kanbench.models.edges import LayerRun, run_layers

Edge = tuple[int, int]  # input, output


class SymbolicLayer(nn.Module):
    """A layer whose edges are functions of the library: (..., n_in) -> (..., n_out).

    y_j = sum_i [c f(a x_i + b) + d]_ij + bias_j, each edge with its own f. The constants a, b, c, d can be trained:
    they are one parameter (4, n_edges), with the edges sorted by function, input and output.

    Args:
        n_in, n_out: the numbers of inputs and outputs.
        fits: the fit of each edge (input, output). Edges without one do not exist; an edge with the function "0" only
            adds its d to the bias.
        bias: the bias (n_out,) at the start; zero if None.
        rest: a `KANLayer` without a bias that adds further edges.
        ranges: a pair (low, high) for each input, the range of the samples that were fitted, if known.
        dtype: the precision of the parameters.

    Raises:
        ValueError: for an edge outside the layer, a fit that was rejected, or a `rest` with a bias.

    Source: Liu et al. 2024 (arXiv:2404.19756), section 2.5.1.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        fits: Mapping[Edge, Fit],
        *,
        bias: Tensor | None = None,
        rest: KANLayer | None = None,
        ranges: Sequence[tuple[float, float]] | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        dtype = torch.get_default_dtype() if dtype is None else dtype
        for (i, j), fit in fits.items():
            inside = 0 <= i < n_in and 0 <= j < n_out
            require(inside, "edge", f"must join one of {n_in} inputs to one of {n_out} outputs", (i, j))
            require(fit.reason == "", f"edge {(i, j)}", "needs a function that fits", fit.reason)
        require(rest is None or rest.bias is None, "rest", "must have no bias, because the symbolic layer has it", rest)
        self.n_in, self.n_out = n_in, n_out
        named = {edge: fit for edge, fit in fits.items() if fit.function != ZERO}
        self.edges = tuple(sorted(named, key=lambda edge: (named[edge].name, edge)))
        self.functions = tuple(named[edge].function for edge in self.edges)
        constants = [[getattr(named[edge], k) for edge in self.edges] for k in "abcd"]
        self.constants = nn.Parameter(torch.tensor(constants, dtype=dtype))
        start = torch.zeros(n_out, dtype=dtype) if bias is None else bias.detach().to("cpu", dtype, copy=True)
        for (_, j), fit in fits.items():
            start[j] += fit.d if fit.function == ZERO else 0.0
        self.bias = nn.Parameter(start)
        self.rest = rest
        self.ranges = None if ranges is None else tuple(ranges)

    @property
    def active(self) -> Tensor:
        """Mask of the edges that exist: bool (n_in, n_out)."""
        mask = torch.zeros(self.n_in, self.n_out, dtype=torch.bool, device=self.constants.device)
        for edge in self.edges:
            mask[edge] = True
        return mask if self.rest is None else mask | self.rest.active

    @property
    def edge_labels(self) -> dict[Edge, str]:
        """Functions of the edges as mathtext, by (input, output)."""
        x = sympy.Symbol("x", real=True)
        return {e: f"${sympy.latex(f.sympy(x))}$" for e, f in zip(self.edges, self.functions, strict=True)}

    def edge_outputs(self, x: Tensor) -> Tensor:
        """Return the contribution of every edge to its node: (..., n_in) -> (..., n_in, n_out), zero where there is no
        edge.
        """
        slots = torch.tensor([i * self.n_out + j for i, j in self.edges], dtype=torch.long, device=x.device)
        values = self._values(x)
        nothing = values.new_zeros(*values.shape[:-1], self.n_in * self.n_out)
        outputs = nothing.index_copy(-1, slots, values).unflatten(-1, (self.n_in, self.n_out))
        return outputs if self.rest is None else outputs + self.rest.edge_outputs(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.edge_outputs(x).sum(dim=-2) + self.bias

    def _values(self, x: Tensor) -> Tensor:
        """Return c f(a x + b) + d of every edge: (..., n_in) -> (..., n_edges)."""
        a, b, c, d = self.constants
        inner = a * x[..., [i for i, _ in self.edges]] + b
        runs = [(function, len(list(run))) for function, run in groupby(self.functions)]
        parts = inner.split([length for _, length in runs], dim=-1)
        outer = [function.torch(part) for (function, _), part in zip(runs, parts, strict=True)]
        return c * torch.cat([*outer, inner[..., :0]], dim=-1) + d

    def extra_repr(self) -> str:
        named = ", ".join(f"{i}->{j}: {f.name}" for (i, j), f in zip(self.edges, self.functions, strict=True))
        return f"{self.n_in}, {self.n_out}, {named}"


class SymbolicNetwork(nn.Sequential):
    """A sequence of symbolic layers with the `choices` that made them; None for a network that comes from a file."""

    choices: Choices | None = None


def snap(
    layer: KANLayer,
    x: Tensor,
    names: Mapping[Edge, str] | None = None,
    library: Mapping[str, Function] = LIBRARY,
    *,
    weight: float = WEIGHT,
    threshold: float = THRESHOLD,
) -> SymbolicLayer:
    """Replace every edge of a layer by a function of the library, as `snap_network` does for a network of one layer.

    A squash is part of the edges behind it: the edges become functions of the values that enter the layer.

    Args:
        layer: a trained layer.
        x: samples (n, n_in) of its inputs.
        names: the functions of some edges (input, output), chosen by hand.
        library, weight, threshold: as in `snap_network`.

    Raises:
        ValueError: if a named edge does not exist or its function does not fit.
        UnknownName: for a function that is not in the library.
    """
    names = {} if names is None else names
    active = {(i, j) for i, j in layer.active.nonzero().tolist()}
    for edge in names:
        require(edge in active, "edge", "must be one that the layer has", edge)
    by_hand = {(0, *edge): name for edge, name in names.items()}
    snapped = snap_network(nn.Sequential(layer), x, by_hand, library, weight=weight, threshold=threshold)[0]
    assert isinstance(snapped, SymbolicLayer)
    return snapped


@torch.no_grad()
def snap_network(
    model: nn.Sequential,
    x: Tensor,
    names: Mapping[NetworkEdge, str] | None = None,
    library: Mapping[str, Function] = LIBRARY,
    *,
    weight: float = WEIGHT,
    threshold: float = THRESHOLD,
) -> SymbolicNetwork:
    """Replace every edge of a KAN by a function of the library, fitted on samples.

    Each edge becomes the first fit of `suggest` that loses little, or a constant if it can be left out. The edges of a
    layer that are left out have attributions that sum to at most `threshold`. For the others sqrt(1 - R^2) is at most
    `threshold` over the sum of the layer's attributions, or at most 1.5 times that of the best fit if this is more.
    Each layer is fitted on the values that the KAN itself feeds to it, so a poor fit of one edge does not spoil later
    ones.

    Args:
        model: a sequence of `KANLayer`s.
        x: samples (n, n_in), at least two.
        names: the functions of some edges (layer, input, output), chosen by hand.
        library: the functions to choose from, by name.
        weight: the bits that a unit of complexity costs, see `suggest`.
        threshold: the loss that is allowed, in spreads of the output; at least 0.

    Returns:
        The symbolic network; `print(network.choices)` shows every choice beside its rival.

    Raises:
        ValueError: for a layer that is not a `KANLayer`, and for a named edge that does not exist or whose function
            does not fit.
        UnknownName: for a function that is not in the library.

    Source: Liu et al. 2024 (arXiv:2404.19756), section 2.5.1, with the choice made by the rules above.

    Example:
        >>> import torch
        >>> from kanbench import KAN
        >>> from kanbench.interpret import formula, snap_network
        >>> network = snap_network(KAN([1, 1]), torch.linspace(-1, 1, 100).unsqueeze(1), {(0, 0, 0): "x"})
        >>> formula(network, ["x"]).free_symbols
        {x}
    """
    require(threshold >= 0, "threshold", "must not be negative", threshold)
    names = {} if names is None else names
    layers = kan_layers(model)
    there = [(depth, i, j) for depth, layer in enumerate(layers) for i, j in layer.active.nonzero().tolist()]
    for edge in names:
        require(edge in there, "edge (layer, input, output)", "must be one that the network has", edge)
    chosen = {edge: select([name], library)[name] for edge, name in names.items()}
    runs, attributions = run_layers(model, x), attribute(model, x).edges
    library = {**library, ZERO.name: ZERO}
    choices = [
        _choice(runs, edge, attributions[edge[0]], chosen.get(edge), library, weight=weight, threshold=threshold)
        for edge in there
    ]
    network = SymbolicNetwork(
        *(_named(layer, run, depth, choices) for depth, (layer, run) in enumerate(zip(layers, runs, strict=True)))
    )
    network.choices = Choices(tuple(choices), relative_change(network(x), runs[-1].outputs))
    return network


def _choice(
    runs: Sequence[LayerRun],
    edge: NetworkEdge,
    attributions: Tensor,
    by_hand: Function | None,
    library: Mapping[str, Function],
    *,
    weight: float,
    threshold: float,
) -> Choice:
    """Choose the fit of an edge, beside the first other one of the ranking; attributions (n_in, n_out) of its layer."""
    depth, i, j = edge
    samples = runs[depth].inputs[:, i], runs[depth].edges[:, i, j]
    ranking = [fit for fit in suggest(*samples, library, weight=weight) if fit.reason == ""]
    if by_hand is not None:
        fit = fit_edge(*samples, by_hand)
        require(fit.reason == "", f"layer {depth}, edge {(i, j)}", "needs a function that fits", fit.reason)
    elif minor_edges(attributions, threshold)[i, j]:
        fit = ranking[0]
    else:
        fit = best_allowed(ranking, threshold / attributions.sum().item())
    rival = next((other for other in ranking if other.function != fit.function), None)
    cost, rival_cost = (math.nan if each is None else output_moves(runs, edge, each) for each in (fit, rival))
    return Choice(edge, fit, cost, rival, rival_cost, attributions[i, j].item())


def _named(layer: KANLayer, run: LayerRun, depth: int, choices: Sequence[Choice]) -> SymbolicLayer:
    """Build the symbolic layer at one depth from the choices for it."""
    fits = {choice.edge[1:]: choice.fit for choice in choices if choice.edge[0] == depth}
    ranges = torch.stack([run.inputs.min(dim=0).values, run.inputs.max(dim=0).values], dim=1).tolist()
    n_in, n_out = layer.active.shape
    bounds = [(low, high) for low, high in ranges]
    x = run.inputs
    return SymbolicLayer(n_in, n_out, fits, bias=layer.bias, ranges=bounds, dtype=x.dtype).to(x.device)
