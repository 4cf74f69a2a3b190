"""Spline networks that approximate known smooth edges, and their errors with derivatives."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

from kanbench.bases import BSpline
from kanbench.models import KANLayer

Function = Callable[[Tensor], Tensor]
OVERSAMPLING = 8  # samples per spline


@dataclass(frozen=True)
class Edge:
    """A smooth function on [low, high], elementwise."""

    name: str
    function: Function
    low: float = -1.0
    high: float = 1.0

    def spline(self, degree: int, intervals: int) -> KANLayer:
        """Fit a spline by least squares on Chebyshev points; return it as a layer of one edge."""
        layer = KANLayer(
            1,
            1,
            BSpline(self.low, self.high, degree, intervals),
            bias=False,
            generator=torch.Generator(),
            dtype=torch.float64,
        )
        x = layer.basis.from_unit(chebyshev_points(OVERSAMPLING * layer.basis.n_terms)).unsqueeze(1)
        with torch.no_grad():
            solution = torch.linalg.lstsq(layer.features(x), self.function(x)).solution
            layer.coefficients.copy_(solution.view(1, -1, 1))
        return layer


@dataclass(frozen=True)
class Composition:
    """The function outer(sum_i inner_i(x_i)), the smooth representation that a [d, 1, 1] KAN can follow."""

    name: str
    inner: tuple[Edge, ...]
    outer: Edge

    def function(self, x: Tensor) -> Tensor:
        """Evaluate the composition: (n, d) -> (n, 1)."""
        edges = [edge.function(column) for edge, column in zip(self.inner, x.split(1, dim=1), strict=True)]
        return self.outer.function(torch.cat(edges, dim=1).sum(dim=1, keepdim=True))

    def splines(self, degree: int, intervals: int) -> nn.Sequential:
        """Return the KAN whose every edge is the spline of the known one."""
        edges = [edge.spline(degree, intervals) for edge in self.inner]
        first = KANLayer(len(edges), 1, edges[0].basis, bias=False, generator=torch.Generator(), dtype=torch.float64)
        with torch.no_grad():
            first.coefficients.copy_(torch.cat([edge.coefficients for edge in edges]))
        return nn.Sequential(first, self.outer.spline(degree, intervals))


def chebyshev_points(n: int) -> Tensor:
    """Return the zeros of T_n, dense at both ends of [-1, 1]: (n,)."""
    return torch.cos(torch.pi * (torch.arange(n, dtype=torch.float64) + 0.5) / n)


def derivatives(function: Function, x: Tensor, order: int) -> dict[tuple[int, ...], Tensor]:
    """Evaluate all partial derivatives up to `order` of a function (n, d) -> (n, 1) at x, by repeated autograd.

    A key gives the order in each input: (1, 2) is one derivative by the first input and two by the second.
    """
    x = x.detach().requires_grad_()
    found = {(0,) * x.shape[1]: function(x).squeeze(1)}
    for index in sorted(product(range(order + 1), repeat=x.shape[1]), key=sum):
        if 0 < sum(index) <= order:
            i = next(i for i, times in enumerate(index) if times)
            lower = found[tuple(times - (k == i) for k, times in enumerate(index))]
            found[index] = _derivative(lower, x, i)
    return {index: value.detach() for index, value in found.items()}


def _derivative(values: Tensor, x: Tensor, i: int) -> Tensor:
    """Return the derivative, which is 0 where autograd finds no dependence, as for a constant."""
    if not values.requires_grad:
        return torch.zeros_like(values)
    (slopes,) = torch.autograd.grad(values.sum(), x, create_graph=True, allow_unused=True)
    return torch.zeros_like(values) if slopes is None else slopes[:, i]


def distances(model: Function, target: Function, x: Tensor, order: int) -> list[float]:
    """Return || model - target || in C^0 .. C^order on points x: the largest error of a derivative up to each order."""
    mine, theirs = derivatives(model, x, order), derivatives(target, x, order)
    of_order = np.zeros(order + 1)
    for index, value in mine.items():
        error = (value - theirs[index]).abs().max().item()
        of_order[sum(index)] = np.maximum(of_order[sum(index)], error)  # NaN if either is, unlike max
    return np.maximum.accumulate(of_order).tolist()
