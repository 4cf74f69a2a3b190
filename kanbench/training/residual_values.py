"""Values of residuals at rows, from the jets of networks, and their derivatives by these jets."""

import torch
from torch import Tensor

from kanbench.training.residual import Problem
from kanbench.training.residual_rows import PartRows


def residuals(problem: Problem, rows: PartRows, jets: Tensor, coefficients: Tensor) -> Tensor:
    """Return the residuals of all rows, without their factors.

    Args:
        problem: the equation.
        rows: where residuals are wanted.
        jets: those of u at all points, (members, rows of jets, points).
        coefficients: the unknown numbers of the equation, (members, coefficients).

    Returns:
        (members, n)
    """
    values = []
    unknown = coefficients.mT.unsqueeze(-1) if coefficients.shape[1] else None
    for block in rows.blocks:
        residual, jet = problem.residuals[block.index], block.take(jets)
        named = {name: rows.along.read(name, jet) for name in residual.orders}
        value = residual(rows.points[:, block.rows], named, unknown)
        values.append(value.expand(jet.shape[0], jet.shape[-1]))
    return torch.cat(values, dim=1)


@torch.enable_grad()
def partials(
    problem: Problem, rows: PartRows, jets: Tensor, coefficients: Tensor
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return the residuals and their derivatives by the jets of u and by the coefficients; see `residuals`.

    A residual is elementwise in the rows, so one backward pass of the sum gives the derivatives of all rows.

    Returns:
        (members, n), (members, rows of jets, points), and (members, n, coefficients) or None if there are none.
    """
    values, by_jets = [], torch.zeros_like(jets)
    copies = coefficients.mT.unsqueeze(-1).repeat(1, 1, rows.n)  # one for each row
    by_copies = torch.zeros_like(copies)
    for block in rows.blocks:
        residual, jet = problem.residuals[block.index], block.take(jets)
        named = {name: rows.along.read(name, jet).detach().requires_grad_() for name in residual.orders}
        unknown = copies[..., block.rows].detach().requires_grad_() if len(copies) else None
        value = residual(rows.points[:, block.rows], named, unknown).expand(jet.shape[0], jet.shape[-1])
        leaves = [*named.values()] + ([] if unknown is None else [unknown])
        slopes = torch.autograd.grad(value.sum(), leaves, allow_unused=True, materialize_grads=True)
        by_jet = torch.zeros_like(jet)
        for name, slope in zip(named, slopes, strict=False):
            rows.along.add(name, slope, by_jet)
        block.give(by_jet, by_jets)
        if unknown is not None:
            by_copies[..., block.rows] = slopes[-1]
        values.append(value.detach())
    return torch.cat(values, dim=1), by_jets, by_copies.permute(1, 2, 0) if len(copies) else None


def solution_jets(network: Tensor, rows: PartRows) -> Tensor:
    """Return the jets of u from those of the network, by the product rule: (members, rows of jets, points)."""
    if rows.hard is None:
        return network
    (boundary, factor), along = rows.hard, rows.along
    jets = boundary + factor[:, :1] * network
    jets[:, 1:] += factor[:, 1:] * network[:, :1]
    jets[:, along.second] += 2.0 * factor[:, along.twice] * network[:, along.twice]
    return jets


def pull_solution(by_jets: Tensor, rows: PartRows) -> Tensor:
    """Return the derivative by the jets of the network from that by the jets of u."""
    if rows.hard is None:
        return by_jets
    factor, along = rows.hard[1], rows.along
    by_network = factor[:, :1] * by_jets
    by_network[:, 0] += (factor[:, 1:] * by_jets[:, 1:]).sum(dim=1)
    by_network[:, along.twice] += 2.0 * factor[:, along.twice] * by_jets[:, along.second]
    return by_network
