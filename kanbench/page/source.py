"""What a page is about: the records below a folder, and the commands that made them. Imports no torch."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kanbench.analysis import load_records
from kanbench.analysis.protocol import check_protocol
from kanbench.errors import UsageError, counted
from kanbench.files.sealed import Damaged
from kanbench.store.manifest import NAME, Manifest, read_manifest


class CannotReport(UsageError):
    """Results that no one page can show; one sentence."""


@dataclass(frozen=True)
class Source:
    """cells: record files.   baseline: the method that others are compared with, or None.   commands: oldest first."""

    cells: tuple[Path, ...]
    title: str
    baseline: str | None
    commands: tuple[str, ...]


def find_source(folder: Path) -> Source:
    """The records of a job (a folder with `cells.json`), or all that lie below a folder or are named by jobs there.

    Raises `CannotReport` where there are none, and for a damaged `cells.json`.
    """
    if not folder.is_dir():
        raise CannotReport(f"report: {folder} is no folder")
    own = folder / NAME
    paths = [own] if own.exists() else sorted(folder.rglob(NAME), key=lambda path: path.parent.name)
    manifests = [_manifest(path) for path in paths]
    below = [] if own.exists() else sorted(folder.rglob("cells/*.json"))
    named = [_found(Path(cell), path) for path, m in zip(paths, manifests, strict=True) for cell in m.cells]
    cells = tuple(below or dict.fromkeys(cell for cell in named if cell.exists()))
    if not cells:
        raise CannotReport(
            f"report: no records below {folder}; it should be a folder of a run, such as results/runs/toy"
        )
    titles = {m.title for m in manifests}
    title = titles.pop() if len(titles) == 1 else folder.resolve().name
    commands = tuple(dict.fromkeys(m.command for m in manifests))
    return Source(cells, title, manifests[-1].baseline if manifests else None, commands)


def _manifest(path: Path) -> Manifest:
    try:
        return read_manifest(path)
    except Damaged as fault:
        raise CannotReport(f"report: {fault}") from fault
    except OSError as error:
        raise CannotReport(f"report: cannot read {path} ({error.strerror})") from error


def _found(cell: Path, manifest: Path) -> Path:
    """Where a record is now: a manifest, of a job in its run or of a job of a sweep, names it as seen from where the
    run was started; since then the run, or the folder of all runs, may have moved."""
    *_, run, results = manifest.resolve().parents[:4]
    places = (cell, run / "cells" / cell.name, results.joinpath(*cell.parts[-3:]))
    return next((place for place in places if place.exists()), cell)


def comparable_records(source: Source, protocol: str = "") -> pd.DataFrame:
    """The records of a source, each member once, of the one protocol that `protocol` begins.

    Raises `CannotReport` where there are several, with their names, where records of one differ in something else,
    such as the version of a table, and where no record can be read.
    """
    try:
        frame = load_records(source.cells)
    except ValueError as error:
        raise CannotReport(f"report: {error}") from error
    if frame.empty:
        raise CannotReport(
            f"report: none of the {counted(len(source.cells), 'record')} can be read; the run trains them again"
        )
    frame = frame.drop_duplicates(["cell", "seed", "lr"], ignore_index=True)
    frame = frame[frame.protocol.str.startswith(protocol)]
    found = frame.groupby("protocol").experiment.unique()
    if len(found) != 1:
        known = ", ".join(f"{name[:6]} ({', '.join(sorted(of))})" for name, of in found.items())
        raise CannotReport(
            f"report: records of {len(found)} protocols (optimizer, seeds, splits or precision) cannot be compared; "
            f"choose one with protocol=...: {known}"
            if known
            else f"report: no record has a protocol that begins with {protocol!r}"
        )
    try:
        check_protocol(frame)
    except ValueError as error:
        raise CannotReport(f"report: {error}; the folder of one job, below jobs, can be reported alone") from error
    return frame.reset_index(drop=True)
