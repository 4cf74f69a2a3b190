"""Tables of records: in the terminal, and as Markdown by `python -m benchmarks.tables RECORD`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measurement import Goal, Result, Row

VERDICT = {True: "yes", False: "no", None: "-"}


def show(console: Console, result: Result) -> None:
    """Print every table of a result, its goals and its notes."""
    for title, rows in [*result.tables.items(), ("goals", list(map(goal_row, result.goals)))]:
        if not rows:
            continue
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
        for heading, value in rows[0].items():
            table.add_column(heading, justify="left" if isinstance(value, str) else "right")
        for row in rows:
            table.add_row(*map(text, row.values()))
        console.print(title, style="bold")
        console.print(table, "")
    for note in result.notes:
        console.print(f"  {note}", style="dim")


def goal_row(goal: Goal) -> Row:
    """Return the row of a goal."""
    return {"goal": goal.goal, "at": goal.limit, "measured": goal.measured, "reached": VERDICT[goal.reached]}


def text(value: Any) -> str:
    """Format a number with three digits, or with all digits if it is whole."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if 100 <= abs(value) < 1e7 else f"{value:.3g}".replace("e-0", "e-")
    return f"{value:,}" if isinstance(value, int) else str(value)


def markdown(record: dict[str, Any]) -> str:
    """Format a whole record: its machine, the goals of all benchmarks, then the tables of each benchmark."""
    return "\n".join(_lines(record))


def _lines(record: dict[str, Any]) -> Iterator[str]:
    machine, results = record["machine"], {name: read(each) for name, each in record["benchmarks"].items()}
    yield f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads; device: {machine['device']};"
    yield f"torch {machine['versions']['torch']}, Python {machine['versions']['python']}; commit {machine['commit']};"
    yield f"{record['date']}. Again: `{record['command']}`"
    goals = [goal_row(goal) for result in results.values() for goal in result.goals]
    yield from _table("Goals", goals)
    for name, result in results.items():
        for title, rows in result.tables.items():
            yield from _table(f"{name}: {title}", rows)
        yield from ["", *(f"- {note}" for note in result.notes)]


def _table(title: str, rows: list[Row]) -> Iterator[str]:
    if rows:
        yield from ["", f"**{title}**", "", _line(rows[0])]
        yield _line("---" if isinstance(value, str) else "---:" for value in rows[0].values())
        yield from (_line(map(text, row.values())) for row in rows)


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def read(plain: dict[str, Any]) -> Result:
    """Read a result from its plain form in a record."""
    return Result(**(plain | {"goals": [Goal(**goal) for goal in plain["goals"]]}))


def main(words: list[str]) -> int:
    """Print the record in the file that `words` name; return 2 if there is none."""
    try:
        (path,) = words
        print(markdown(json.loads(Path(path).read_text())))
    except (OSError, ValueError, KeyError, TypeError) as error:
        given = ", ".join(words) or "no file"
        print(f"benchmarks.tables: needs one record, got {given} ({type(error).__name__})", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
