"""`halving RESULTS`: what a search by successive halving would have lost and saved on the records of a full search."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from kanbench.cli.command import Command
from kanbench.errors import UsageError
from kanbench.files.atomic import write_whole
from kanbench.files.sealed import Damaged


def add(parser: ArgumentParser) -> None:
    """Add the folder and the options."""
    parser.add_argument(
        "results",
        metavar="RESULTS",
        type=Path,
        help="the folder of a run or sweep that trained several shapes of each kind of method to the end",
    )
    parser.add_argument("--seeds", metavar="N,..", default="2,3", help="seeds of the first rung; 2,3 by default")
    parser.add_argument(
        "--steps", metavar="N,..", default="60,100,200", help="optimizer steps of the first rung; 60,100,200 by default"
    )
    parser.add_argument(
        "--keep", metavar="SHARE", default="0.3333", help="share of the shapes that goes on; a third by default"
    )
    parser.add_argument("--out", metavar="FILE", type=Path, help="a CSV file for the table")


def halving(given: Namespace) -> int:
    """Print the table of rungs, and write it where `--out` says.

    Raises:
        UsageError: for words that are no numbers, and for a folder without shapes to compare.
    """
    from kanbench.analysis.halving import read_groups, rungs, simulate

    tried = list(rungs(_counts("seeds", given.seeds), _counts("steps", given.steps), _share(given.keep)))
    if not given.results.is_dir():
        raise UsageError(f"halving: {given.results}: no such folder")
    try:
        table = simulate(read_groups(given.results), tried)
    except Damaged as fault:
        raise UsageError(f"halving: {fault}") from fault
    if table.empty:
        raise UsageError(
            f"halving: {given.results} holds no three shapes of one kind of method, task and budget with "
            f"as many seeds as {given.seeds}; tables of records have no learning curves"
        )
    print(table.to_string(index=False, float_format=lambda number: f"{number:.3g}"))
    if given.out:
        write_whole(given.out, table.to_csv(index=False, float_format="%.4g", lineterminator="\n").encode())
    return 0


def _counts(name: str, text: str) -> list[int]:
    """Return whole numbers from a text such as "2,3". Raises `UsageError`."""
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and 0 < int(word) < 10**9 for word in words):
        raise UsageError(f"halving: --{name} must be whole numbers with commas between them, as 2,3, got {text!r}")
    return [int(word) for word in words]


def _share(text: str) -> float:
    """Return a share in (0, 1]. Raises `UsageError`."""
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0.0 < share <= 1.0:
        raise UsageError(f"halving: --keep must be a share over 0 and at most 1, as 0.5, got {text!r}")
    return share


COMMAND = Command(
    line="simulate successive halving on the records of a full search: what it would lose and save",
    run=halving,
    add=add,
    takes="takes one folder: python -m kanbench halving results/runs/development",
    synonyms=("seeds", "steps", "keep", "out"),
)
