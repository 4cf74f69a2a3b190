"""The source of a page: the records below a folder, and the commands of their runs. Imports no torch."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kanbench.analysis import load_records
from kanbench.analysis.protocol import check_protocol
from kanbench.errors import UsageError, counted
from kanbench.files.sealed import Damaged
from kanbench.store.manifest import NAME, Manifest, read_manifest


class CannotReport(UsageError):
    """The results cannot be shown on one page; the message says why in one sentence."""


@dataclass(frozen=True)
class Source:
    """The data of a page. cells: record files. baseline: the reference method, or None. commands: oldest first."""

    cells: tuple[Path, ...]
    title: str
    baseline: str | None
    commands: tuple[str, ...]


def find_source(folder: Path) -> Source:
    """Find the records of a job (a folder with `cells.json`), or all records below a folder or named by its jobs.

    Raises `CannotReport` if there are none, or if a `cells.json` is damaged.
    """
    if not folder.is_dir():
        raise CannotReport(f"report: {folder} is not a folder")
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
    """Return the current path of a record that a manifest names.

    A manifest, of a job in its run or of a job of a sweep, holds paths as seen from where the run was started. Since
    then the run, or the folder of all runs, may have moved or been copied. So the records beside the manifest come
    first; a path as it is written counts only where its run has no folder of records there.
    """
    *_, run, results = manifest.resolve().parents[:4]
    for folder in (run / "cells", results.joinpath(*cell.parts[-3:-1])):
        if folder.is_dir():
            return folder / cell.name
    return cell


def comparable_records(source: Source, protocol: str = "") -> pd.DataFrame:
    """Load the records of a source, each member once, of the one protocol whose name begins with `protocol`.

    Raises `CannotReport` if there are several protocols, with their names, if records of one protocol differ in
    something else, such as the version of a table, and if no record can be read.
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
        raise CannotReport(f"report: {error}; to report on one job alone, name its folder below jobs") from error
    return frame.reset_index(drop=True)
