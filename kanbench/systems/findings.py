"""The findings of a system: printed in the terminal, and written beside its figures."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kanbench.files.atomic import staged
from kanbench.files.json_data import finite
from kanbench.report.figures.style import save
from kanbench.store import provenance


@dataclass(frozen=True)
class Check:
    """A published statement, the verdict on it, and the numbers behind the verdict."""

    claim: str
    holds: bool
    found: str


@dataclass(frozen=True)
class Findings:
    """The results of a system.

    answer: one sentence.   numbers: plain data.   tables: for the terminal.   figures: by the stem of their file.
    notes: sentences about the limits of the numbers.
    """

    answer: str
    checks: Sequence[Check]
    numbers: dict[str, Any]
    tables: Sequence[Table] = ()
    figures: dict[str, Figure] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def hold(self) -> bool:
        """True if every check holds."""
        return all(check.holds for check in self.checks)

    def say(self, console: Console) -> None:
        """Print the answer first, then every check, the tables and the notes."""
        console.print(self.answer, style="bold")
        console.print(checks_table(self.checks))
        for each in self.tables:
            console.print()
            console.print(each)
        for note in self.notes:
            console.print(note, style="dim")

    def write(self, folder: Path, about: dict[str, Any]) -> list[Path]:
        """Write findings.json and all figures (PNG and SVG) to `folder`; return the paths of the PNGs.

        `about` describes the run of the system: its settings, and the command.
        """
        content = about | {
            "answer": self.answer,
            "checks": [asdict(check) for check in self.checks],
            "numbers": self.numbers,
            "notes": list(self.notes),
            "commit": provenance.commit(),
            "environment": provenance.environment(),
        }
        with staged(folder) as place:
            (place / "findings.json").write_text(json.dumps(finite(content), indent=1, allow_nan=False))
            figures = [save(figure, place / stem) for stem, figure in self.figures.items()]
        return [folder / path.name for path in figures]


def checks_table(checks: Iterable[Check]) -> Table:
    """Return a table with one row per check."""
    table = columns("check", "claim", "found")
    for check in checks:
        verdict = Text("holds", style="green") if check.holds else Text("FAILS", style="bold red")
        table.add_row(verdict, check.claim, check.found)
    return table


def columns(*headings: str, right: int = 0) -> Table:
    """Return an empty table in the common style; the last `right` columns hold numbers."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="right" if i >= len(headings) - right else "left")
    return table
