"""The start of a KAN layer from random functions, and the metric of the functions that it can become."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kanbench.bases import Basis
from kanbench.errors import require
from kanbench.models.switches import EdgeScale, Initialization

if TYPE_CHECKING:
    from kanbench.models.layer import KANLayer

POINTS = 1001  # of the domain, over which means are taken
POWER = 1.75  # of the number of coefficients that enter a node, in power_law
NULL = 1e-12  # share of the largest eigenvalue below which functions count as linearly dependent


def require_functions(initialization: Initialization, bias: bool, edge_scale: EdgeScale) -> None:
    """Raise `ValueError` for a start from functions whose mean has no bias to go to, or whose edges have a scale."""
    if initialization is Initialization.functions:
        plain = edge_scale is EdgeScale.none
        require(plain, "initialization", "must not be functions beside an edge_scale", edge_scale.value)
        require(bias, "initialization", "must not be functions without a bias", initialization.value)


def coefficient_std(basis: Basis, n_in: int, n_out: int, initialization: Initialization, gain: float) -> float:
    """Return the standard deviation of the starting coefficients of a layer with `n_in` inputs and `n_out` nodes."""
    if initialization is Initialization.normal:
        return gain
    if initialization is Initialization.power_law:
        return gain / float(n_in * basis.n_terms) ** POWER
    x = torch.linspace(basis.low, basis.high, POINTS, dtype=torch.float64)
    terms = basis.expand(x.unsqueeze(-1)).detach().squeeze(-2)
    energy = _energy(terms)
    if initialization is Initialization.glorot:
        (slopes,) = torch.gradient(terms, spacing=(x,), dim=0)
        return gain * math.sqrt(2.0 / (n_in * energy + n_out * _energy(slopes)))
    std = gain / math.sqrt(n_in * energy)
    return std / n_in if initialization is Initialization.fan_in else std


def _energy(values: Tensor) -> float:
    """Return the mean over the domain of the sum of squares: (points, n_terms) to a number."""
    return values.square().sum(-1).mean().item()


@torch.no_grad()
def start_from_functions(layer: "KANLayer", gain: float, generator: torch.Generator | None) -> None:
    """Set the coefficients and the bias of a layer to random functions that depend on the span of its edges alone.

    White noise on the domain, the same for every basis, is projected on the functions of an edge and a constant; the
    mean over the domain goes into the bias. So all bases of one span start from the same functions. Over independent
    inputs uniform on the domain, the output of each node has variance gain^2, and mean zero.

    Source: ours; the projection is linear least squares.
    """
    values = _terms_on_domain(layer)  # (n_in, points, n_terms)
    noise = torch.randn(layer.n_in, POINTS, layer.n_out, generator=generator, dtype=torch.float64)
    centred, mean = values - values.mean(dim=1, keepdim=True), values.mean(dim=1)
    # Least squares by the singular values: dependent functions share their part, and small ones are kept.
    u, s, vt = torch.linalg.svd(centred, full_matrices=False)
    kept = s > math.sqrt(NULL) * s[:, :1]
    scale = gain / layer.factor * math.sqrt(POINTS / layer.n_in) / kept.sum(dim=1).sqrt()
    solution = vt.mT @ (torch.where(kept, 1.0 / s, 0.0).unsqueeze(-1) * (u.mT @ noise)) * scale.view(-1, 1, 1)
    layer.coefficients.copy_(layer.of_edges(solution))
    if layer.bias is not None:
        layer.bias.copy_(-layer.factor * torch.einsum("it,ito->o", mean, solution))


@torch.no_grad()
def function_gram(layer: "KANLayer") -> Tensor:
    """Return the mean of f f^T of a layer's features f, over independent inputs uniform on its domain.

    A change d of what multiplies the features changes the output of the node by d.f, whose mean square is d^T G d: a
    length of functions and not of coefficients. A layer with a bias has a 1 as its last feature. Directions that
    change no function, such as the constants of two edges against each other, get the mean of the other eigenvalues,
    so that G is positive definite: (n_features, n_features), or one more with a bias.
    """
    values = _terms_on_domain(layer)
    mean = values.mean(dim=1).flatten()
    centred = values - values.mean(dim=1, keepdim=True)
    gram = torch.block_diag(*(centred.mT @ centred / POINTS))
    if layer.bias is not None:
        mean = torch.cat([mean, mean.new_ones(1)])
        gram = torch.block_diag(gram, gram.new_zeros(1, 1))
    return _without_null(gram + torch.outer(mean, mean))


def _without_null(gram: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(gram)
    null = values <= NULL * values[-1]
    if not null.any():
        return gram
    of_null = vectors[:, null]
    return gram + values[~null].mean() * (of_null @ of_null.mT)


def _terms_on_domain(layer: "KANLayer") -> Tensor:
    """The functions of every edge of each input on points of its domain, in double precision: (n_in, points, n_terms).

    They are those of the layer as it is now, with its knots and inner parameters.
    """
    low, high = (torch.as_tensor(end, dtype=torch.float64).cpu() for end in layer.domain)
    unit = torch.linspace(0.0, 1.0, POINTS, dtype=torch.float64).unsqueeze(-1)
    z = (low + (high - low) * unit).expand(POINTS, layer.n_in)
    return layer.terms(z.to(layer.coefficients)).movedim(1, 0).double().cpu()
