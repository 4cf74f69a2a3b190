"""Rounds of trainings on equations: new rows, and weights that follow from what members have reached."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kanbench.cells.cell import Cell, Vary
from kanbench.data import EquationTask
from kanbench.data.equations.drawing import choose_rows, draw_candidates
from kanbench.data.equations.renewal import NOTHING, Balance, Rows
from kanbench.data.equations.task import TIME
from kanbench.training.ensemble import Ensemble
from kanbench.training.residual_ensemble import ResidualEnsemble
from kanbench.training.residual_rows import kinds_of
from kanbench.training.rounds import Batch, Rounds
from kanbench.training.row_weights import (
    balanced_weights,
    causal_weights,
    gradient_norms,
    plain_residuals,
    with_weights,
)


def rounds_of(cell: Cell, seeds: Sequence[int]) -> Rounds | None:
    """Return the rounds of a cell for the seeds of its members; None if nothing is ever renewed."""
    task = cell.equation
    if task is None or task.renewal == NOTHING:
        return None
    return Rounds(task.renewal.rounds, Renewing(task, tuple(cell.seed_of(Vary.data, seed) for seed in seeds)))


@dataclass(frozen=True)
class Renewing:
    """The rows of the rounds of an equation for members with some seeds.

    Every member is computed alone, so that its rows and weights depend on no other. What this costs is in the seconds
    of records, and not in their evaluations.
    """

    task: EquationTask
    seeds: tuple[int, ...]

    def __call__(self, number: int, ensemble: Ensemble, theta: Tensor, batch: Batch) -> Batch:
        """Return the batch of a round, see `Rounds.renew`."""
        x, y = batch
        renewed = []
        for seed, one in zip(self.seeds, torch.arange(len(theta), device=theta.device).split(1), strict=True):
            alone = ensemble.only(one)
            assert isinstance(alone, ResidualEnsemble)
            rows = self._rows(number, seed, alone, theta[one], x[one])
            renewed.append(self._weighted(alone, theta[one], rows))
        return torch.cat(renewed), y

    def _rows(self, number: int, seed: int, ensemble: ResidualEnsemble, theta: Tensor, x: Tensor) -> Tensor:
        """Return the rows of a member in a round, from those of the first one: (1, n, columns)."""
        rule, inside = self.task.renewal.rows, kinds_of(x) == 0
        if number == 0 or rule is Rows.fixed:
            return x
        n = int(inside.sum())
        if rule is Rows.resampled:
            return _like(self.task.rows_of_round(seed, n, number), x)
        candidates = draw_candidates(self.task.trained, self.task.name, seed, n, number)
        points = _like(candidates, x)
        parts = [plain_residuals(ensemble, theta, _moved(x[:, inside], part)) for part in points.split(n, dim=1)]
        chosen = choose_rows(torch.cat(parts, dim=1)[0].double().cpu().numpy(), n, self.task.name, seed, number)
        adapted = x.clone()
        adapted[:, inside] = _moved(x[:, inside], points[:, torch.from_numpy(chosen).to(x.device)])
        return adapted

    def _weighted(self, ensemble: ResidualEnsemble, theta: Tensor, x: Tensor) -> Tensor:
        """Return rows with the weights of a round."""
        rules = self.task.renewal
        of_rows = torch.ones_like(x[..., 0])
        of_blocks = x.new_tensor([[1.0, *(each.weight for each in self.task.trained.conditions)]])
        if rules.causal:
            of_rows[:, kinds_of(x) == 0] = self._causal(ensemble, theta, x[:, kinds_of(x) == 0])
        if rules.balance is Balance.gradients:
            balanced = balanced_weights(gradient_norms(ensemble, theta, x, of_rows))
            of_blocks[:, 1:] = of_blocks[:, 1:].sign() * balanced  # a condition of weight 0 stays out of the loss
        return with_weights(x, of_blocks, of_rows)

    def _causal(self, ensemble: ResidualEnsemble, theta: Tensor, inside: Tensor) -> Tensor:
        box = self.task.equation.box
        index = box.names.index(TIME)
        squares = plain_residuals(ensemble, theta, inside).square()
        low, high = float(box.lows[index]), float(box.highs[index])
        return causal_weights(squares, inside[..., index], low, high, self.task.renewal.causal)


def _like(rows: np.ndarray, x: Tensor) -> Tensor:
    return torch.from_numpy(rows).to(x).unsqueeze(0)


def _moved(rows: Tensor, points: Tensor) -> Tensor:
    """Return interior rows (1, n, columns) at other points (1, n, D), which second points of pairs repeat."""
    times = (rows.shape[-1] - 2) // points.shape[-1]
    return torch.cat([*[points] * times, rows[..., -2:]], dim=-1)
