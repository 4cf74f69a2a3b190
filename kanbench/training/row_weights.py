"""Weights of the rows of an equation that follow from its residuals and their gradients at a theta."""

import torch
from torch import Tensor

from kanbench.training.residual_ensemble import ResidualEnsemble
from kanbench.training.residual_rows import kinds_of

SLABS = 20  # of the range of time
LEAST, MOST = 1e-2, 1e4  # of a weight from gradients


def plain_residuals(ensemble: ResidualEnsemble, theta: Tensor, x: Tensor) -> Tensor:
    """Return residuals at rows (members, n, columns) without the factors of the rows: (members, n)."""
    return ensemble.predict(theta, torch.cat([x[..., :-1], torch.ones_like(x[..., -1:])], dim=-1))


def causal_weights(squares: Tensor, times: Tensor, low: float, high: float, epsilon: float) -> Tensor:
    """Return weights of interior rows that are small until the equation holds at earlier times: (members, rows).

    Time is cut into equal slabs. The weight of a row is exp(-epsilon * s), where s is the sum over the slabs before
    that of the row of the mean squares of their residuals; a slab without rows counts as zero.

    Args:
        squares: those of the residuals, (members, rows).
        times: of the rows, (members, rows).
        low: the first time.
        high: the last time.
        epsilon: how strict the order in time is; 0 gives weights of 1.

    Source: Wang, Sankaran and Perdikaris 2022 (arXiv:2203.07404).
    """
    slab = ((times - low) / (high - low) * SLABS).long().clamp(0, SLABS - 1)
    counts, sums = (
        squares.new_zeros(len(squares), SLABS).scatter_add(1, slab, each)
        for each in (torch.ones_like(squares), squares)
    )
    means = (sums / counts.clamp(min=1.0)).nan_to_num(nan=torch.inf)
    before = torch.cat([torch.zeros_like(means[:, :1]), means[:, :-1].cumsum(dim=1)], dim=1)
    return torch.exp(-epsilon * before).gather(1, slab)


def gradient_norms(ensemble: ResidualEnsemble, theta: Tensor, x: Tensor, of_rows: Tensor) -> Tensor:
    """Return the lengths of the gradients by theta of the mean square of every block: (members, blocks).

    Args:
        ensemble: the members.
        theta: their parameters (members, params).
        x: packed rows (members, n, columns), see `kanbench.training.residual_rows`.
        of_rows: the factor of the square of each row in the mean of its block, (members, n).
    """
    weighed = torch.cat([x[..., :-1], of_rows.sqrt().unsqueeze(-1)], dim=-1)
    blocks = [weighed[:, kinds_of(x) == kind] for kind in kinds_of(x).unique()]
    return torch.stack([ensemble.gradients(theta, b, torch.zeros_like(b[..., 0])).norm(dim=1) for b in blocks], dim=1)


def balanced_weights(norms: Tensor) -> Tensor:
    """Return weights with which all conditions have gradients as long as that of the equation, within bounds.

    Args:
        norms: the lengths of the gradients of the equation and of each condition, (members, 1 + conditions).

    Returns:
        (members, conditions), each in [0.01, 10,000], also where a gradient is infinite; 1 where both are zero or
        infinite, or one is no number.

    Source: Wang, Sankaran, Wang and Perdikaris 2023 (arXiv:2308.08468); the loss is divided by the weight
    of the equation, which stays 1.
    """
    return (norms[:, :1] / norms[:, 1:]).nan_to_num(nan=1.0).clamp(LEAST, MOST)


def with_weights(x: Tensor, of_blocks: Tensor, of_rows: Tensor) -> Tensor:
    """Return rows (members, n, columns) whose loss is the sum of weighted mean squares of their blocks.

    Args:
        x: packed rows, whose factors are replaced.
        of_blocks: the weight of each block in the loss, (members, blocks).
        of_rows: the factor of the square of each row in the mean of its block, (members, n).
    """
    kinds = kinds_of(x)
    shares = x.shape[1] / kinds.bincount().to(x)[kinds]
    factors = (of_blocks[:, kinds] * of_rows * shares).sqrt()
    return torch.cat([x[..., :-1], factors.unsqueeze(-1)], dim=-1)
