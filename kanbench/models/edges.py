"""Outputs of the edges of a network on samples, and measures of how sparse they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from kanbench.errors import require
from kanbench.models.linear import require_dtype


class EdgeLayer(Protocol):
    """A layer whose nodes are sums over edges: forward(x) = edge_outputs(x).sum(-2) + bias."""

    n_in: int
    n_out: int
    bias: Tensor | None

    @property
    def active(self) -> Tensor:
        """Mask of the edges that exist: bool (n_in, n_out)."""

    def edge_outputs(self, x: Tensor) -> Tensor:
        """Return the contribution of every edge to its node: (..., n_in) -> (..., n_in, n_out)."""

    def __call__(self, x: Tensor) -> Tensor:
        """Apply the layer: (..., n_in) -> (..., n_out)."""


@dataclass(frozen=True)
class LayerRun:
    """A layer evaluated on n samples: inputs (n, n_in), edges (n, n_in, n_out), outputs (n, n_out)."""

    layer: EdgeLayer
    inputs: Tensor
    edges: Tensor
    outputs: Tensor

    @property
    def norms(self) -> Tensor:
        """Mean magnitude of every edge over the samples: (n_in, n_out)."""
        return self.edges.abs().mean(dim=0)


def run_layers(model: nn.Sequential, x: Tensor) -> list[LayerRun]:
    """Evaluate a network layer by layer on samples.

    Args:
        model: a sequence of layers that are sums over edges, such as a `KAN`.
        x: samples (n, n_in), in the precision of the model.

    Returns:
        One `LayerRun` for each layer, from the inputs to the outputs.

    Raises:
        ValueError: if a layer is not a sum over edges, or if x does not fit the first one.
    """
    require_dtype(model, x)
    runs = []
    for index, layer in enumerate(edge_layers(model)):
        require(
            x.shape[-1] == layer.n_in, f"the input of layer {index}", f"must have {layer.n_in} columns", x.shape[-1]
        )
        edges = layer.edge_outputs(x)
        outputs = edges.sum(-2) if layer.bias is None else edges.sum(-2) + layer.bias
        runs.append(LayerRun(layer, x, edges, outputs))
        x = outputs
    return runs


def edge_layers(model: nn.Sequential) -> list[EdgeLayer]:
    """Return the layers of a network; raises `ValueError` unless it is a sequence of sums over edges."""
    require(isinstance(model, nn.Sequential), "model", "must be a sequence of layers", type(model).__name__)
    for index, layer in enumerate(model):
        require(hasattr(layer, "edge_outputs"), f"layer {index}", "must be a sum over edges", type(layer).__name__)
    return [cast(EdgeLayer, layer) for layer in model]


def edge_norms(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    """Return the mean magnitude of every edge over samples x (n, n_in): one (n_in, n_out) for each layer.

    Source: Liu et al. 2024 (arXiv:2404.19756), eq. 2.17.
    """
    return [run.norms for run in run_layers(model, x)]


def norm_entropy(norms: Tensor) -> Tensor:
    """Return the entropy, in nats, of the shares of the edges in the sum of their norms.

    The entropy is 0 for one edge and log(n) for n equal ones. Its gradient is finite even where norms are zero.

    Source: Liu et al. 2024 (arXiv:2404.19756), eq. 2.19.
    """
    total = norms.sum()
    share = norms / torch.where(total > 0, total, 1.0)
    return -(share * share.clamp_min(torch.finfo(share.dtype).tiny).log()).sum()


def sparsity(model: nn.Sequential, x: Tensor, entropy: float = 1.0) -> Tensor:
    """Return a trainable penalty: the L1 norm of the edges plus `entropy` times their entropy, summed over layers.

    Args:
        model: a sequence of layers that are sums over edges.
        x: samples (n, n_in).
        entropy: the weight mu_2 of the entropy; mu_1 is 1.

    Returns:
        A scalar, differentiable with respect to parameters and inputs under autograd and torch.func.

    Source: Liu et al. 2024 (arXiv:2404.19756), eqs. 2.18 to 2.20.
    """
    return sparsity_of(run_layers(model, x), entropy)


def sparsity_of(runs: Sequence[LayerRun], entropy: float) -> Tensor:
    """Return the `sparsity` of a network that has already been run."""
    return torch.stack([run.norms.sum() + entropy * norm_entropy(run.norms) for run in runs]).sum()
