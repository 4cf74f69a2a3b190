"""`python -m kanbench tables SOURCE --out DIR`: every table and figure of a folder of records. Imports no torch.

Records that cannot share a table, of several suites or protocols, get a folder each, named by what differs.
"""

from contextlib import suppress
from pathlib import Path

import pandas as pd

from kanbench.analysis.significance import Refusal
from kanbench.errors import counted
from kanbench.report.against import add_ratios
from kanbench.report.figures.gallery import FIGURES, draw
from kanbench.report.figures.solutions import SOLUTION, draw_solutions
from kanbench.report.folder import USUAL, Folder, Look, Written
from kanbench.report.levels import add_axis, add_ranks
from kanbench.report.outcomes import add_accuracy, add_costs, add_errors, add_failures, add_outcomes, add_outputs
from kanbench.report.pairs import add_aggregations, add_tests
from kanbench.report.result import Result
from kanbench.report.shapes import add_shapes, say_left_out
from kanbench.report.slopes import add_slopes, add_slopes_by_task
from kanbench.report.solvers import add_solvers

NOTHING_TO_COMPARE = "no two methods were trained on the same tasks: nothing to compare\n"


def write_tables(
    records: pd.DataFrame | Result,
    out: Path,
    baseline: str | None = None,
    title: str = "",
    look: Look = USUAL,
) -> list[Written]:
    """Write the tables and figures of every part of some records, or of a result, which has its baseline and title."""
    result = Result.of(records, title, baseline)
    written = []
    for name, part in result.parts.items():
        folder = name if len(result.parts) > 1 else ""
        heading = " ".join(part.heading.split())
        written.append(Written(heading, write_part(part, out / folder, look), folder))
    return written


def print_tables(written: list[Written], out: Path) -> None:
    """Say of every part its answer first, then where its tables are."""
    for part in written:
        print(f"{part.heading}\n{part.said}tables    {out / part.folder / 'tables.md'}\n")


def write_part(result: Result, path: Path, look: Look = USUAL) -> str:
    """Write all tables and figures of one protocol; return the answer, and what could not be said."""
    if not any(part.scores for _, part in result.levels):
        return NOTHING_TO_COMPARE
    path.mkdir(parents=True, exist_ok=True)
    said = [f"{level}{': ' * bool(level)}{sentence}\n" for level, sentence in result.sentences.items() if sentence]
    is_sweep = len(result.levels) > 1
    answer = "".join(f"- {line}" if is_sweep else line for line in said)
    folder = Folder(path, [f"# {result.heading}\n", *([answer] if answer else [])], look, say_left_out(result))
    if result.chosen_from > len(result.methods):
        folder.page.append(
            f"{len(result.methods)} of {counted(result.chosen_from, 'method')} were chosen; tests count these alone.\n"
        )
    said += add_tables(folder, result)
    for name in FIGURES:
        with suppress(Refusal):
            folder.figure(name, draw(result, name, width=look.width))
    for solved in result.solutions:
        folder.figure(f"{SOLUTION}{solved.task}", draw_solutions(solved, result.styles))
    folder.close()
    return "".join(said)


def add_tables(folder: Folder, result: Result) -> list[str]:
    """Add every table of a result; return what could not be said."""
    return _tables_of_levels(folder, result) if len(result.levels) > 1 else _tables(folder, result)


def _tables_of_levels(folder: Folder, result: Result) -> list[str]:
    add_ranks(folder, result)
    for axis in result.along:
        add_axis(folder, result, axis)
    add_failures(folder, result)
    return []


def _tables(folder: Folder, result: Result) -> list[str]:
    """Write the tables of one level; return what could not be said."""
    add_errors(folder, result)
    add_ratios(folder, result)
    add_outcomes(folder, result)
    add_costs(folder, result)
    add_accuracy(folder, result)
    add_outputs(folder, result)
    remark = add_tests(folder, result)
    add_slopes_by_task(folder, result)
    add_slopes(folder, result)
    add_failures(folder, result)
    add_shapes(folder, result)
    add_solvers(folder, result)
    add_aggregations(folder, result)
    return [remark] if remark else []
