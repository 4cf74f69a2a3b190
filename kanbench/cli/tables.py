"""`tables SOURCE .. --out DIR`: every table and figure of folders and tables of records."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from kanbench.cli.command import Command
from kanbench.errors import UsageError
from kanbench.files.atomic import staged


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
    parser.add_argument("--title", default="", help="the title of the figures; the title of the suite unless given")


def tables(given: Namespace) -> int:
    """Write the tables and figures.

    Raises:
        UsageError: for records that are not there, or that cannot share a table.
    """
    from kanbench.analysis import load_records
    from kanbench.report.tables import print_tables, write_tables

    try:
        frame = load_records(given.source)
        if frame.empty:
            raise UsageError(f"{given.source[0]}: no records there")
        if given.baseline and given.baseline not in set(frame.method):
            known = ", ".join(sorted(set(frame.method)))
            raise UsageError(f"--baseline: no method {given.baseline!r} (methods: {known})")
        with staged(given.out) as place:
            written = write_tables(frame, place, given.baseline, given.title)
        print_tables(written, given.out)
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from error
    return 0


COMMAND = Command(
    line="write every table and figure of folders and tables of records",
    run=tables,
    add=add,
    takes="takes folders and tables of records, one after the other, and --out DIR",
)
