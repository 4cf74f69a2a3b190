"""Attribution of the output to edges and nodes."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kanbench.errors import require
from kanbench.models.edges import run_layers


@dataclass(frozen=True)
class Attribution:
    """Scores of nodes and edges, relative to an output, whose score is 1.

    Attributes:
        nodes: one tensor for each layer of nodes, from inputs to outputs: (n_inputs,), (width,), .. (n_outputs,).
        edges: one tensor (n_in, n_out) for each layer of edges.
    """

    nodes: list[Tensor]
    edges: list[Tensor]


@torch.no_grad()
def attribute(model: nn.Sequential, x: Tensor) -> Attribution:
    """Score all nodes and edges of a network on samples, from the outputs backwards.

    The score of an edge is that of the node above it times the ratio of their standard deviations over the samples, or
    0 where the node is constant. The score of a node is the sum of the scores of the edges leaving it.

    Args:
        model: a sequence of layers that are sums over edges, such as a `KAN`.
        x: samples (n, n_in), at least two.

    Raises:
        ValueError: for fewer than two samples, or samples that are not finite.

    Source: Liu et al. 2024 (arXiv:2408.10205), section 4.1.

    Example:
        >>> import torch
        >>> from kanbench import KAN
        >>> from kanbench.interpret import attribute
        >>> scores = attribute(KAN([2, 5, 1]), torch.rand(100, 2))
        >>> [each.shape for each in scores.edges]
        [torch.Size([2, 5]), torch.Size([5, 1])]
    """
    require(len(x) >= 2, "x", "must hold at least two samples", len(x))
    require(bool(x.isfinite().all()), "x", "must be finite", "NaN or infinity")
    runs = run_layers(model, x)
    nodes, edges = [torch.ones_like(runs[-1].outputs[0])], []
    for run in reversed(runs):
        spread = run.outputs.std(dim=0)
        share = run.edges.std(dim=0) / torch.where(spread > 0, spread, torch.inf)
        edges.append(nodes[-1] * share)
        nodes.append(edges[-1].sum(dim=1))
    return Attribution(nodes[::-1], edges[::-1])
