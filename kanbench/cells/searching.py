"""The work of a search: all shapes begin, the best go on, and the best of those is graded on the test split."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil
from statistics import median

from kanbench.cells.cell import Cell, Trial
from kanbench.cells.execution import Execution
from kanbench.cells.grading import PREFIXES
from kanbench.cells.resume import ResumeFile
from kanbench.cells.rows import unfinished
from kanbench.cells.train import Keep, Training, record_of
from kanbench.store.record import OUTRANKED, CellRecord

KEPT = 3  # one of so many shapes goes on from a rung
BEFORE_TEST = ("train", "validation")


def run_search(
    cells: Sequence[Cell], execution: Callable[[Cell], Execution], keep: Keep | None = None
) -> list[CellRecord]:
    """Train the shapes of one search, and return their records.

    With a rung, all shapes are trained with its seeds and for its steps. The best third by the median validation error
    goes on: its members continue, and the other seeds are trained as far. Shapes that were trained to the end are
    compared by the same median; the first of the best is chosen, and it alone is graded on the test split. A shape
    without a finite error is never chosen, unless all are without one.

    A search that is stopped saves every training that its files do not hold yet, and goes on from them.

    Args:
        cells: All shapes of the search, in their order.
        execution: The way in which a cell is trained.
        keep: Called with the trainings and the record of the chosen shape.
    """
    search = _Search(cells, execution, keep)
    try:
        return search.run()
    except BaseException:
        search.save()
        raise


class _Search:
    """The trainings of a search, by cell; a shape whose code fails has none and takes no further part."""

    def __init__(self, cells: Sequence[Cell], execution: Callable[[Cell], Execution], keep: Keep | None) -> None:
        self.cells, self.execution, self.keep = cells, execution, keep
        self.trainings: dict[str, list[Training]] = {}
        self.failed: dict[str, CellRecord] = {}

    def run(self) -> list[CellRecord]:
        """Return the records of all shapes, in their order."""
        place = _place(self.cells[0])
        running = list(self.cells)
        ordered = sorted(self.cells[0].seeds)  # so that the order in which seeds are given changes nothing
        first, others = (
            (ordered[: place.first_seeds], ordered[place.first_seeds :]) if place.first_seeds else (ordered, [])
        )
        if place.first_steps:
            for cell in running:
                self._train(cell, first, "", place.first_steps)
            running = self._best(running, ceil(len(running) / KEPT))
        for cell in running:
            if place.first_steps and others:
                self._train(cell, others, ".rest")
            self._train(cell, first, "")
        chosen = self._best(running, 1)
        return [self._record(cell, cell in running, cell in chosen) for cell in self.cells]

    def _train(self, cell: Cell, seeds: Sequence[int], part: str, until: int | None = None) -> None:
        """Begin a training, or go on with it. An error of any kind becomes the record of its cell."""
        if cell.key in self.failed:
            return
        members = cell.members_of(seeds)
        try:
            known = self.trainings.setdefault(cell.key, [])
            training = next((each for each in known if each.members == members), None)
            if training is None:
                training = Training(cell, _with_file_of(self.execution(cell), part), seeds)
                known.append(training)
                known.sort(key=lambda each: cell.members.index(each.members[0]))
            training.go_on(until)
            if training.is_due:
                self.save()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            self.failed[cell.key] = unfinished(cell, "failed", reason, traceback.format_exc())

    def _best(self, cells: Sequence[Cell], n: int) -> list[Cell]:
        """Return the best of some shapes by their median validation error, the first of equal ones, in their order."""
        working = [cell for cell in cells if cell.key not in self.failed]
        best = sorted(working, key=lambda cell: self._error(cell))[:n]
        return [cell for cell in working if cell in best]

    def _error(self, cell: Cell) -> float:
        """Return the median over seeds of the validation error, at the rate that has the least."""
        errors: dict[float | None, list[float]] = {}
        for training in self.trainings[cell.key]:
            for (_, rate), error in zip(training.members, training.errors(), strict=True):
                errors.setdefault(rate, []).append(error)
        return min(median(each) for each in errors.values())

    def _record(self, cell: Cell, is_finished: bool, is_chosen: bool) -> CellRecord:
        if cell.key in self.failed:
            return self.failed[cell.key]
        said = {"chosen": is_chosen} | ({} if is_finished else {"stopped": OUTRANKED})
        trainings = self.trainings[cell.key]
        record = record_of(cell, trainings, PREFIXES if is_chosen else BEFORE_TEST, **said)
        if is_chosen and self.keep is not None:
            self.keep(cell, trainings, record)
        return record

    def save(self) -> None:
        """Write every training to its file."""
        for trainings in self.trainings.values():
            for training in trainings:
                training.save()


def _place(cell: Cell) -> Trial:
    assert cell.search is not None
    return cell.search


def _with_file_of(execution: Execution, part: str) -> Execution:
    """Return the execution with a file of its own for a part of the seeds."""
    file = execution.resume
    if file is None or not part:
        return execution
    return replace(execution, resume=ResumeFile(file.path.with_suffix(f"{part}{file.path.suffix}"), file.every))
