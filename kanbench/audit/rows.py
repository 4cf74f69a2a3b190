"""The rows of a folder of records or of a table, read so that a fault of one hides no other."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from kanbench.analysis.check import HEADER
from kanbench.analysis.load import COLUMNS, RECORD, TABLES, read_text_table
from kanbench.audit.finding import Check, Fault
from kanbench.errors import counted
from kanbench.files.sealed import Damaged, parse_json
from kanbench.store import record
from kanbench.store.plan import Plan, read_plan
from kanbench.store.record import AMOUNTS, COUNTS, ERRORS, TEXTS, CellRecord

NUMBERS = (*COUNTS, *AMOUNTS, "score", "budget_miss", "results_version")


@dataclass(frozen=True)
class Row:
    """One member: its file, the number of its row there, and its columns."""

    file: str
    number: int
    columns: dict[str, Any]

    def fault(self, said: str) -> Fault:
        """Return a fault of this row."""
        return Fault(self.file, str(self.number), said)


@dataclass(frozen=True)
class Audited:
    """All that a folder or a table holds.

    records: those that can be read, by their files; none of a table.   plans: of the runs there.   checksums: the
    check of the sealed files.   broken: faults of files whose seal is whole and that hold no record.   is_table: True
    for a table, which holds no descriptions of cells.
    """

    source: Path
    rows: list[Row]
    records: dict[Path, CellRecord] = field(default_factory=dict)
    plans: list[Plan] = field(default_factory=list)
    checksums: Check = field(default_factory=lambda: Check("checksums", "a table has none", made=False))
    broken: tuple[Fault, ...] = ()
    is_table: bool = False

    def frame(self) -> pd.DataFrame:
        """The rows as a frame, with their positions in `rows` as its index; values of a wrong type are missing."""
        sound = [
            {name: None if record.broken_rule(name, value) else value for name, value in row.columns.items()}
            for row in self.rows
        ]
        frame = pd.DataFrame(sound)
        frame = frame.reindex(columns=list(dict.fromkeys([*COLUMNS, "protocol", *frame])))
        for name in frame:
            if name in NUMBERS or name.startswith(ERRORS):
                frame[name] = pd.to_numeric(frame[name], errors="coerce").astype(float)
        return frame


def read_audited(source: Path) -> Audited:
    """Read a folder of records, or a table of records where there are none.

    Raises:
        FileNotFoundError: if there is neither.
        ValueError: for a file that is no table.
    """
    files = sorted(source.rglob("cells/*.json")) if source.is_dir() else []
    if files:
        return _of_files(source, files)
    tables = [source] if source.is_file() else [source / name for name in TABLES if (source / name).is_file()]
    if not tables:
        raise FileNotFoundError(f"{source}: no records there, neither cells/*.json below it nor a records.csv in it")
    values = read_text_table(tables[0]).to_dict("records")
    if not values:
        raise ValueError(f"{tables[0]}: there are no rows below the header")
    rows = [Row(str(tables[0]), i, _typed(each)) for i, each in enumerate(values, start=HEADER)]
    return Audited(source, rows, is_table=True)


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    """The columns of a row of a table with the types that records have; a text that is no number stays one."""
    typed: dict[str, Any] = {}
    for name, value in values.items():
        if name in TEXTS:
            typed[name] = "" if pd.isna(value) else value
        elif pd.isna(value):
            typed[name] = None
        elif value in ("True", "False"):
            typed[name] = value == "True"
        else:
            typed[name] = _number(value)
    return typed


def _number(text: str) -> float | int | str:
    try:
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        return text


def _of_files(source: Path, files: list[Path]) -> Audited:
    rows, records, sealed, broken = list[Row](), dict[Path, CellRecord](), list[Fault](), list[Fault]()
    for path in files:
        try:
            body = record.SEAL.read(path)
        except Damaged as fault:
            sealed.append(_of_file(path, fault))
            continue
        try:
            read = CellRecord(**parse_json(body))
            record.check_types(read)
        except (ValueError, TypeError) as error:
            members = _members(body)
            rows += [Row(str(path), i, each) for i, each in enumerate(members, start=1)]
            if not any(record.broken_rule(name, value) for each in members for name, value in each.items()):
                broken.append(Fault(str(path), "", f"not a record ({error})"))  # else the rows say it
            continue
        records[path] = read
        rows += [Row(str(path), i, each) for i, each in enumerate(read.members, start=1)]
    plans = _plans(source, sealed)
    whole = f"{len(files) + len(plans) - len(sealed)} of {counted(len(files) + len(plans), 'sealed file')}"
    found = [each for _, each in plans if each]
    check = Check(
        "checksums",
        f"{whole} are whole ({counted(len(files), 'record')}, {counted(len(plans), 'plan')})",
        tuple(sealed),
    )
    return Audited(source, rows, records, found, check, tuple(broken))


def _members(body: bytes) -> list[dict[str, Any]]:
    """The rows of a body that is not a record, if it has any."""
    try:
        members = parse_json(body)["members"]
    except (ValueError, TypeError, KeyError):
        return []
    return [each for each in members if isinstance(each, dict)] if isinstance(members, list) else []


def _plans(source: Path, faults: list[Fault]) -> list[tuple[Path, Plan | None]]:
    """The plans below a folder; those that are damaged become faults."""
    found: list[tuple[Path, Plan | None]] = []
    for path in sorted(source.rglob(f"plans/*{RECORD}")):
        try:
            found.append((path, read_plan(path)))
        except Damaged as fault:
            found.append((path, None))
            faults.append(_of_file(path, fault))
    return found


def _of_file(path: Path, fault: Damaged) -> Fault:
    return Fault(str(path), "", str(fault).removeprefix(f"{path}: "))
