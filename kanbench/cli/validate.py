"""`validate FOLDER`: checks of a folder of records, some of its members trained again."""

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kanbench import __version__
from kanbench.cli.command import Command
from kanbench.errors import UsageError, counted
from kanbench.files.atomic import write_whole

if TYPE_CHECKING:
    from kanbench.audit import Check

AGAIN, TOLERANCE, SHOWN = 3, 0.01, 10
WORDS = {True: "ok", False: "FAIL", None: "-"}


def add(parser: ArgumentParser) -> None:
    """Add the folder and the options."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder of records, or a table (records.csv)")
    parser.add_argument(
        "--again", type=_count, default=AGAIN, metavar="N",
        help=f"how many members are trained again and compared, {AGAIN} by default; 0 trains none",
    )  # fmt: skip
    parser.add_argument(
        "--draw", type=_count, default=0, metavar="SEED", help="the seed that draws these members, 0 by default"
    )
    parser.add_argument(
        "--tolerance", type=_share, default=TOLERANCE, metavar="X",
        help=f"the relative difference that errors of two trainings may have, {TOLERANCE} by default",
    )  # fmt: skip
    parser.add_argument(
        "--target", action="append", default=[], metavar="FILE.py:NAME",
        help="the code of an own model, which runs; only its members of the recorded hash are trained again",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the checks and all faults there as well")


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise ArgumentTypeError(f"must be a whole number from 0 on, got {text!r}")
    return int(text)


def _share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.0 <= number < 1.0:
        raise ArgumentTypeError(f"must be a number from 0 to 1, got {text!r}")
    return number


def validate(given: Namespace) -> int:
    """Check the records of a folder, print one line per check, and return 0 if none found a fault, else 1.

    Raises:
        UsageError: for a folder without records, a target that cannot be loaded, and a file that cannot be written.
    """
    try:
        checks = list(_checks(given))
    except (FileNotFoundError, ValueError) as error:
        raise UsageError(f"validate: {error}") from error
    failed, made = [check for check in checks if check.passed is False], [check for check in checks if check.made]
    print(f"\n{len(made) - len(failed)} of {counted(len(made), 'check')} passed, {len(checks) - len(made)} not made")
    if given.json:
        content = {
            "kanbench": __version__, "folder": str(given.folder), "passed": not failed, "tolerance": given.tolerance,
            "draw": given.draw, "checks": [check.plain for check in checks],
        }  # fmt: skip
        write_whole(given.json, json.dumps(content, indent=1).encode())
    return int(bool(failed))


def _checks(given: Namespace) -> Iterator["Check"]:
    """Yield every check after it was printed."""
    from kanbench.audit import read_audited

    audited = read_audited(given.folder)
    if given.json and not given.json.parent.is_dir():
        raise ValueError(f"--json: there is no folder {given.json.parent}")
    from kanbench.audit import (
        again,
        baselines,
        content,
        coverage,
        is_published,
        keys,
        numbers,
        protocol,
        restored,
        sizes,
    )
    from kanbench.files.user_code import load_target

    for target in given.target:
        load_target(target)
    yield _shown(audited.checksums)
    for check in (content, numbers, protocol, coverage, sizes, *[baselines] * is_published(audited)):
        yield _shown(check(audited))
    cells = restored(audited)
    yield _shown(keys(audited, cells))
    yield _shown(again(audited, cells, given.again, given.draw, given.tolerance))


def _shown(check: "Check") -> "Check":
    """Print a check and its first faults."""
    print(f"{WORDS[check.passed]:5s} {check.name:10s} {check.said}", flush=True)
    for fault in check.faults[:SHOWN]:
        print(f"        {fault}")
    if len(check.faults) > SHOWN:
        print(f"        and {len(check.faults) - SHOWN:,} more; --json PATH writes all")
    return check


COMMAND = Command(
    line="check a folder of records: files, columns, protocol, coverage, sizes, keys, and some members trained again",
    run=validate,
    add=add,
    takes="takes one folder or table of records: python -m kanbench validate results/runs/smoke",
)
