"""How fast spline KANs approximate: error against grid size, in the function and in its derivatives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from kanbench.bases import BSpline
from kanbench.models import KANLayer

Function = Callable[[Tensor], Tensor]  # elementwise


@dataclass(frozen=True)
class Edge:
    """A smooth function on [low, high]."""

    name: str
    function: Function
    low: float = -1.0
    high: float = 1.0


def interpolant(edge: Edge, degree: int, intervals: int, oversampling: int = 8) -> KANLayer:
    """The least-squares spline of an edge on Chebyshev points, as a layer of one edge."""
    basis = BSpline(edge.low, edge.high, degree, intervals)
    layer = KANLayer(1, 1, basis, bias=False, generator=torch.Generator(), dtype=torch.float64)
    n = oversampling * basis.n_terms
    z = torch.cos(torch.pi * (torch.arange(n, dtype=torch.float64) + 0.5) / n)
    x = basis.from_unit(z).unsqueeze(1)
    with torch.no_grad():
        layer.coefficients.copy_(torch.linalg.lstsq(layer.features(x), edge.function(x)).solution.view(1, -1, 1))
    return layer


def derivatives(function: Function, x: Tensor, order: int) -> dict[tuple[int, ...], Tensor]:
    """All partial derivatives up to `order` of a function (n, d) -> (n, 1) at x, by repeated autograd.

    Keyed by how often each input is derived by: (1, 2) is once by the first and twice by the second.
    """
    x = x.detach().requires_grad_()
    found = {(0,) * x.shape[1]: function(x).squeeze(1)}
    for total in range(1, order + 1):
        for index in product(range(total + 1), repeat=x.shape[1]):
            if sum(index) == total:
                i = next(i for i, times in enumerate(index) if times)
                lower = found[tuple(times - (k == i) for k, times in enumerate(index))]
                found[index] = _derivative(lower, x, i)
    return {index: value.detach() for index, value in found.items()}


def _derivative(values: Tensor, x: Tensor, i: int) -> Tensor:
    if not values.requires_grad:
        return torch.zeros_like(values)
    (slope,) = torch.autograd.grad(values.sum(), x, create_graph=True, allow_unused=True)
    return torch.zeros_like(values) if slope is None else slope[:, i]


def norms(model: Function, target: Function, x: Tensor, order: int) -> list[float]:
    """|| model - target ||_{C^m} on points x for m = 0 .. order: the largest error of any derivative up to m."""
    mine, theirs = derivatives(model, x, order), derivatives(target, x, order)
    largest = [0.0] * (order + 1)
    for index, value in mine.items():
        error = (value - theirs[index]).abs().max().item()
        for m in range(sum(index), order + 1):
            largest[m] = max(largest[m], error)
    return largest
