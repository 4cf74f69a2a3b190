"""The first and the last step of a run or a multirun: note the new folders, and summarize all jobs of a sweep."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from rich.console import Console

from kanbench.files.sealed import Damaged
from kanbench.store import manifest
from kanbench.store.plan import join

if TYPE_CHECKING:
    import pandas as pd

    from kanbench.store.manifest import Manifest
    from kanbench.store.record import CellRecord

CONFIG_OF_HYDRA = "multirun.yaml"


class SweepSummary(Callback):
    """A Hydra callback that summarizes the jobs of a sweep from their files, wherever they ran.

    `status` is the exit code of the process that waits for the jobs: 1 if a cell failed, 2 if the summary could not be
    written. `made` lists the folders that did not exist before, the deepest first.
    """

    status = 0
    made: tuple[Path, ...] = ()

    def __init__(self) -> None:
        self.earlier: dict[Path, int] = {}

    def on_run_start(self, config: Any, **_: Any) -> None:
        """Note the folders that Hydra is about to make."""
        SweepSummary.made = _missing(Path(config.hydra.run.dir))

    def on_multirun_start(self, config: Any, **_: Any) -> None:
        """Note the folders that Hydra is about to make, and the jobs of an earlier sweep in the same folder."""
        SweepSummary.made = _missing(Path(config.hydra.sweep.dir))
        self.earlier = _written(Path(config.hydra.sweep.dir))

    def on_multirun_end(self, config: Any, **_: Any) -> None:
        """Report on the cells of all jobs of the sweep; errors are caught here, as Hydra makes warnings of them."""
        try:
            self._end(Path(config.hydra.sweep.dir))
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            print(f"kanbench: no summary of the sweep: {where}{error.strerror or error}", file=sys.stderr)
            SweepSummary.status = 2

    def _end(self, folder: Path) -> None:
        from kanbench.report.terminal import print_failures

        console = Console(highlight=False, soft_wrap=True, markup=False)
        if [path.name for path in folder.iterdir()] == [CONFIG_OF_HYDRA]:
            print("kanbench: the sweep has no run, because one of its keys has no value", file=sys.stderr)
            SweepSummary.status = 2
            remove_empty(folder)
            return
        manifests = list(_readable(console, [p for p, time in _written(folder).items() if self.earlier.get(p) != time]))
        cells = [cell for cell in dict.fromkeys(Path(c) for each in manifests for c in each.cells) if cell.exists()]
        if len(manifests) > 1 and cells:
            _report(console, cells, manifests, folder / "report")
        failures = list(_failed(cells))
        SweepSummary.status = int(bool(failures))
        print_failures(console, failures, join(["python", "-m", "kanbench", *sys.argv[1:]]))


def remove_empty(*folders: Path) -> None:
    """Remove these folders if they are empty, and those that a run created before it was refused."""
    for folder in (*folders, *SweepSummary.made):
        with suppress(OSError):
            if [path.name for path in folder.iterdir()] == [CONFIG_OF_HYDRA]:
                (folder / CONFIG_OF_HYDRA).unlink()
            folder.rmdir()


def _missing(folder: Path) -> tuple[Path, ...]:
    return tuple(each for each in (folder, *folder.parents) if not each.exists())


def _written(folder: Path) -> dict[Path, int]:
    """Return the manifests of the jobs of a sweep, each with its modification time in ns."""
    return {path: path.lstat().st_mtime_ns for path in sorted(folder.glob(f"*/{manifest.NAME}"))}


def _readable(console: Console, paths: Iterable[Path]) -> Iterator["Manifest"]:
    for path in paths:
        try:
            yield manifest.read_manifest(path)
        except Damaged as fault:
            console.print(f"left out of the summary: {fault}")


def _report(console: Console, cells: list[Path], manifests: list["Manifest"], folder: Path) -> None:
    """Write one report on all cells, or one per group of cells that can share tables."""
    from kanbench.analysis import load_records
    from kanbench.analysis.parts import split
    from kanbench.analysis.protocol import check_protocol, levels
    from kanbench.analysis.shapes import choose_shapes

    try:
        records = load_records(cells)
    except ValueError as error:
        console.print(f"no summary of the sweep: {error}")
        return
    try:
        for _, level in levels(choose_shapes(records)):
            check_protocol(level)
        parts = {"": records}
    except ValueError:
        parts = split(records)
    for name, part in parts.items():
        console.rule(f"the whole sweep: {name}" if name else "the whole sweep")
        _report_part(console, part, [cell for cell in cells if cell.stem in set(part.cell)], manifests, folder / name)


def _report_part(
    console: Console, part: "pd.DataFrame", cells: list[Path], manifests: list["Manifest"], folder: Path
) -> None:
    from kanbench.page.solutions import kept_solutions
    from kanbench.report.run_report import write_report
    from kanbench.report.terminal import print_answer, print_summary

    about = next(each for each in manifests if set(part.cell) & {Path(cell).stem for cell in each.cells})
    try:
        finder = partial(kept_solutions, {cell.stem: cell for cell in cells})
        report = write_report(cells, folder, about.title, about.baseline, solution_finder=finder)
    except ValueError as error:  # jobs that no single table can hold
        console.print(f"no summary, but each job has a report of its own: {error}")
        return
    print_answer(console, report.result)
    print_summary(console, report.result)
    console.print("\n".join(report.lines))


def _failed(cells: Iterable[Path]) -> Iterator["CellRecord"]:
    from kanbench.store.record import read_record

    for path in cells:
        with suppress(Damaged, FileNotFoundError):
            if (record := read_record(path)).failed:
                yield record
