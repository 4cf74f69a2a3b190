"""The store of records: one file per cell, written once and atomically. Imports no torch."""

import hashlib
import json
import logging
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FORMAT = 1  # of the file; a file of another format is not read
os.umask(UMASK := os.umask(0))  # there is no way to read it but to set it
log = logging.getLogger(__name__)


class DamagedRecord(ValueError):
    """A record file whose content is not what was written; the message names the file and the fault."""


@dataclass(frozen=True)
class CellRecord:
    """What one cell was and reached.

    members: one row per member, flat.   curve: steps, and validation MSE (checks, members).   cell: the typed
    config that `key` is the hash of.   environment: versions and machine.   traceback: of a failed cell, else "".
    """

    key: str
    members: list[dict[str, Any]]
    curve: dict[str, Any]
    cell: dict[str, Any]
    environment: dict[str, Any]
    traceback: str = ""

    @property
    def failed(self) -> bool:
        return any(member["status"] == "failed" for member in self.members)


def read_record(path: Path) -> CellRecord:
    """Raises `DamagedRecord`; `FileNotFoundError` where there is no file."""
    header, _, body = path.read_bytes().partition(b"\n")
    try:
        facts = json.loads(header)
        if facts["kanbench_record"] != FORMAT:
            raise DamagedRecord(f"{path}: format {facts['kanbench_record']}, this version reads {FORMAT}")
        if hashlib.sha256(body).hexdigest() != facts["sha256"]:
            raise DamagedRecord(f"{path}: the content does not match its checksum")
        return CellRecord(**json.loads(body))
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, DamagedRecord):
            raise
        raise DamagedRecord(f"{path}: not a record ({error})") from error


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
        except DamagedRecord as fault:
            aside = path.with_suffix(".damaged")
            os.replace(path, aside)
            log.warning("damaged record set aside as %s, its cell is trained again: %s", aside.name, fault)
            return None

    def write(self, record: CellRecord) -> None:
        """All of the file or none of it, whatever happens meanwhile."""
        body = json.dumps(asdict(record), allow_nan=False).encode()
        header = json.dumps({"kanbench_record": FORMAT, "sha256": hashlib.sha256(body).hexdigest()}).encode()
        descriptor, name = tempfile.mkstemp(dir=self.folder, prefix=f".{record.key}.", suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), 0o666 & ~UMASK)  # mkstemp's files are for their owner alone
                file.write(header + b"\n" + body)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path(record.key))
        except BaseException:
            os.unlink(name)
            raise
