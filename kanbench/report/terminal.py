"""The answer, the table and the remarks of a run, printed to the terminal."""

from collections.abc import Iterable
from math import nan

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kanbench.analysis.kinds import is_of_solutions, trivial
from kanbench.analysis.protocol import levels, say_level
from kanbench.analysis.summary import OF_OUTPUT
from kanbench.analysis.wins import NOT_COUNTED, WIN
from kanbench.errors import counted
from kanbench.report.result import Result
from kanbench.report.typeset import percent
from kanbench.store.record import CellRecord

MOST_OUTPUTS = 6  # that have columns of their own


def print_failures(console: Console, failures: Iterable[CellRecord], command: str) -> None:
    """Print what failed and the command that tries it again; print nothing if nothing failed."""
    for record in failures:
        console.print(f"failed    {record.label}: {record.members[0]['reason']}", style="red")
    if failures:
        console.print(f"retry     {command}\n          (trains only what failed or is missing)", style="red")


def print_answer(console: Console, result: Result) -> None:
    """The answer, before the numbers that it rests on."""
    for level, sentence in result.sentences.items():
        if sentence:
            console.print(f"\n{level}{': ' * bool(level)}{sentence}\n", style="bold", soft_wrap=False)


def print_summary(console: Console, result: Result) -> None:
    """One row per budget and method, and the sentence that says what the columns are; a table for each level."""
    summary, baseline = result.summary, result.baseline
    for level, part in levels(summary):
        if level:
            console.print(f"\n{say_level(level)}", style="bold")
        _print_table(console, part)
        _print_outputs(console, part)
    tasks = sorted(summary.tasks.unique())
    over = f"{tasks[0]} to " * (len(tasks) > 1) + counted(tasks[-1], "task")
    of_classes = bool(summary.accuracy.notna().any())
    trained = (
        "that of the residual on training rows" if is_of_solutions(result.frame) else "the same on the training split"
    )
    console.print(
        f"error: {result.measure}, geometric mean over {over} of the median over seeds; lowest first"
        + f"; train: {trained}" * ("train" in summary)
        + "; accuracy: on test, mean over tasks" * of_classes
        + "; interval: over seeds, for these tasks"
        + (f"; {_wins(summary, baseline)}" if baseline else ""),
        style="dim",
    )
    for level, part in levels(summary):
        _print_marks(console, part, say_level(level), trivial(result.frame))


def _wins(summary: pd.DataFrame, baseline: str) -> str:
    """Say what a win is, or that none are counted."""
    return f"w/t/l: win/tie/loss against {baseline}: {WIN}" if summary.win.notna().any() else NOT_COUNTED


def _print_table(console: Console, summary: pd.DataFrame) -> None:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    of_classes, any_failed = bool(summary.accuracy.notna().any()), bool(summary.failed.any())
    compared = bool(summary.win.notna().any())
    any_at_cap, trained = bool("at_cap" in summary and summary.at_cap.gt(0).any()), "train" in summary
    headings = ("budget", "method", "params", "error", "95 % interval", *["train"] * trained)
    further = (
        *["at cap"] * any_at_cap,
        *["failed"] * any_failed,
        *["w/t/l"] * compared,
        *["accuracy"] * of_classes,
    )
    for heading in (*headings, *further):
        table.add_column(heading, justify="left" if heading == "method" else "right")
    for _, at_budget in summary.groupby("budget"):
        for i, row in enumerate(at_budget.sort_values("error").itertuples()):
            table.add_row(
                f"{row.budget:,}" if i == 0 else "",
                Text(row.method, style="italic" if row.reference else "bold" if i == 0 else ""),
                _parameters(row),
                _error(row.error),
                _interval(row),
                *[_error(getattr(row, "train", nan))] * trained,
                *[percent(share) if (share := getattr(row, "at_cap", nan)) > 0 else ""] * any_at_cap,
                *[f"{row.failed} of {row.members}" if row.failed else ""] * any_failed,
                *[f"{row.win:.0f}/{row.tie:.0f}/{row.loss:.0f}" if pd.notna(row.win) else ""] * compared,
                *[f"{100 * row.accuracy:.1f} %"] * of_classes,
            )
        table.add_section()
    console.print(table)


def _outputs(summary: pd.DataFrame) -> list[str]:
    """Return the columns of the error of each output, as many as a terminal has room for."""
    return [str(name) for name in summary if str(name).startswith(OF_OUTPUT)][:MOST_OUTPUTS]


def _print_outputs(console: Console, summary: pd.DataFrame) -> None:
    """Print the error of each output where models have several, one row per budget and method."""
    outputs = _outputs(summary)
    if not outputs or summary[outputs].isna().all(axis=None):
        return
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for heading in ("budget", "method", *outputs):
        table.add_column(heading, justify="left" if heading == "method" else "right")
    for budget, at_budget in summary.groupby("budget"):
        ranked = at_budget.sort_values("error")
        for i, (method, *errors) in enumerate(ranked[["method", *outputs]].itertuples(index=False)):
            numbers = map(_error, errors)
            table.add_row(f"{budget:,}" if i == 0 else "", Text(method), *numbers)
        table.add_section()
    console.print()
    console.print(table)


def _error(value: float) -> str:
    """1.23e-3, and nothing where there is none."""
    return _short(f"{value:.2e}") if pd.notna(value) else ""


def _short(number: str) -> str:
    """1.2e-03 as 1.2e-3."""
    return number.replace("e-0", "e-").replace("e+00", "")


def _interval(row: tuple) -> str:
    if pd.notna(row.error_low):  # type: ignore[attr-defined]
        return _short(f"{row.error_low:.1e} .. {row.error_high:.1e}")  # type: ignore[attr-defined]
    return "one seed" if pd.notna(row.error) else "not on every task"  # type: ignore[attr-defined]


def _parameters(row: tuple) -> str:
    low, high = row.params_min, row.params_max  # type: ignore[attr-defined]
    return f"{low:,.0f}" if low == high else f"{low:,.0f}-{high:,.0f}"


def _print_marks(console: Console, summary: pd.DataFrame, level: str, trivial: str) -> None:
    """Misses, failures and gaps are said, never dropped; methods of which the same is to be said share a line."""
    marks = {
        "missed": "cells whose size misses the budget by over 5 %",
        "failed": f"members that failed or diverged, each scored as {trivial}",
        "stuck_members": f"members that are stuck above half the error of {trivial}, failed ones included",
        "at_edge": "cells whose best learning rate is at the end of the range",
        "shape_at_edge": "tasks whose best shape is at the end of the list of depths or sizes",
        "skipped": "members that were skipped, no model of theirs being small enough for their task",
    }
    if "stuck" in summary:
        summary = summary.assign(stuck_members=(summary.stuck * summary.members).round().fillna(0).astype(int))
    for column, meaning in ((column, marks[column]) for column in marks if column in summary):
        sharing: dict[str, list[str]] = {}
        for method, of_method in summary[summary[column] > 0].groupby("method"):
            counts = ", ".join(
                f"{n} at {budget}" for budget, n in zip(of_method.budget, of_method[column], strict=True)
            )
            if of_method.reference.all():  # the same beside every budget
                counts = f"{of_method[column].max()}"
            sharing.setdefault(counts, []).append(str(method))
        for counts, methods in sharing.items():
            where = f" ({level})" if level else ""
            each = "each of " if len(methods) > 1 else ""
            console.print(f"  {meaning}{where}: {counts}, of {each}{', '.join(methods)}", style="yellow")
