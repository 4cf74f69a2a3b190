"""Pictures and tables of the solutions that the members of a run found for differential equations."""

from pathlib import Path

import pandas as pd

from kanbench.analysis.load import load_records
from kanbench.analysis.scores import at_best_rates
from kanbench.cells import CannotRestore, restore_cell
from kanbench.cells.solutions import Solved, solved_again
from kanbench.files.atomic import staged
from kanbench.page.source import CannotReport, Source
from kanbench.report.figures.solutions import draw_solution
from kanbench.report.figures.style import save
from kanbench.store.record import read_record


def write_solutions(source: Source, folder: Path, task: str = "", budget: int = 0) -> list[Path]:
    """Train the best member of every method on each equation once more; write a picture and a table of its solution.

    Args:
        source: The records of a run.
        folder: Where `TASK-METHOD.png`, `.svg` and `.csv` go.
        task: The name of one task; all if it is empty.
        budget: The budget of the members; the largest if it is 0.

    Returns:
        The pictures. A table has the variables, u and its derivatives in the equation, the reference and the error.

    Raises:
        CannotReport: No member of this task and budget solved an equation.
    """
    chosen = _best(load_records(source.cells), task, budget)
    pictures = []
    with staged(folder) as place:
        for row in chosen.itertuples():
            stem = f"{row.task}-{row.method}".replace(" ", "_").replace("/", "_")
            solved = _solved(source, row)
            _table(solved).to_csv(place / f"{stem}.csv", index=False)
            if len(solved.variables) > 2:  # no picture shows three variables
                pictures.append(folder / f"{stem}.csv")
                continue
            title = f"{row.task}: {row.method}, {row.params:,} parameters, relative L2 error {solved.error:.1e}"
            u = solved.found["u"]
            save(draw_solution(title, solved.variables, solved.points, u, solved.reference), place / stem)
            pictures.append(folder / f"{stem}.png")
    return pictures


def _best(records: pd.DataFrame, task: str, budget: int) -> pd.DataFrame:
    """Return the row of the best member, by its validation error, of each task and method at a budget."""
    members = at_best_rates(records)
    members = members[(members.status == "ok") & members.budget.notna()]
    if task:
        members = members[members.task == task]
    if members.empty:
        raise CannotReport(f"solution: no network solved {f'a task {task!r}' if task else 'any task'} of these records")
    budget = budget or int(members.budget.max())
    found = members[members.budget == budget]
    if found.empty:
        known = ", ".join(str(each) for each in sorted(members.budget.unique()))
        raise CannotReport(f"solution: budget must be one of {known}, got {budget}")
    return found.loc[found.groupby(["task", "method"]).val_rel_l2.idxmin()]


def _solved(source: Source, row: "object") -> Solved:
    record = read_record(source.files[row.cell])  # type: ignore[attr-defined]
    rate = None if pd.isna(row.lr) else float(row.lr)  # type: ignore[attr-defined]
    try:
        return solved_again(restore_cell(record.cell), int(row.seed), rate)  # type: ignore[attr-defined]
    except CannotRestore as reason:
        raise CannotReport(f"solution: {reason}") from reason


def _table(solved: Solved) -> pd.DataFrame:
    columns = {name: solved.points[:, index] for index, name in enumerate(solved.variables)}
    error = solved.found["u"] - solved.reference
    return pd.DataFrame(columns | solved.found | {"reference": solved.reference, "error": error})
