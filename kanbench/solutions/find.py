"""The solutions of a run: of each method on each equation the best member, read from its file or trained again."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kanbench.analysis.load import load_records
from kanbench.analysis.scores import Records, at_best_rates
from kanbench.cells import CannotRestore, restore_cell
from kanbench.errors import UsageError
from kanbench.files.sealed import Damaged
from kanbench.files.user_source import TargetError
from kanbench.solutions.kept import best_member, kept_beside, solved_again, write_solution
from kanbench.solutions.solution import Solution, read_solution
from kanbench.store.record import read_record


@dataclass(frozen=True)
class Place:
    """The cell whose best member is shown: the name that tables give its method, and the error on the test grid."""

    suite: str
    task: str
    method: str
    error: float
    record: Path

    @property
    def kept(self) -> Path:
        """The file of its solution."""
        return kept_beside(self.record)


def load_solution(
    source: str | Path, task: str = "", method: str = "", budget: int = 0, *, target: str = ""
) -> Solution:
    """Return a network as the solution of an equation, from a file or from the results of a run.

    Args:
        source: The file of a solution, such as `cells/KEY.kanbench` of a run, or the folder of a run, where the best
            member by validation is taken. It is trained again if the run kept no file of it.
        task: The equation; a run on one equation needs none.
        method: The method as tables call it; a run of one network needs none.
        budget: The number of parameters that was asked for; the largest of the method if 0.
        target: `file.py:Name` of an own model or basis, whose code is run.

    Raises:
        UsageError: The results hold no such member, or several.
        Damaged: The file is no solution.
    """
    path = Path(source)
    if path.is_file():
        return read_solution(path, target)
    files = {each.stem: each for each in sorted(path.rglob("cells/*.json"), reverse=True)}
    if not files:
        raise UsageError(f"solution: {path} is neither a file of a solution nor a folder with records of a run")
    found = best_places(load_records(list(files.values())), files, task, method, budget)
    if len(found) > 1:
        known = {"task": {each.task for each in found}, "method": {each.method for each in found}}
        said = "; ".join(f"{name}: {', '.join(sorted(names))}" for name, names in known.items() if len(names) > 1)
        raise UsageError(f"solution: say which one of these is meant, {said}")
    return solution_at(found[0], target)


def best_places(
    records: Records, files: Mapping[str, Path], task: str = "", method: str = "", budget: int = 0
) -> list[Place]:
    """Return for each method on each task the cell of its best member, at a budget or at its largest.

    Raises:
        UsageError: No member of this task, method and budget was trained.
    """
    members = at_best_rates(records)
    members = members[(members.status == "ok") & members.budget.notna() & members.cell.isin(list(files))]
    for name, asked in (("task", task), ("method", method)):
        if asked:
            members = members[members[name] == asked]
        if members.empty:
            what = f"a {name} {asked!r}" if asked else "any task"
            raise UsageError(f"solution: no network solved {what} of these records")
    found = members[members.budget == budget] if budget else members
    if found.empty:
        known = ", ".join(str(each) for each in sorted(members.budget.unique()))
        raise UsageError(f"solution: budget must be one of {known}, got {budget}")
    return list(_best(found, files))


def _best(members: pd.DataFrame, files: Mapping[str, Path]) -> Iterator[Place]:
    for (suite, task, method), group in members.groupby(["suite", "task", "method"]):
        largest = group[group.budget == group.budget.max()]
        row = largest.loc[largest.val_rel_l2.fillna(float("inf")).idxmin()]
        yield Place(suite, task, method, float(row.test_rel_l2), files[row.cell])


def solution_at(place: Place, target: str = "") -> Solution:
    """Return the solution of a cell: that of its file, or the best member trained again, which is then kept.

    Raises:
        UsageError: The cell is no equation, this version cannot train it, or its code is not there.
    """
    try:
        with suppress(FileNotFoundError, Damaged):
            return read_solution(place.kept, target)
    except TargetError as error:
        raise UsageError(f"solution: {error}") from error
    record = read_record(place.record)
    best = best_member(record.members)
    assert best is not None
    try:
        solution = solved_again(restore_cell(record.cell), record.members[best])
    except CannotRestore as reason:
        raise UsageError(f"solution: {reason}") from reason
    write_solution(solution, place.kept)
    return solution


def kept_at(place: Place, target: str = "") -> Solution | None:
    """Return the solution of a file, or None where there is none that can be read."""
    try:
        return read_solution(place.kept, target)
    except (FileNotFoundError, Damaged, TargetError, ValueError):
        return None
