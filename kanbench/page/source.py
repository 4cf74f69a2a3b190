"""The source of a page: the records below folders and in tables, and the commands of their runs. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kanbench.analysis import load_records
from kanbench.analysis.check import not_chosen
from kanbench.analysis.load import RECORD, table_of
from kanbench.analysis.merge import merge
from kanbench.analysis.protocol import check_protocol
from kanbench.analysis.scores import Primary
from kanbench.analysis.shapes import choose_shapes, is_searched
from kanbench.errors import UsageError, counted
from kanbench.files.sealed import Damaged
from kanbench.store.manifest import NAME, Manifest, read_manifest


class CannotReport(UsageError):
    """The results cannot be shown on one page; the message says why in one sentence."""


@dataclass(frozen=True)
class Source:
    """The data of a page. cells: record files. baseline: the reference method, or None. commands: oldest first.

    parts: the sources that it was joined from by name, none unless there are several; a table is a part of one file.
    primary: the comparison that a study declares beforehand.
    """

    cells: tuple[Path, ...]
    title: str
    baseline: str | None
    commands: tuple[str, ...]
    parts: tuple[tuple[str, tuple[Path, ...]], ...] = ()
    primary: Primary | None = None

    @property
    def files(self) -> dict[str, Path]:
        """The file of each cell by its key; of a cell in several parts that of the first."""
        return {cell.stem: cell for cell in reversed(self.cells)}


def find_sources(places: Sequence[Path]) -> Source:
    """Find the records of several folders and tables as one source. A table alone has no curves and no networks.

    Raises `CannotReport` for a place without records.
    """
    tables = {place: _table(place) for place in dict.fromkeys(places)}
    found = {place: find_source(place) for place, table in tables.items() if table is None}
    folders = list(found.values())
    if folders and len(tables) == 1:
        return folders[0]
    parts = tuple((str(place), (table,) if table else found[place].cells) for place, table in tables.items())
    titles = list(dict.fromkeys(source.title for source in folders)) or [_name_of(places[0])]
    return Source(
        tuple(dict.fromkeys(cell for source in folders for cell in source.cells)),
        " and ".join(titles),
        next((source.baseline for source in folders if source.baseline), None),
        tuple(dict.fromkeys(command for source in folders for command in source.commands)),
        parts,
    )


def _name_of(table: Path) -> str:
    """Return the name of the folder of a table, or of the folder itself."""
    return (table if table.is_dir() else table.resolve().parent).name


def _table(place: Path) -> Path | None:
    """The table that a path names: a CSV file, or the one in a folder without record files."""
    if place.is_file():
        return place if place.name.endswith((".csv", ".csv.gz")) else None
    return table_of(place)


def find_source(folder: Path, command: str = "report") -> Source:
    """Find the records of a job (a folder with `cells.json`), or all records below a folder or named by its jobs.

    Raises `CannotReport`, which the name of the command begins, if there are none, or if a `cells.json` is damaged.
    """
    if not folder.is_dir():
        raise CannotReport(f"{command}: {folder} is not a folder")
    own = folder / NAME
    paths = [own] if own.exists() else sorted(folder.rglob(NAME), key=lambda path: path.parent.name)
    manifests = [_manifest(path) for path in paths]
    below = [] if own.exists() else sorted(folder.rglob("cells/*.json"))
    named = [_found(Path(cell), path) for path, m in zip(paths, manifests, strict=True) for cell in m.cells]
    cells = tuple(below or dict.fromkeys(cell for cell in named if cell.exists()))
    if not cells:
        raise CannotReport(
            f"{command}: no records below {folder}; it should be a folder of a run, such as results/runs/toy"
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


def _load(source: Source) -> pd.DataFrame:
    if not source.parts:
        return load_records(source.cells)
    tables = {name: files if files[0].suffix == RECORD else files[0] for name, files in source.parts}
    if len(tables) == 1:
        return load_records(*tables.values())
    return merge({name: load_records(files) for name, files in tables.items()})


def _graded(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the records that are compared: of a search those of the shape that was graded, under its name."""
    if "chosen" not in frame:
        return choose_shapes(frame)
    searched = is_searched(frame)
    named = frame.assign(method=frame.searched.where(searched, frame.method)) if searched.any() else frame
    return named[~searched | ~not_chosen(frame)]


def comparable_records(source: Source, protocol: str = "") -> pd.DataFrame:
    """Load the records of a source, each member once, of the one protocol whose name begins with `protocol`.

    Raises `CannotReport` if there are several protocols, with their names, if records of one protocol differ in
    something else, such as the version of a table, and if no record can be read.
    """
    try:
        frame = _load(source)
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
        check_protocol(_graded(frame))
    except ValueError as error:
        raise CannotReport(f"report: {error}; to report on one job alone, name its folder below jobs") from error
    return frame.reset_index(drop=True)
