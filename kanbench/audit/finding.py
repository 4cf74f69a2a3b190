"""The outcome of a check: one sentence, and the faults with their files and rows."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong. row: its number, "" where it is about a whole file.

    Rows of a record are counted from 1; those of a table as an editor shows them, where the header is line 1.
    """

    file: str
    row: str
    said: str

    def __str__(self) -> str:
        return f"{self.file}{f', row {self.row}' if self.row else ''}: {self.said}"


@dataclass(frozen=True)
class Check:
    """One line of `validate`. made: False where nothing could be checked, and `said` says why.

    members: those that were trained again, as CELL:SEED.
    """

    name: str
    said: str
    faults: tuple[Fault, ...] = ()
    made: bool = True
    members: tuple[str, ...] = ()

    @property
    def passed(self) -> bool | None:
        """True if there was no fault, and None if there was no check."""
        return None if not self.made and not self.faults else not self.faults

    @property
    def plain(self) -> dict[str, Any]:
        """The check as JSON has it."""
        faults = [{"file": each.file, "row": each.row, "said": each.said} for each in self.faults]
        plain = {"check": self.name, "passed": self.passed, "said": self.said, "faults": faults}
        return plain | ({"members": list(self.members)} if self.members else {})
