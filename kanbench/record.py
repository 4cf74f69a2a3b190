"""The store of records: one file per cell, written once and atomically. Imports no torch."""

import json
import logging
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kanbench.sealed import Damaged, Seal

SEAL = Seal("record", format=1)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CellRecord:
    """What one cell was and reached.

    members: one row per member, flat.   curve: steps, the loss on validation by its name, e.g. validation_mse (checks,
    members), and statistics of layers (checks, layers) if they were asked for.   cell: the typed config that `key` is
    the hash of.   environment: versions and machine.   traceback: of a failed cell, else "".
    """

    key: str
    members: list[dict[str, Any]]
    curve: dict[str, Any]
    cell: dict[str, Any]
    environment: dict[str, Any]
    traceback: str = ""

    @property
    def label(self) -> str:
        """What is told of it in a line."""
        first = self.members[0]
        return label(first["method"], first["task"], first["budget"])

    @property
    def failed(self) -> bool:
        return any(member["status"] == "failed" for member in self.members)


def label(method: str, task: str, budget: int | None) -> str:
    """KAN RBF on I.6.2 at 300; constant on I.6.2, a reference having no budget."""
    return f"{method} on {task} at {budget}" if budget else f"{method} on {task}"


def read_record(path: Path) -> CellRecord:
    """Raises `Damaged`; `FileNotFoundError` where there is no file."""
    body = SEAL.read(path)
    try:
        return CellRecord(**json.loads(body))
    except (ValueError, TypeError) as error:
        raise Damaged(f"{path}: not a record ({error})") from error


@dataclass(frozen=True)
class RecordStore:
    """A folder of records, `<key>.json` each; several processes may write to it."""

    folder: Path

    def prepare(self) -> None:
        """Make the folder; raises `OSError` if it cannot be written to."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.folder):
            pass

    def path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def find(self, key: str) -> CellRecord | None:
        """The record of a cell, or None if there is none; a damaged file is named in the log and set aside."""
        path = self.path(key)
        try:
            return read_record(path)
        except FileNotFoundError:
            return None
        except Damaged as fault:
            self._set_aside(path, fault)
            return None

    def write(self, record: CellRecord) -> None:
        """All of the file or none of it, whatever happens meanwhile; a record that did not fail is there for good."""
        body = json.dumps(asdict(record), allow_nan=False).encode()
        there = self.find(record.key)
        if there is None or there.failed:
            SEAL.write(self.path(record.key), body)

    def _set_aside(self, path: Path, fault: Damaged) -> None:
        aside = path.with_suffix(".damaged")
        try:
            os.replace(path, aside)
        except FileNotFoundError:  # another process did it
            return
        with suppress(Damaged, FileExistsError):
            read_record(aside)
            os.link(aside, path)  # another process has just mended it
            return
        log.warning("damaged record set aside as %s, its cell is trained again: %s", aside.name, fault)
