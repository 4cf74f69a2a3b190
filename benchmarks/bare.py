"""A cell without the harness: the same work as `run_cell`, without Trainer and record."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kanbench.cells import Cell
from kanbench.data import Dataset, FormulaTask, grade, sample, stream
from kanbench.training import Ensemble
from kanbench.training.steps import states

Batch = tuple[Tensor, Tensor]  # x (members, n, n_in), standardized y (members, n)


@dataclass(frozen=True)
class Prepared:
    """The ensemble of a cell and its data, one data set per member."""

    cell: Cell
    ensemble: Ensemble
    datasets: list[Dataset]
    device: torch.device

    def batch(self, split: str) -> Batch:
        parts = [getattr(dataset, split) for dataset in self.datasets]
        y = [dataset.standardize(part.y) for dataset, part in zip(self.datasets, parts, strict=True)]
        return self._tensor([part.x for part in parts]), self._tensor(y)

    def _tensor(self, arrays: list[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(arrays)).to(self.device, self.cell.precision.dtype)


def generator(seed: int, purpose: str, task: FormulaTask) -> torch.Generator:
    """Return the generator that the harness uses for this purpose."""
    state = stream(seed, purpose, task.name).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> 1))


def prepare(cell: Cell, nodes: int, device: torch.device) -> Prepared:
    """Sample the data and build the models of a cell, one member per seed."""
    datasets = [sample(cell.task, seed, cell.sizes) for seed in cell.seeds]
    models = [
        cell.method.build(cell.task.n_inputs, nodes, generator(seed, "initialization", cell.task), cell.precision.dtype)
        for seed in cell.seeds
    ]
    return Prepared(cell, Ensemble(models), datasets, device)


def train(prepared: Prepared, training: Batch, validation: Batch) -> Tensor:
    """Train by a bare loop; return the theta (members, params) with the lowest validation loss."""
    optimizer, ensemble = prepared.cell.optimizer, prepared.ensemble
    best = ensemble.start.to(prepared.device, copy=True)
    lowest = best.new_full((len(ensemble),), torch.inf)
    rates = torch.full_like(lowest, torch.nan)
    course = states(optimizer, ensemble, *training, rates=rates, orders=orders(prepared), theta=best)
    next(course)  # the start
    for state in course:
        keep_best(ensemble, state.theta, validation, best, lowest)
        if state.done.all():
            break
    return best


def keep_best(ensemble: Ensemble, theta: Tensor, validation: Batch, best: Tensor, lowest: Tensor) -> None:
    """Copy theta, in place, where the validation loss is lower than before."""
    losses = ensemble.losses(theta, *validation)
    better = losses < lowest
    best[better], lowest[better] = theta[better], losses[better]


def orders(prepared: Prepared) -> list[torch.Generator]:
    """Return one batch generator per member, as optimizers expect them."""
    return [generator(seed, "order", prepared.cell.task) for seed in prepared.cell.seeds]


def grades(prepared: Prepared, theta: Tensor, split: str) -> list[dict[str, float]]:
    """Return the metrics of each member on a split."""
    predictions = prepared.ensemble.predict(theta, prepared.batch(split)[0]).double().cpu().numpy()
    return [
        grade(dataset.restore(prediction), getattr(dataset, split).y, dataset.y_mean)
        for dataset, prediction in zip(prepared.datasets, predictions, strict=True)
    ]


def everything(cell: Cell, device: torch.device) -> list[dict[str, float]]:
    """Do all the work of a cell, from sampling to the metrics on all splits, as the harness does."""
    prepared = prepare(cell, cell.sizing.nodes, device)
    theta = train(prepared, prepared.batch("train"), prepared.batch("validation"))
    return [grades(prepared, theta, split) for split in ("train", "validation", "test")][-1]
