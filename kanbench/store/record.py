"""The store of records: one file per cell, written once and atomically. Imports no torch."""

import json
import logging
import math
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from kanbench.files.atomic import remove_parts
from kanbench.files.sealed import Damaged, Seal, parse_json

SEAL = Seal("record", format=1)
STATUSES = ("ok", "diverged", "failed", "skipped")
OUTRANKED = "outranked"  # why a shape ended that its search did not take on
STOPS = ("converged", "cap", "no step helps", OUTRANKED, "")  # why a training ended; "" where none did
TEXTS = {
    *("experiment", "suite", "task", "same_as", "method", "basis", "aggregation", "activation", "optimizer", "status"),
    *("reason", "shape", "cell", "commit", "precision", "protocol", "data", "vary", "settings", "accelerator"),
    *("stopped", "smooth", "searched", "curve"),
}
COUNTS = {"trial", "trials", "depth", "width", "budget", "params", "seed", "steps", "n_inputs"}
AMOUNTS = {
    *("lr", "evaluations", "flops", "seconds", "peak_memory_bytes", "noise"),
    *("n_train", "train_size", "validation_size", "test_size"),
}
ERRORS = ("train_", "val_", "test_")  # columns with these prefixes hold numbers
LARGEST_INTEGER = 2**63
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CellRecord:
    """One cell and its results.

    members: one flat row per member.   curve: steps, the validation loss by its name, e.g. validation_mse (checks,
    members), the evaluations so far (checks, members), and statistics of layers (checks, layers) if they were asked
    for.   cell: the typed config that `key` is
    the hash of.   environment: versions and machine.   traceback: the traceback of a failed cell, else "".
    """

    key: str
    members: list[dict[str, Any]]
    curve: dict[str, Any]
    cell: dict[str, Any]
    environment: dict[str, Any]
    traceback: str = ""

    @property
    def label(self) -> str:
        """The cell in one line: method, task and budget."""
        first = self.members[0]
        return label(first["method"], first["task"], first.get("budget"))

    @property
    def failed(self) -> bool:
        return any(member["status"] == "failed" for member in self.members)


def label(method: str, task: str, budget: int | None) -> str:
    """Return a line such as "KAN RBF on I.6.2 at 300"; references have no budget: "constant on I.6.2"."""
    return f"{method} on {task} at {budget}" if budget else f"{method} on {task}"


def read_record(path: Path) -> CellRecord:
    """Read a record from the file that is named by its key.

    Raises `Damaged`, also for the record of another cell, and `FileNotFoundError` where there is no file.
    """
    body = SEAL.read(path)
    try:
        record = CellRecord(**parse_json(body))
        check_types(record)
    except (ValueError, TypeError) as error:
        raise Damaged(f"{path}: not a record ({error})") from error
    if record.key != path.stem:
        raise Damaged(f"{path}: holds the record of another cell, {record.key}")
    return record


def check_types(record: CellRecord) -> None:
    """Raise `ValueError` for content that a file may hold but that no cell has written.

    The columns of a member may be fewer or more than today's; known columns must have their types.
    """
    for field in fields(CellRecord):
        kind = {"members": list, "key": str, "traceback": str}.get(field.name, dict)
        if not isinstance(getattr(record, field.name), kind):
            raise ValueError(f"{field.name} must be a {kind.__name__}")
    if not _is_text(record.key) or not _is_text(record.traceback):
        raise ValueError("key and traceback must be texts")
    if not record.members:
        raise ValueError("members must not be empty")
    for member in record.members:
        _check_member(member)
    _check_curve(record.curve, len(record.members))


def _check_member(member: Any) -> None:
    if not isinstance(member, dict):
        raise ValueError("every member must be a dict")
    for name in ("method", "task", "status", *["reason"] * (member.get("status") == "failed")):
        if name not in member:
            raise ValueError(f"a member has no {name}")
    for name, value in member.items():
        if rule := broken_rule(name, value):
            raise ValueError(f"{name} must be {rule}, got {value!r:.60}")


