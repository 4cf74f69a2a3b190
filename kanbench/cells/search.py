"""Searches of shapes: the same number of trials for every method, planned before anything is trained."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from kanbench.cells.cell import Cell, Trial
from kanbench.errors import counted, require
from kanbench.methods import BudgetTooSmall, NetworkMethod
from kanbench.methods.own import OwnFault
from kanbench.training.optimizers.base import Converging, Optimizer

MOST_TRIALS = 1_000


@dataclass(frozen=True)
class Search:
    """The settings of a search of shapes.

    Args:
        trials: The shapes that are tried of every method at each task and budget. Where a method has fewer shapes that
            come within 5 % of the budget, all methods have as many as it has.
        least: The least number of trials: a task at which some method has fewer is left out at that budget for all.
        first_seeds: The seeds of the first rung of successive halving.
        first_steps: The steps of the first rung. The best third of the shapes goes on; 0 takes all of them to the end.
    """

    trials: int = 9
    least: int = 6
    first_seeds: int = 3
    first_steps: int = 100

    def __post_init__(self) -> None:
        """Raise `ValueError` that names the field, the rule and the value."""
        require(1 <= self.trials <= MOST_TRIALS, "trials", f"must be from 1 to {MOST_TRIALS:,}", self.trials)
        require(1 <= self.least <= self.trials, "least", f"must be from 1 to trials = {self.trials}", self.least)
        require(self.first_seeds >= 1, "first_seeds", "must be at least 1", self.first_seeds)
        require(self.first_steps >= 0, "first_steps", "must be at least 0", self.first_steps)

    @classmethod
    def first_seeds_of(cls, n_seeds: int) -> int:
        """Return the usual number of first seeds for a run of so many: the default, or all where there are fewer."""
        return min(cls.first_seeds, n_seeds)

    def halves(self, optimizer: Optimizer) -> bool:
        """Return whether most shapes end at the first rung.

        The schedule of Adam and SGD depends on the length of a run, so that their trainings cannot go on from a rung.
        """
        return self.first_steps > 0 and isinstance(optimizer, Converging)

    def cells(self, cells: Sequence[Cell]) -> Iterator[Cell]:
        """Yield the cells of all shapes that are tried in place of some cells of one task and budget, line by line.

        A task that is left out gives one cell for each method, which says why.
        """
        shapes = [admissible(cell, self.trials) for cell in cells]
        n_trials = min(map(len, shapes))
        if n_trials < self.least:
            scarce = min(zip(shapes, cells, strict=True), key=lambda pair: len(pair[0]))[1]
            reason = (
                f"the search leaves the task out at {scarce.budget} parameters: {_method(scarce).line} has "
                f"{counted(n_trials, 'shape')} within 5 % of them, and {self.least} are needed"
            )
            yield from (replace(cell, search=Trial(_method(cell).line, reason=reason)) for cell in cells)
            return
        for cell, methods in zip(cells, shapes, strict=True):
            yield from self._trials(cell, methods[:n_trials])

    def _trials(self, cell: Cell, methods: Sequence[NetworkMethod]) -> Iterator[Cell]:
        labels = tuple(method.label for method in methods)
        seeds, steps = (self.first_seeds, self.first_steps) if self.halves(cell.optimizer) else (0, 0)
        for number, method in enumerate(methods, start=1):
            trial = Trial(_method(cell).line, number, labels, seeds, steps)
            yield replace(cell, method=method, search=trial)


def admissible(cell: Cell, most: int) -> tuple[NetworkMethod, ...]:
    """Return the first shapes of a cell's method that come within 5 % of its budget, up to a number of them.

    Raises `OwnFault` where no shape of an own model can be built.
    """
    return _admissible(_method(cell).candidates(), cell.task.n_inputs, cell.budget, cell.n_outputs)[:most]


@cache
def _admissible(candidates: tuple[NetworkMethod, ...], n_in: int, budget: int, n_out: int) -> tuple[NetworkMethod, ...]:
    found, faults = [], list[OwnFault]()
    for candidate in candidates:
        try:
            if not candidate.size(n_in, budget, n_out).is_marked:
                found.append(candidate)
        except BudgetTooSmall:
            continue
        except OwnFault as fault:  # a shape that the code does not take
            faults.append(fault)
    if len(faults) == len(candidates):
        raise faults[0]
    return tuple(found)


def _method(cell: Cell) -> NetworkMethod:
    assert isinstance(cell.method, NetworkMethod)
    return cell.method
