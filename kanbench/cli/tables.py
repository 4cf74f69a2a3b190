"""`tables SOURCE --out DIR`: every table and figure of a folder of records."""

import argparse
from pathlib import Path

from kanbench.analysis import load_records
from kanbench.errors import UsageError
from kanbench.files.atomic import staged
from kanbench.report.tables import print_tables, write_tables


def main(words: list[str]) -> int:
    """The command. Raises `UsageError` for records that are not there, or that no table may hold."""
    parser = argparse.ArgumentParser(prog="python -m kanbench tables", description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path, help="a folder of records, or a records.csv, gzipped or not")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--baseline", help="the method to test all others against; without it all pairs are tested")
    parser.add_argument("--title", default="", help="what the figures are called; the suite unless given")
    options = parser.parse_args(words)
    try:
        frame = load_records(options.source)
        if frame.empty:
            raise UsageError(f"{options.source}: no records there")
        if options.baseline and options.baseline not in set(frame.method):
            known = ", ".join(sorted(set(frame.method)))
            raise UsageError(f"--baseline: no method {options.baseline!r} (methods: {known})")
        with staged(options.out) as place:
            written = write_tables(frame, place, options.baseline, options.title)
        print_tables(written, options.out)
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from error
    return 0
