"""Removal of the edges and nodes of a network that do not matter."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import TypeVar

import torch
from torch import Tensor, nn

from kanbench.errors import require
from kanbench.interpret.attribution import attribute
from kanbench.models import KANLayer

Network = TypeVar("Network", bound=nn.Sequential)


def prune(model: Network, x: Tensor, *, edge_threshold: float = 0.03, node_threshold: float = 0.01) -> Network:
    """Return a smaller network without the edges and hidden nodes that matter little.

    It has the class of the model, all inputs and outputs, and only the parameters of the remaining edges. A removed
    edge leaves its mean over the samples in the bias of its node, and so does everything from a hidden node that no
    input reaches any more. A layer without a bias gets one, unless all means are zero. Each edge is judged by itself;
    in a wide layer many small ones may matter together.

    Args:
        model: a sequence of `KANLayer`s.
        x: samples (n, n_in), at least two.
        edge_threshold: an edge is removed if its attribution is at most this, in [0, 1).
        node_threshold: a hidden node is removed if its attribution is at most this, in [0, 1).

    Raises:
        ValueError: if a threshold is not in [0, 1), or if no path from an input to an output would be left.

    Source: Liu et al. 2024 (arXiv:2404.19756), section 2.5.1, with the scores of `attribute`.

    Example:
        >>> import torch
        >>> from kanbench import KAN
        >>> from kanbench.interpret import prune
        >>> x = torch.rand(100, 2)
        >>> smaller = prune(KAN([2, 5, 1]), x, edge_threshold=0.05)
    """
    require(0.0 <= edge_threshold < 1.0, "edge_threshold", "must be in [0, 1)", edge_threshold)
    require(0.0 <= node_threshold < 1.0, "node_threshold", "must be in [0, 1)", node_threshold)
    kept = [layer.active for layer in kan_layers(model)]
    scores = attribute(model, x)
    for edges, score in zip(kept, scores.edges, strict=True):
        edges &= score > edge_threshold
    for edges, score in zip(kept[1:], scores.nodes[1:], strict=False):
        edges[score <= node_threshold] = False
    return rebuilt(model, kept, x)


def without_edges(model: Network, edges: Iterable[tuple[int, int, int]], x: Tensor | None = None) -> Network:
    """Return the network without some edges, as `prune` makes it.

    Args:
        model: a sequence of `KANLayer`s.
        edges: the edges to remove, as (layer, input, output).
        x: samples (n, n_in) for the means that removed edges leave behind; without them the means count as zero.

    Raises:
        ValueError: if there is no such edge, or if no path from an input to an output would be left.
    """
    kept = [layer.active for layer in kan_layers(model)]
    for edge in edges:
        require(len(edge) == 3, "edge", "must be (layer, input, output)", edge)
        layer, i, j = edge
        there = 0 <= layer < len(kept) and 0 <= i < kept[layer].shape[0] and 0 <= j < kept[layer].shape[1]
        require(there and bool(kept[layer][i, j]), "edge (layer, input, output)", "must be in the network", edge)
        kept[layer][i, j] = False
    return rebuilt(model, kept, x)


def without_nodes(model: Network, nodes: Iterable[tuple[int, int]], x: Tensor | None = None) -> Network:
    """Return the network without the edges that leave some nodes, see `without_edges`.

    Outputs cannot be removed; removed inputs stay as columns that nothing reads.

    Args:
        model: a sequence of `KANLayer`s.
        nodes: the nodes to remove, as (layer, node); layer 0 is the inputs.
        x: samples (n, n_in) for the means that removed edges leave behind.

    Raises:
        ValueError: if there is no such input or hidden node, or if no path from an input to an output would be left.
    """
    kept = [layer.active for layer in kan_layers(model)]
    for node in nodes:
        require(len(node) == 2, "node", "must be (layer, node)", node)
        layer, i = node
        there = 0 <= layer < len(kept) and 0 <= i < kept[layer].shape[0]
        require(there, "node (layer, node)", "must be an input or a hidden node of the network", node)
        kept[layer][i] = False
    return rebuilt(model, kept, x)


def kan_layers(model: nn.Sequential) -> list[KANLayer]:
    """Return the layers of a network; raises `ValueError` unless it is a sequence of `KANLayer`s."""
    require(isinstance(model, nn.Sequential), "model", "must be a sequence of layers", type(model).__name__)
    for index, layer in enumerate(model):
        require(isinstance(layer, KANLayer), f"layer {index}", "must be a KANLayer", type(layer).__name__)
    return [layer for layer in model if isinstance(layer, KANLayer)]


@torch.no_grad()
def rebuilt(model: Network, kept: Sequence[Tensor], x: Tensor | None) -> Network:
    """Build the network of those `kept` edges, bool (n_in, n_out) for each layer, that lie on a path from input to
    output.
    """
    on_path, nodes = paths(kept)
    layers = kan_layers(model)
    smaller = deepcopy(model)
    for index, constant in enumerate(left_behind(layers, kept, on_path, x)):
        part = layers[index].sublayer(nodes[index], nodes[index + 1], on_path[index])
        constant = constant[nodes[index + 1]]
        if part.bias is not None:
            part.bias.add_(constant)
        elif constant.any():
            part.bias = nn.Parameter(constant)
        smaller[index] = part
    return smaller


def paths(kept: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Return the edges on a path from an input to an output, and the nodes on one; all inputs and outputs are included.

    Both are masks for each layer: bool (n_in, n_out) and (width,). Raises `ValueError` if there is no path.
    """
    reached = [torch.ones_like(kept[0][:, 0])]  # nodes that an input reaches, from the inputs upwards
    for edges in kept:
        reached.append((edges & reached[-1].unsqueeze(1)).any(dim=0))
    if not reached[-1].any():
        raise ValueError("pruning would leave no path from an input to an output")
    needed = [torch.ones_like(reached[-1])]  # nodes that reach an output, from the outputs downwards
    for edges in reversed(kept):
        needed.insert(0, (edges & needed[0]).any(dim=1))
    on_path = [
        edges & below.unsqueeze(1) & above for edges, below, above in zip(kept, reached[:-1], needed[1:], strict=True)
    ]
    hidden = [a & b for a, b in zip(reached, needed, strict=True)][1:-1]
    return on_path, [torch.ones_like(reached[0]), *hidden, torch.ones_like(reached[-1])]


def left_behind(
    layers: Sequence[KANLayer], kept: Sequence[Tensor], on_path: Sequence[Tensor], x: Tensor | None
) -> list[Tensor]:
    """Return the mean over x of all edges that are not on a path, summed at their node: (n_out,) for each layer.

    x flows through the network in which edges that are not kept are constant: their mean, or zero if x is None. Kept
    edges that no input reaches are then constant by themselves, whatever x is.
    """
    constants = []
    inputs = layers[0].coefficients.new_zeros(1, layers[0].n_in) if x is None else x
    for layer, keep, stays in zip(layers, kept, on_path, strict=True):
        values = layer.edge_outputs(inputs)
        mean = values.mean(dim=0) * (keep if x is None else 1.0)
        constants.append(torch.where(stays, 0.0, mean).sum(dim=0))
        inputs = torch.where(keep, values, mean).sum(dim=1)
        inputs = inputs if layer.bias is None else inputs + layer.bias
    return constants
