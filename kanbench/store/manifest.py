"""Manifests: the records that a job planned, its title and its command, in one file in its folder."""

import json
from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path, PurePath
from typing import Any

from kanbench.errors import UnknownName, require_name, shown
from kanbench.files.atomic import write_whole
from kanbench.files.sealed import Damaged, parse_json, read_whole

NAME = "cells.json"


@dataclass(frozen=True)
class Manifest:
    """The record files of a job, as seen from where it was started, and the method that others are compared with."""

    cells: tuple[str, ...]
    baseline: str | None
    title: str
    command: str
    commit: str = ""

    def write(self, folder: Path) -> None:
        """Write the file `NAME` into the folder of a job. Raises `OSError`."""
        write_whole(folder / NAME, json.dumps(asdict(self), indent=1).encode())


def read_manifest(path: Path) -> Manifest:
    """Read a manifest. Raises `Damaged`, and `FileNotFoundError` where there is no file."""
    text = read_whole(path)
    try:
        content = parse_json(text)
    except ValueError:
        fault: str | None = "it is not JSON"
    else:
        fault = next(_faults(content), None)
    if fault:
        raise Damaged(f"{path} is damaged ({fault}); remove it, no record is lost with it")
    return Manifest(**content | {"cells": tuple(content["cells"])})


def _faults(content: Any) -> Iterator[str]:
    """Yield what is wrong with the content of a manifest; what comes later holds only if nothing was yielded before."""
    if not isinstance(content, dict):
        yield f"it must be a JSON object, got {shown(content)}"
        return
    known = [field.name for field in fields(Manifest)]
    yield from (f"it has no {f.name}" for f in fields(Manifest) if f.default is MISSING and f.name not in content)
    yield from (str(UnknownName("key", key, known)) for key in content if key not in known)
    if not isinstance(content["cells"], list):
        yield f"cells must be a list, got {shown(content['cells'])}"
        return
    texts = {f"cells[{i}]": cell for i, cell in enumerate(content["cells"])}
    texts |= {key: content[key] for key in content if key != "cells" and (key, content[key]) != ("baseline", None)}
    yield from (f"{place} must be a text, got {shown(text)}" for place, text in texts.items() if not _is_text(text))
    for place, text in texts.items():
        if place.startswith("cells[") and not _names_a_record(text):
            yield f"{place} must be the path of a record, RUN/cells/KEY.json, got {shown(text)}"
    if len({PurePath(cell).parent for cell in content["cells"]}) > 1:
        yield "cells must be records of one run"


def _is_text(value: Any) -> bool:
    """Return whether a value of JSON is a text that a file can hold; half a surrogate pair is none."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _names_a_record(cell: str) -> bool:
    """Return whether a path ends in RUN/cells/KEY.json, as every run files its records."""
    run, folder, name = ("", "", "", *PurePath(cell).parts)[-3:]
    try:
        require_name("run", run)
        require_name("key", name.removesuffix(".json"))
    except ValueError:
        return False
    return folder == "cells" and name.endswith(".json") and "\0" not in cell
