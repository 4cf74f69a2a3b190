"""The files of solutions beside the records of a run: one network of each cell, the best by validation."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from kanbench.cells.cell import Cell
from kanbench.cells.restore import CannotRestore, train_again
from kanbench.cells.train import Training
from kanbench.data import EquationTask
from kanbench.solutions.solution import Solution
from kanbench.store.record import CellRecord
from kanbench.training.module import EnsembleModule
from kanbench.training.residual_ensemble import ResidualEnsemble

ENDING = ".kanbench"
log = logging.getLogger(__name__)
Member = dict[str, Any]  # a row of a record


def kept_beside(record: Path) -> Path:
    """Return the place of the solution that belongs to the file of a record."""
    return record.with_suffix(ENDING)


def keep_solution(folder: Path, cell: Cell, trainings: Sequence[Training], record: CellRecord) -> None:
    """Write the best member of a trained cell to `KEY.kanbench` in a folder, if its task is an equation.

    A network that no file can hold is left out. A file that cannot be written is named in the log.
    """
    best = best_member(record.members)
    if cell.equation is None or best is None:
        return
    places = [(each.module, k) for each in trainings for k in range(len(each.members))]
    solution = solution_of(cell, *places[best], record.members[best])
    write_solution(solution, folder / f"{cell.key}{ENDING}")


def write_solution(solution: Solution, path: Path) -> None:
    """Write a solution; where that is impossible, the log says why."""
    try:
        solution.save(path)
    except (OSError, ValueError) as fault:
        log.warning("a solution is not kept: %s", fault)


def best_member(members: Sequence[Member]) -> int | None:
    """Return the place of the member with the lowest validation error, at the learning rate of the lowest median.

    None if no member was trained to the end.
    """
    of_rates: dict[Any, list[float]] = {}
    for member in members:
        of_rates.setdefault(member["lr"], []).append(_error(member))
    rate = min(of_rates, key=lambda each: median(of_rates[each]))
    known = [k for k, each in enumerate(members) if each["lr"] == rate and each["status"] == "ok"]
    return min(known, key=lambda k: _error(members[k]), default=None)


def _error(member: Member) -> float:
    error = member.get("val_rel_l2")
    return math.inf if error is None else float(error)


def solution_of(cell: Cell, module: EnsembleModule, number: int, member: Member) -> Solution:
    """Return what one of the trained members found, with its row of the record."""
    task, ensemble, theta = cell.equation, module.ensemble, module.best_theta
    assert isinstance(task, EquationTask)
    assert isinstance(ensemble, ResidualEnsemble)
    values = ensemble.coefficients(theta)[number].tolist()
    found = {each.name: value for each, value in zip(task.coefficients, values, strict=True)}
    about: Member = {
        name: member[name] for name in ("suite", "method", "params", "seed", "lr", "cell") if name in member
    }
    return Solution(ensemble.members(theta)[number].cpu(), task, found, about)


def solved_again(cell: Cell, member: Member) -> Solution:
    """Train one member of a cell once more, and return its solution.

    Raises `CannotRestore` for a task that is no equation, and for a reference.
    """
    if cell.equation is None:
        raise CannotRestore(f"{cell.task.name} is no differential equation")
    if not cell.method.is_trained:
        raise CannotRestore(f"{cell.method.label} is no network")
    return solution_of(cell, *train_again(cell, member["seed"], member["lr"]), member)
