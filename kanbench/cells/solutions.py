"""The solution that one member of a cell found for an equation, on a grid."""

from dataclasses import dataclass

import numpy as np
import torch

from kanbench.cells.cell import Cell
from kanbench.cells.restore import CannotRestore, with_fewest
from kanbench.cells.train import prepare
from kanbench.data.equations.expression import UNKNOWN
from kanbench.data.formula import Array
from kanbench.training.module import fit
from kanbench.training.residual_ensemble import ResidualEnsemble


@dataclass(frozen=True)
class Solved:
    """The solution of a member at the points of a grid, in the units of the equation.

    points: (n, D), the last variable running fastest.   found: u and those of its derivatives that occur in the
    equation, (n,) each, by name.   reference: u as it should be, (n,).
    """

    variables: tuple[str, ...]
    points: Array
    found: dict[str, Array]
    reference: Array

    @property
    def error(self) -> float:
        """The relative L2 error of u."""
        return float(np.linalg.norm(self.found[UNKNOWN] - self.reference) / np.linalg.norm(self.reference))


def solved_again(cell: Cell, seed: int, rate: float | None, cells: int = 10_000) -> Solved:
    """Train one member of a cell once more, and return its solution on a grid of at least so many cells.

    Raises `CannotRestore` for a task that is no equation, and for a reference.
    """
    task = cell.equation
    if task is None:
        raise CannotRestore(f"{cell.task.name} is no differential equation")
    if not cell.method.is_trained:
        raise CannotRestore(f"{cell.method.label} is no network")
    fewer = with_fewest(cell, seed, rate)
    module, _, splits = prepare(fewer)
    fit(module, *splits, accelerator="cpu", precision=cell.precision.lightning, logger=None)
    ensemble, member = module.ensemble, fewer.members.index((seed, rate))
    assert isinstance(ensemble, ResidualEnsemble)
    points = task.equation.box.grid(cells)
    x = torch.from_numpy(points).to(cell.precision.dtype).expand(len(fewer.members), -1, -1)
    jets = ensemble.jets(module.best_theta, x)[member].double()
    names = dict.fromkeys((UNKNOWN, *ensemble.problem.orders))
    found = {name: ensemble.along.read(name, jets[None])[0].numpy() for name in names}
    return Solved(task.equation.box.names, points, found, task.solution(points))
