"""The folder of the tables and figures of one part of the records."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from kanbench.analysis.spreadsheet import write_csv
from kanbench.errors import require
from kanbench.report.figures.style import FORMATS, save
from kanbench.report.typeset import Table

LEAST_WIDTH, MOST_WIDTH = 2.0, 50.0  # inches


@dataclass(frozen=True)
class Written:
    """The tables and figures of one part: what they are called, what they say, and their folder below the others."""

    heading: str
    said: str
    folder: str


@dataclass(frozen=True)
class Look:
    """The formats and the width of figures.

    Args:
        formats: of png, svg and pdf.
        width: inches; None gives each figure its own width.
    """

    formats: Sequence[str] = FORMATS[:2]
    width: float | None = None

    def __post_init__(self) -> None:
        for name in self.formats or [""]:
            require(name in FORMATS, "format", f"must be of {', '.join(FORMATS)}", name)
        if self.width is not None:
            fits = LEAST_WIDTH <= self.width <= MOST_WIDTH
            require(fits, "width", f"must be {LEAST_WIDTH:g} to {MOST_WIDTH:g} inches", self.width)


USUAL = Look()


@dataclass
class Folder:
    """A folder that remembers its tables, to make one page of all."""

    path: Path
    page: list[str]
    look: Look
    remark: str = ""  # below every table of the page

    def table(self, name: str, tidy: pd.DataFrame, table: Table) -> None:
        """Write name.csv, name.md and name.tex."""
        write_csv(tidy, self.path / f"{name}.csv")
        below = f"\n{self.remark}\n" if self.remark else ""
        (self.path / f"{name}.md").write_text(table.markdown() + below, encoding="utf-8")
        (self.path / f"{name}.tex").write_text(table.latex(), encoding="utf-8")
        self.page += [table.markdown(), *([f"{self.remark}\n"] if self.remark else [])]

    def figure(self, name: str, figure: Figure) -> Path:
        """Write a figure in every format."""
        return save(figure, self.path / name, self.look.formats)

    def close(self) -> None:
        """Write the page of all tables."""
        (self.path / "tables.md").write_text("\n".join(self.page), encoding="utf-8")
