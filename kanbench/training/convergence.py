"""One rule for when a training is over: its validation error has stopped to fall."""

from collections.abc import Sequence

import torch
from torch import Tensor

from kanbench.training.losses import Loss

EVALUATIONS = tuple(2**power for power in range(6, 15))  # 64 to 16,384: where records say the error so far


def best_errors(losses: Sequence[Sequence[float]], loss: Loss) -> Tensor:
    """Return the smallest error of each member up to every look: (looks, members) -> (looks, members).

    The error is the square root of a loss of squares, and any other loss itself; it is infinite until a loss is finite.
    """
    so_far = torch.tensor(losses, dtype=torch.float64).nan_to_num(nan=torch.inf, posinf=torch.inf).cummin(dim=0).values
    return so_far.clamp(min=0.0).sqrt() if loss.is_squares else so_far


def has_converged(best: Tensor, steps: Sequence[int], *, window: int, least_gain: float, began: int = 0) -> Tensor:
    """Tell which members gained too little in the last steps to go on: (members,) bool.

    Args:
        best: the smallest errors so far (looks, members), see `best_errors`.
        steps: the steps made at each look.
        window: that many steps are looked back.
        least_gain: the share of its error that a member must lose within the window; 0 lets every member go on.
        began: the step from which the window may begin, such as that of a stage.
    """
    since = steps[-1] - window
    earlier = [look for look, made in enumerate(steps) if began <= made <= since]
    if least_gain == 0.0 or not earlier:
        return torch.zeros(best.shape[1], dtype=torch.bool)
    return best[-1].isfinite() & (best[-1] >= (1.0 - least_gain) * best[earlier[-1]])


def has_settled(best: Tensor, before: int, rates: Tensor, least_gain: float) -> bool:
    """Tell whether a run of twice the length gained too little: the best rate by its median error over seeds.

    Args:
        best: the smallest errors so far (looks, members), see `best_errors`.
        before: the number of looks before that run.
        rates: the learning rates (members,).
        least_gain: the share of its error that the best rate must lose in the run.
    """
    return _of_best_rate(best[-1], rates) >= (1.0 - least_gain) * _of_best_rate(best[before - 1], rates)


def _of_best_rate(errors: Tensor, rates: Tensor) -> float:
    """Return the least median error over the members of one rate."""
    return min(float(errors[rates == rate].quantile(0.5)) for rate in rates.unique())


def errors_at(best: Tensor, evaluations: Sequence[Sequence[float]]) -> list[dict[str, float | None]]:
    """Return the columns `val_at_64`, `val_at_128`, .. of each member: the best error within so many evaluations.

    A column is None before the first look, and where the training had already ended at the column before it.

    Args:
        best: the smallest errors so far (looks, members), see `best_errors`.
        evaluations: those that each member had made at each look (looks, members).
    """
    return [_errors_at(*each) for each in zip(best.T.tolist(), zip(*evaluations, strict=True), strict=True)]


def _errors_at(best: Sequence[float], evaluations: Sequence[float]) -> dict[str, float | None]:
    columns: dict[str, float | None] = {}
    for most in EVALUATIONS:
        within = [error for error, made in zip(best, evaluations, strict=True) if made <= most]
        is_past = most // 2 >= evaluations[-1]
        value = within[-1] if within and not is_past else torch.inf
        columns[f"val_at_{most}"] = value if value < torch.inf else None
    return columns
