"""Sealed files: a header states their kind, format and checksum, and a damaged one is rejected. Imports no torch."""

import errno
import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from kanbench.files.atomic import write_whole


class Damaged(ValueError):
    """Error for a file whose content is not what was written; the message names the file and the fault."""


@dataclass(frozen=True)
class Seal:
    """A header line that states the kind of a file, its format and the checksum of the rest."""

    kind: str
    format: int  # files of another format are not read

    def write(self, path: Path, body: bytes) -> None:
        """Write the header and `body`: the whole file or none of it, even if the process is killed meanwhile."""
        header = {f"kanbench_{self.kind}": self.format, "sha256": hashlib.sha256(body).hexdigest()}
        write_whole(path, json.dumps(header).encode() + b"\n" + body)

    def read(self, path: Path) -> bytes:
        """Return the body of a sealed file.

        Raises:
            Damaged: if the file is of another kind or format, or its checksum does not match.
            FileNotFoundError: if there is no file.
        """
        header, _, body = read_whole(path).partition(b"\n")
        try:
            facts = parse_json(header)
            found, checksum = facts[f"kanbench_{self.kind}"], facts["sha256"]
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{path}: not a {self.kind} of kanbench") from error
        if found != self.format:
            raise Damaged(f"{path}: a {self.kind} of format {found}, this version reads {self.format}")
        if hashlib.sha256(body).hexdigest() != checksum:
            raise Damaged(f"{path}: the content does not match its checksum; the file is damaged or cut short")
        return body


def read_whole(path: Path) -> bytes:
    """Return the content of a file, without waiting for pipes or devices.

    Raises:
        Damaged: for a folder, a pipe, a device or a loop of links.
    """
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return file.read()
    except OSError as error:
        if error.errno not in (errno.EISDIR, errno.ELOOP, errno.ENXIO):
            raise
    raise Damaged(f"{path}: not a file")


def parse_json(text: bytes | str) -> Any:
    """Parse strict JSON.

    Raises:
        ValueError: for other text, for NaN and infinity, and for values nested too deeply.
    """

    def refuse(number: str) -> NoReturn:
        raise ValueError(f"{number} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
