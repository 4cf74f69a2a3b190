"""Check of keys and of the columns that follow from the description of a cell."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kanbench.audit.finding import Check, Fault
from kanbench.audit.rows import Audited
from kanbench.cells import Cell
from kanbench.cells.cell import RESULTS_VERSION, digest
from kanbench.cells.restore import CannotRestore, restore_cell, restore_without_rows
from kanbench.cells.rows import identity, size
from kanbench.data import TableTask
from kanbench.errors import counted
from kanbench.methods import BudgetTooSmall, Solver, TooManyTerms
from kanbench.store.record import OUTRANKED, CellRecord

FILED = ("experiment", "suite", "commit", "results_version", "smooth", "heavy_tailed")  # not in the description
OF_VERSION = ("cell", "protocol", "data")  # hashes with the version of the results
EQUAL_WIDTHS = 2  # the last version whose hidden layers were equally wide
OF_WIDTHS = ("width", "params", "budget_miss", "missed")
EXACT = 1e-9


def restored(audited: Audited) -> dict[Path, Cell | str]:
    """Return the cell of every record, or the reason why its description gives none, by the file."""
    return {path: _restored(record) for path, record in audited.records.items()}


def _restored(record: CellRecord) -> Cell | str:
    first = record.members[0]
    try:
        return restore_cell(record.cell, str(first.get("experiment", "")), str(first.get("suite", "")))
    except CannotRestore as reason:
        task, method = record.cell.get("task", {}), record.cell.get("method", {})
        if task.get("type") == TableTask.__name__:
            return "the rows of a table are not in its records"
        if "hash" in method:
            return f"{record.members[0]['method']} needs its code, --target FILE.py:NAME with the hash of its record"
        return str(reason)


def keys(audited: Audited, cells: dict[Path, Cell | str]) -> Check:
    """Check that every key is the hash of its cell's description, and that the columns say what the description says.

    Sizes are computed again, so a model that is larger than its method and width allow is found. Of a table, all but
    the number of rows is compared.
    """
    if audited.is_table:
        return Check("keys", "not checked: a table holds no descriptions of its cells", made=False)
    faults = [fault for path, record in audited.records.items() for fault in _of_key(path, record)]
    cells = {path: _without_rows(audited.records[path], cell) for path, cell in cells.items()}
    for path, cell in cells.items():
        if not isinstance(cell, str):
            faults += _of_columns(path, audited.records[path], cell)
    reasons = Counter(cell for cell in cells.values() if isinstance(cell, str))
    rebuilt = len(audited.records) - sum(reasons.values())
    said = (
        f"{counted(len(audited.records), 'key')} compared with the descriptions of their cells, "
        f"and the columns of {rebuilt:,} cells that were rebuilt from them"
    )
    said += "".join(f"; not checked: {reason} ({counted(n, 'cell')})" for reason, n in reasons.items())
    return Check("keys", said, tuple(faults))


def _without_rows(record: CellRecord, cell: Cell | str) -> Cell | str:
    """Return the cell of a table without its rows, and any other as it is."""
    if not isinstance(cell, str):
        return cell
    try:
        return restore_without_rows(record.cell)
    except CannotRestore:
        return cell


def _of_key(path: Path, record: CellRecord) -> Iterator[Fault]:
    key = digest(record.cell)
    if key != record.key:
        yield Fault(str(path), "", f"the description of the cell has the key {key}, the record says {record.key}")
    if path.stem != record.key:
        yield Fault(str(path), "", f"the file has the name of another cell than its record, {record.key}")
    for row, member in enumerate(record.members, start=1):
        if member.get("cell") != record.key:
            yield Fault(str(path), str(row), f"cell is {member.get('cell')}, the record has the key {record.key}")


def _of_columns(path: Path, record: CellRecord, cell: Cell) -> Iterator[Fault]:
    """The columns that contradict the description, sizes included."""
    expected = identity(cell)
    fits = True
    try:
        expected |= size(cell)
    except (BudgetTooSmall, TooManyTerms):
        fits = False
    version = record.cell.get("results_version")
    of_version = OF_VERSION if version != RESULTS_VERSION else ()
    if isinstance(version, int) and version <= EQUAL_WIDTHS and cell.method.columns().get("depth", 1) > 1:
        of_version = (*of_version, *OF_WIDTHS)
    of_rows = ("n_train",) if isinstance(cell.task, TableTask) else ()
    for name in (*FILED, *of_version, *of_rows):
        expected.pop(name, None)
    for row, (member, (seed, rate)) in enumerate(zip(record.members, cell.members, strict=False), start=1):
        is_left_out = cell.search is not None and cell.search.number == 0
        is_unsolved = isinstance(cell.method, Solver) and member["status"] == "skipped"
        if not is_unsolved and (fits and not is_left_out) == (member["status"] == "skipped"):
            said = "a width of its budget exists" if fits else "no width gives a model of its budget"
            yield Fault(str(path), str(row), f"status is {member['status']}, and {said}")
        sized = {} if member["status"] == "skipped" else {"seed": seed, "lr": rate}
        for name, value in (expected | sized).items():
            if name in member and not _equal(member[name], value):
                yield Fault(str(path), str(row), f"{name} is {member[name]!r:.60}, its description gives {value!r:.60}")
        for said in _of_stop(member, cell):
            yield Fault(str(path), str(row), said)
    n_members = len(cell.members)
    if cell.search and record.members[0].get("stopped") == OUTRANKED:  # with the seeds of the first rung only
        n_members = len(cell.members_of(cell.seeds[: cell.search.first_seeds]))
    if len(record.members) != n_members:
        yield Fault(str(path), "", f"{len(record.members)} members, its description gives {n_members}")


def _of_stop(member: dict[str, Any], cell: Cell) -> Iterator[str]:
    """Yield what contradicts the optimizer of its cell in the number of steps of a member and in why it ended."""
    steps, stopped = member.get("steps"), member.get("stopped")
    if steps is not None and steps > cell.optimizer.most_steps:
        yield f"steps is {steps:,}, and its optimizer makes {cell.optimizer.most_steps:,} at most"
    if stopped == "converged" and cell.optimizer.least_gain == 0.0:
        yield "stopped is converged, and with least_gain=0 its optimizer ends no member"


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, int | float):
        return bool(np.isclose(one, other, rtol=EXACT, atol=EXACT))
    return bool(one == other)
