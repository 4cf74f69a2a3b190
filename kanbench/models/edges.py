"""What the edges of a network do on samples, and how sparse that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from kanbench.errors import require
from kanbench.models.kan import require_dtype


class EdgeLayer(Protocol):
    """A layer whose every node is a sum over edges: forward(x) = edge_outputs(x).sum(-2) + bias."""

    n_in: int
    n_out: int
    bias: Tensor | None

    @property
    def active(self) -> Tensor:
        """Which edges there are: bool (n_in, n_out)."""

    def edge_outputs(self, x: Tensor) -> Tensor:
        """What every edge adds to its node: (..., n_in) -> (..., n_in, n_out)."""

    def __call__(self, x: Tensor) -> Tensor:
        """The layer: (..., n_in) -> (..., n_out)."""


@dataclass(frozen=True)
class LayerRun:
    """A layer on n samples: inputs (n, n_in), edges (n, n_in, n_out), outputs (n, n_out)."""

    layer: EdgeLayer
    inputs: Tensor
    edges: Tensor
    outputs: Tensor

    @property
    def norms(self) -> Tensor:
        """Mean magnitude of every edge: (n_in, n_out)."""
        return self.edges.abs().mean(dim=0)


def run_layers(model: nn.Sequential, x: Tensor) -> list[LayerRun]:
    """The layers of a network on samples x (n, n_in), in the order of the data.

    Raises `ValueError` if a layer has no edges to speak of, or if x does not fit the first one.
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
    """The layers of a network; raises `ValueError` if it is no sequence, or if one is not a sum over edges."""
    require(isinstance(model, nn.Sequential), "model", "must be a sequence of layers", type(model).__name__)
    for index, layer in enumerate(model):
        require(hasattr(layer, "edge_outputs"), f"layer {index}", "must be a sum over edges", type(layer).__name__)
    return [cast(EdgeLayer, layer) for layer in model]


def edge_norms(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    """Mean magnitude of every edge over the samples, one (n_in, n_out) per layer.

    Source: Liu et al. 2024 (arXiv:2404.19756), eq. 2.17.
    """
    return [run.norms for run in run_layers(model, x)]


def norm_entropy(norms: Tensor) -> Tensor:
    """Entropy of the shares that edges have in the sum of their norms: 0 for one edge, log(n) for n equal ones.

    Its gradient is finite where norms are zero, all of them included.

    Source: Liu et al. 2024 (arXiv:2404.19756), eq. 2.19.
    """
    total = norms.sum()
    share = norms / torch.where(total > 0, total, 1.0)
    return -(share * share.clamp_min(torch.finfo(share.dtype).tiny).log()).sum()


def sparsity(model: nn.Sequential, x: Tensor, entropy: float = 1.0) -> Tensor:
    """L1 norm of the edges plus `entropy` times their entropy, summed over layers: a penalty that can be trained.

    A scalar; differentiable by parameters and inputs, under autograd and torch.func alike.

    Source: Liu et al. 2024 (arXiv:2404.19756), eqs. 2.18 to 2.20 with mu_1 = 1 and mu_2 = `entropy`.
    """
    return sparsity_of(run_layers(model, x), entropy)


def sparsity_of(runs: Sequence[LayerRun], entropy: float) -> Tensor:
    """`sparsity` of a network that has already been run."""
    return torch.stack([run.norms.sum() + entropy * norm_entropy(run.norms) for run in runs]).sum()
