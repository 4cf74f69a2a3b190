"""Which edges and nodes the output depends on."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kanbench.errors import require
from kanbench.models.edges import run_layers


@dataclass(frozen=True)
class Attribution:
    """Scores, 1 being that of an output.

    nodes: (n_inputs,), (width,), .. (n_outputs,), from the inputs to the outputs.   edges: (n_in, n_out) of each layer.
    """

    nodes: list[Tensor]
    edges: list[Tensor]


@torch.no_grad()
def attribute(model: nn.Sequential, x: Tensor) -> Attribution:
    """Scores of all nodes and edges on samples x (n, n_in), from the outputs backwards.

    An edge has the score of the node above it times the ratio of its standard deviation to that of the node (0 where
    the node is constant); a node has the sum of the scores of the edges that leave it.

    Raises `ValueError` for fewer than two samples, or some that are not finite.

    Source: Liu et al. 2024 (arXiv:2408.10205), section 4.1.
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
