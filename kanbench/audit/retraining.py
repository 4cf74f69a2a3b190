"""Members trained once more, and compared with what their records say."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kanbench.analysis.load import SPLITS
from kanbench.audit.finding import Check, Fault
from kanbench.audit.rows import Audited
from kanbench.cells import Cell, run_cell, with_fewest
from kanbench.errors import counted
from kanbench.store.record import OUTRANKED, CellRecord

NAMED = 5  # members in a sentence
DEAR = 60.0  # seconds of a cell, above which its members are drawn only where there are too few others


@dataclass(frozen=True)
class Drawn:
    """A member that is trained again: its record, the number of its row, and the cell that its description gives."""

    path: Path
    row: int
    member: dict[str, Any]
    cell: Cell


def again(audited: Audited, cells: dict[Path, Cell | str], number: int, draw: int, tolerance: float) -> Check:
    """Train some members again, one by one, and compare their errors.

    Args:
        audited: The records.
        cells: The cell of each of them, or the reason why there is none.
        number: How many members; 0 trains none.
        draw: The seed of the draw.
        tolerance: The relative difference that two trainings may have.
    """
    if number == 0:
        return Check("again", "not checked: switched off by --again 0", made=False)
    if audited.is_table:
        return Check("again", "not checked: a table holds no descriptions of its cells", made=False)
    drawn = _draw(audited.records, cells, np.random.default_rng(draw))[:number]
    reasons = Counter(cell for cell in cells.values() if isinstance(cell, str))
    left_out = "".join(f"; not checked: {reason} ({counted(n, 'cell')})" for reason, n in reasons.items())
    if not drawn:
        return Check("again", left_out.removeprefix("; ") or "not checked: no member was trained", made=False)
    found = [_train(each, tolerance) for each in drawn]
    names = tuple(f"{each.path.stem}:{each.member['seed']}" for each in drawn)
    short = ", ".join(f"{each.path.stem[:6]}:{each.member['seed']}" for each in drawn[:NAMED])
    more = f" and {len(drawn) - NAMED:,} more" if len(drawn) > NAMED else ""
    said = (
        f"{counted(len(drawn), 'member')} trained again ({short}{more}), "
        f"{sum(not faults for faults in found):,} within {100 * tolerance:.2g} % of the records"
    )
    faults = tuple(fault for of_member in found for fault in of_member)
    return Check("again", said + left_out, faults, members=names)


def _draw(
    records: dict[Path, CellRecord], cells: dict[Path, Cell | str], generator: np.random.Generator
) -> list[Drawn]:
    """Return all members that can be trained again in a drawn order.

    Methods take turns, those with code from elsewhere first. Members of dear cells come last, the cheapest first.
    """
    candidates = [
        Drawn(path, row, member, cell)
        for path, cell in cells.items()
        if not isinstance(cell, str)
        for row, member in enumerate(records[path].members, start=1)
        if member["status"] != "skipped" and member.get("stopped") != OUTRANKED
    ]
    mixed = [candidates[i] for i in generator.permutation(len(candidates))]
    turns = Counter[str]()
    order = {}
    for each in mixed:
        method = each.cell.method
        order[each.path, each.row] = (
            max(DEAR, _seconds(records[each.path])),
            turns[method.label],
            not method.is_foreign,
        )
        turns[method.label] += 1
    return sorted(mixed, key=lambda each: order[each.path, each.row])


def _seconds(record: CellRecord) -> float:
    return sum(float(member.get("seconds") or 0.0) for member in record.members)


def _train(drawn: Drawn, tolerance: float) -> list[Fault]:
    """The faults of a member: errors and a status that its training does not reach. One that failed must fail again."""
    cell, member = drawn.cell, drawn.member
    one = (member["seed"], member.get("lr"))
    fewer = with_fewest(cell, *one)
    try:
        reached = run_cell(fewer).members[fewer.members.index(one)]
    except Exception as error:  # of any kind, as the code of an own model may raise
        if member["status"] == "failed":
            return []
        return [Fault(str(drawn.path), str(drawn.row), f"cannot be trained again ({error})")]
    faults = []
    is_graded = member.get("chosen", True)  # other shapes of a search have their status from the validation split
    if is_graded and reached["status"] != member["status"]:
        faults.append(f"status is {member['status']}, trained again it is {reached['status']}")
    for name, value in member.items():
        if name.startswith(SPLITS) and name in reached and not _near(name, value, reached[name], tolerance):
            faults.append(f"{name} is {_text(value)}, trained again it is {_text(reached[name])}")
    return [Fault(str(drawn.path), str(drawn.row), said) for said in faults]


def _text(value: float | None) -> str:
    return "missing" if value is None else f"{value:.8g}"


def _near(name: str, one: float | None, other: float | None, tolerance: float) -> bool:
    """Return True if two values of a column differ by the tolerance at most; R^2 by its distance from 1."""
    if one is None or other is None:
        return one is other
    if "_r2" in name:
        one, other = 1.0 - one, 1.0 - other
        tolerance = 2.0 * tolerance
    return math.isclose(one, other, rel_tol=tolerance, abs_tol=1e-14)
