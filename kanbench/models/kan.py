"""Kolmogorov-Arnold networks: sequences of KAN layers."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch

from kanbench.bases import Basis
from kanbench.errors import chosen
from kanbench.models.layer import KANLayer
from kanbench.models.linear import Layers, require_shape
from kanbench.models.switches import Aggregation, BaseBranch, EdgeScale, Initialization, Squash


class KAN(Layers):
    """A Kolmogorov-Arnold network: a sequence of `KANLayer`s, (batch, shape[0]) -> (batch, shape[-1]).

    Inputs should be scaled to the domain of the basis, [-1, 1] by default; between layers, `squash` does it.

    Args:
        shape: the widths of the network from inputs to outputs; [2, 5, 1] has one hidden layer of 5 nodes.
        basis: the family of functions on the edges; cubic `BSpline()` with 2 intervals if None.
        aggregation: the way in which a node combines its edges: sum, mean, or sum / sqrt(n_in).
        base_branch: the residual (base) function beside the basis: none, linear or silu.
        bias: whether each node has a learnable bias.
        edge_scale: a learnable magnitude for each edge, see `EdgeScale`.
        squash: the map between layers; unlike in `KANLayer` it is tanh by default, and it never acts on the network's
            inputs.
        initialization: the rule for the standard deviation of the starting coefficients, see `Initialization`.
        gain: the number in that rule.
        edges: the pairs (input, output) that exist in every layer; all of them if None.
        generator: the source of the random start; the default one of torch if None.
        dtype: the precision of the parameters.

    Raises:
        ValueError: for a shape without two widths of at least 1, or an unknown choice.

    Source: Liu et al. 2024 (arXiv:2404.19756), eqs. 2.5 to 2.7.

    Example:
        >>> import torch
        >>> from kanbench import KAN
        >>> model = KAN([2, 5, 1])
        >>> model(torch.zeros(10, 2)).shape
        torch.Size([10, 1])
    """

    def __init__(
        self,
        shape: Sequence[int],
        basis: Basis | None = None,
        aggregation: Aggregation = Aggregation.sum,
        *,
        base_branch: BaseBranch = BaseBranch.none,
        bias: bool = True,
        edge_scale: EdgeScale = EdgeScale.none,
        squash: Squash = Squash.tanh,
        initialization: Initialization = Initialization.variance,
        gain: float = 0.3,
        edges: Iterable[tuple[int, int]] | None = None,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        require_shape(shape)
        squash = chosen(Squash, "squash", squash)
        squashes = [Squash.none] + [squash] * (len(shape) - 2)
        super().__init__(
            *(
                KANLayer(
                    n_in,
                    n_out,
                    basis,
                    aggregation,
                    base_branch=base_branch,
                    bias=bias,
                    edge_scale=edge_scale,
                    squash=each,
                    initialization=initialization,
                    gain=gain,
                    edges=edges,
                    generator=generator,
                    dtype=dtype,
                )
                for (n_in, n_out), each in zip(pairwise(shape), squashes, strict=True)
            )
        )
