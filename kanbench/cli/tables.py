"""`tables SOURCE .. --out DIR`: every table and figure of folders and tables of records."""

import csv
import logging
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kanbench.cli.command import Command
from kanbench.errors import UsageError, shown
from kanbench.files.atomic import staged

if TYPE_CHECKING:
    import pandas as pd

    from kanbench.analysis.scores import Primary
    from kanbench.report.folder import Look
    from kanbench.report.result import Result

log = logging.getLogger(__name__)


def add(parser: ArgumentParser) -> None:
    """Add the source and the options."""
    parser.add_argument(
        "source",
        type=Path,
        nargs="+",
        metavar="SOURCE",
        help="a folder of records, or a records.csv, gzipped or not; several are read as one",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to write to")
    parser.add_argument("--baseline", help="the method to test all others against; without it all pairs are tested")
    parser.add_argument(
        "--primary",
        metavar="METHOD,AGAINST,BUDGET",
        help="the comparison that was declared beforehand, which is answered and tested alone",
    )
    parser.add_argument(
        "--methods",
        metavar="A,B=NAME",
        default="",
        help="these methods alone, in this order; LABEL=NAME gives one another name",
    )
    parser.add_argument(
        "--costs",
        type=Path,
        metavar="FILE",
        help="measured times to join, benchmarks/records/costs.csv of `make bench`",
    )
    parser.add_argument("--format", metavar="F,..", default="png,svg", help="of figures: png, svg, pdf")
    parser.add_argument("--width", metavar="INCHES", help="of figures, such as 3.4 for a column of a paper")
    parser.add_argument("--title", default="", help="the title of the figures; the name of the suite unless given")


def tables(given: Namespace) -> int:
    """Write the tables and figures.

    Raises:
        UsageError: for records that are not there, or that cannot share a table.
    """
    from kanbench.analysis import load_records
    from kanbench.analysis.baselines import STUDY, say_missing
    from kanbench.report.tables import print_tables, write_tables

    try:
        look = look_of(given)
        frame = load_records(given.source)
        if frame.empty:
            raise UsageError(f"{given.source[0]}: no records there")
        result = result_of(frame, given)
        with staged(given.out) as place:
            written = write_tables(result, place, look=look)
        print_tables(written, given.out)
        if any((source / STUDY).is_file() for source in given.source) and (missing := say_missing(frame)):
            log.warning("%s", missing)
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from error
    return 0


def look_of(given: Namespace) -> "Look":
    """Return the formats and the width of figures that the options ask for."""
    from kanbench.report.folder import Look

    try:
        width = None if given.width is None else float(given.width)
    except ValueError:
        raise UsageError(f"--width must be a number of inches, got {given.width!r}") from None
    try:
        return Look(tuple(name.strip() for name in given.format.split(",")), width)
    except ValueError as error:
        raise UsageError(f"--{error}") from error


def primary_of(words: str | None) -> "Primary | None":
    """Return the comparison that `--primary` declares: METHOD,AGAINST,BUDGET, and AXIS=VALUE for a level of a sweep."""
    from kanbench.analysis.scores import Primary

    if not words:
        return None
    try:
        method, against, budget, *level = (word.strip() for word in next(csv.reader([words], skipinitialspace=True)))
        held = dict(word.split("=") for word in level)
        return Primary(method, against, int(budget), {axis: float(value) for axis, value in held.items()})
    except ValueError:
        raise UsageError(
            f"primary must be METHOD,AGAINST,BUDGET, such as KAN RBF,MLP tanh,300, got {shown(words)}"
        ) from None


def result_of(frame: "pd.DataFrame", given: Namespace) -> "Result":
    """Return the result that the options ask for: its title, its baseline, and the methods that it shows."""
    from kanbench.report.result import Result

    try:
        whole = Result.of(frame, given.title, given.baseline or None, primary_of(given.primary))
        result = chosen(measured(whole, given.costs) if given.costs else whole, given.methods)
    except UsageError as error:
        raise UsageError(f"--{error}") from error
    if given.baseline and result.baseline is None:
        raise UsageError(f"--baseline: {given.baseline!r} is not among the methods of --methods")
    return result


def measured(result: "Result", path: Path) -> "Result":
    """Return the result with the measured times of a table of costs.

    Raises:
        UsageError: for a file that is no such table, and one that has none of the methods of the result.
    """
    from kanbench.analysis.costs import read_costs

    try:
        costs = read_costs(path)
    except ValueError as error:
        raise UsageError(f"costs: {error}") from error
    if not set(result.methods) & set(costs.method):
        raise UsageError(f"costs: {path}: none of these methods was measured ({', '.join(sorted(set(costs.method)))})")
    return replace(result, costs=costs)


def chosen(result: "Result", words: str) -> "Result":
    """Return the result of the methods that `--methods` lists; LABEL=NAME renames one."""
    if not words:
        return result
    known = set(result.methods)
    methods, names = [], {}
    for word in (each.strip() for each in next(csv.reader([words], skipinitialspace=True))):
        label, _, name = word.rpartition("=")
        if word in known or label not in known:
            methods.append(word)
        else:
            methods.append(label)
            names[label] = name
    return result.choose(methods, names)


COMMAND = Command(
    line="write every table and figure of folders and tables of records",
    run=tables,
    add=add,
    takes="takes folders and tables of records, one after the other, and --out DIR",
)
