"""`report RESULTS ..`: one interactive page of a run, or of several folders and tables of records."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanbench.cli.command import Command
from kanbench.errors import UnknownName, UsageError, counted
from kanbench.files.user_code import load_targets

if TYPE_CHECKING:
    from kanbench.page.source import Source

WHOLE = ("networks", "budget")


def add(parser: ArgumentParser) -> None:
    """Add the results and the options."""
    parser.add_argument(
        "results",
        type=Path,
        nargs="*",
        metavar="RESULTS",
        help="a folder of a run (results/runs/toy), of one of its jobs, or of a sweep; several, and tables "
        "(records.csv, gzipped or not) beside them, are read as one; a study.yaml beside a table names the study",
    )
    parser.add_argument(
        "--networks",
        metavar="N",
        help="how many trained networks are on the page at most, 24 by default; each is trained once more, "
        "in about a second",
    )
    parser.add_argument("--budget", metavar="N", help="the budget of those networks; by default the middle one")
    parser.add_argument(
        "--member",
        metavar="CELL:SEED",
        action="append",
        default=[],
        help="a network by the beginning of its cell's key, and its seed, as 3f2a:0; may be repeated; "
        "by default the best ones",
    )
    parser.add_argument(
        "--protocol", metavar="P", default="", help="which records, where RESULTS holds some that cannot be compared"
    )
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="where the page is written; by default RESULTS/report.html"
    )
    parser.add_argument(
        "--target",
        metavar="FILE:NAME",
        action="append",
        default=[],
        help="the code of an own model whose networks are shown; it is run, and must have the hash of the records",
    )


def report(given: Namespace) -> int:
    """Write a page.

    Raises:
        CannotReport: for words that cannot be understood and results that cannot be shown.
    """
    if not given.results:
        given.parser.print_help()
        return 0
    from kanbench.page.source import CannotReport, find_sources
    from kanbench.page.write import PageOptions, write_page
    from kanbench.workers.pool import WorkerDied

    place = _place(given.results, given.out)
    load_targets("report", given.target)
    numbers: dict[str, Any] = {name: _whole(name, text) for name in WHOLE if (text := vars(given)[name]) is not None}
    options = PageOptions(members=tuple(given.member), protocol=given.protocol, **numbers)
    try:
        source = _as_studied(find_sources(given.results), given.results)
        count = write_page(source, place, options, workers=len(os.sched_getaffinity(0)))
    except OSError as error:
        raise CannotReport(f"report: cannot read {error.filename} ({error.strerror})") from error
    except WorkerDied as error:
        raise CannotReport(f"report: {error}; fewer networks, as --networks 8, need less") from error
    print(f"page      {place} ({place.stat().st_size / 1e6:.1f} MB, {counted(count, 'network')})")
    return 0


def _as_studied(source: "Source", results: list[Path]) -> "Source":
    """Return the source of a study with the title, the baseline and the primary comparison of its study.yaml.

    Raises:
        UsageError: for a study.yaml that cannot be read.
    """
    from kanbench.analysis.baselines import STUDY
    from kanbench.cli.reproduce import read_study

    folder = results[0] if results[0].is_dir() else results[0].parent
    if len(results) > 1 or source.cells or not (folder / STUDY).is_file():
        return source
    try:
        study = read_study(folder / STUDY)
    except ValueError as error:
        raise UsageError(f"report: {error}") from error
    return study.page_source(source)


def _place(results: list[Path], out: Path | None) -> Path:
    """Return where the page goes. Raises `UsageError` for words that are no results, and where --out is missing."""
    first, *others = results
    for path in others:
        key, equals, _ = str(path).partition("=")
        if not path.exists():
            raise UsageError(
                f"report: {UnknownName('key', key, COMMAND.synonyms) if equals else f'{path} is not a folder'}"
            )
    if others and not out:
        raise UsageError("report: say where the page of several results goes: --out page.html")
    return out or (first if first.is_dir() else first.parent) / "report.html"


def _whole(name: str, text: str) -> int:
    if not text.isdecimal():
        raise UsageError(f"report: {name} must be a whole number, got {text!r}")
    return int(text)


COMMAND = Command(
    line="write an interactive page of a run: curves, records, trained networks",
    run=report,
    add=add,
    takes="takes folders and tables of records, one after the other, and its options before or after them",
    synonyms=("networks", "budget", "member", "protocol", "out", "target"),
)
