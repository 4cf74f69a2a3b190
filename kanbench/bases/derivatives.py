"""Derivatives of any functions of one variable, by reverse mode over reverse mode."""

from collections.abc import Callable

import torch
from torch import Tensor


@torch.enable_grad()
def by_autograd(functions: Callable[[Tensor], Tensor], z: Tensor, order: int) -> list[Tensor]:
    """Return functions and their derivatives, each by as many passes backward as there are functions.

    Forward mode is no choice: nested, it takes derivatives of functions with a backward pass of their own for zero.

    Args:
        functions: (..., n) -> (..., k, n), each point for itself.
        z: the points (..., n).
        order: the highest derivative.

    Returns:
        The values, the first derivatives and so on: order + 1 tensors (..., k, n).
    """
    z = z.detach().requires_grad_()
    found = [functions(z)]
    for _ in range(order):
        found.append(torch.stack([_slope(row, z) for row in found[-1].unbind(-2)], dim=-2))
    return [each.detach() for each in found]


def _slope(values: Tensor, z: Tensor) -> Tensor:
    """Return the derivative of every value by its own point; it is zero where the values do not depend on it."""
    if not values.requires_grad:
        return torch.zeros_like(z)
    slope = torch.autograd.grad(values.sum(), z, create_graph=True, allow_unused=True)[0]
    return torch.zeros_like(z) if slope is None else slope
