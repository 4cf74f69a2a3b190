"""Manifests: the records that a job planned, its title and its command, in one file in its folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

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
        manifest = Manifest(**content | {"cells": tuple(content["cells"])})
        texts = [*manifest.cells, manifest.title, manifest.command, manifest.commit, manifest.baseline or ""]
        if not isinstance(content["cells"], list) or not all(isinstance(text, str) for text in texts):
            raise ValueError("cells must be a list of texts, and all else a text")
        "".join(texts).encode()
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Damaged(f"{path} is damaged ({error}); remove it, no record is lost with it") from error
    return manifest