def broken_rule(name: str, value: Any) -> str:
    """Return the rule that a value of a column breaks, or "" if it breaks none."""
    if name == "status":
        return "" if value in STATUSES else f"one of {', '.join(STATUSES)}"
    if name == "stopped":
        return "" if value in STOPS else f"one of {', '.join(STOPS[:-1])}, or empty"
    if name in TEXTS:
        return "" if _is_text(value) else "a text"
    if value is None:
        return ""
    if name in COUNTS:
        return "" if _is_number(value) and value >= 0 and value == int(value) else "an integer from 0 on"
    if name in AMOUNTS:
        return "" if _is_number(value) and value >= 0 else "a number from 0 on"
    if name.startswith(ERRORS):
        return "" if _is_number(value) else "a number"
    return "" if isinstance(value, bool) or _is_number(value) or _is_text(value) else "a number or a text"


def _check_curve(curve: dict[str, Any], n_members: int) -> None:
    """Check a curve: per check a number or None for each member, and for statistics of layers one value per layer."""
    steps = curve.get("steps", [])
    if not isinstance(steps, list) or not all(isinstance(step, int) and _is_number(step) for step in steps):
        raise ValueError("the steps of the curve must be integers")
    layers = curve.get("layers", {})
    if not isinstance(layers, dict):
        raise ValueError("the layers of the curve must be a dict")
    losses = [(checks, n_members) for name, checks in curve.items() if name not in ("steps", "layers")]
    for checks, width in [*losses, *((checks, None) for checks in layers.values())]:
        if not (isinstance(checks, list) and len(checks) == len(steps) and all(_is_row(row, width) for row in checks)):
            raise ValueError("the curve must have a row of numbers for every step")


def _is_row(row: Any, width: int | None) -> bool:
    fits = isinstance(row, list) and width in (None, len(row))
    return fits and all(number is None or _is_number(number) for number in row)


def _is_number(value: Any) -> bool:
    """Return True for a finite number that a data frame can hold."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST_INTEGER


def _is_text(value: Any) -> bool:
    """Return True for text that can be printed and written to a file."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


@dataclass(frozen=True)
class RecordStore:
    """A folder of records, `<key>.json` each; several processes may write to it."""

    folder: Path

    def prepare(self) -> None:
        """Create the folder and remove what killed writers left there. Raises `OSError` if it cannot be written to."""
        self.folder.mkdir(parents=True, exist_ok=True)
        remove_parts(self.folder)
        with tempfile.TemporaryFile(dir=self.folder):
            pass

    def path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def find(self, key: str) -> CellRecord | None:
        """Return the record of a cell, or None if there is none; a damaged file is logged and set aside."""
        path = self.path(key)
        try:
            return read_record(path)
        except FileNotFoundError:
            return None
        except Damaged as fault:
            self._set_aside(path, fault)
            return None

    def write(self, record: CellRecord, instead_of: CellRecord | None = None) -> None:
        """Write a record atomically: the file is complete or absent, whatever happens meanwhile.

        A stored record that did not fail is never replaced, except if it is the one given as `instead_of` and the new
        record did not fail.
        """
        body = json.dumps(asdict(record), allow_nan=False).encode()
        there = self.find(record.key)
        if there is None or there.failed or (there == instead_of and not record.failed):
            SEAL.write(self.path(record.key), body)

    def _set_aside(self, path: Path, fault: Damaged) -> None:
        aside = path.with_suffix(".damaged")
        if aside.is_dir() or path.is_dir():  # a folder cannot be replaced by a file, nor replace one
            aside = Path(tempfile.mkdtemp(dir=self.folder, prefix=f"{path.stem}.", suffix=".damaged")) / path.name
        try:
            os.replace(path, aside)
        except FileNotFoundError:  # another process did it
            return
        with suppress(Damaged, FileExistsError, FileNotFoundError):
            read_record(aside)
            os.link(aside, path)  # another process has just mended it
            return
        log.warning("damaged record set aside as %s, its cell is trained again: %s", aside.name, fault)
