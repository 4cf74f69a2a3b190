"""`solution RESULTS`: pictures and tables of what networks found as solutions of differential equations."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from kanbench.cli.command import Command
from kanbench.errors import UsageError


def add(parser: ArgumentParser) -> None:
    """Add the results and the options."""
    parser.add_argument("results", metavar="RESULTS", type=Path, help="the folder of a run on differential equations")
    parser.add_argument("--task", metavar="NAME", default="", help="one equation; all by default")
    parser.add_argument("--budget", metavar="N", default="0", help="the budget of the networks; the largest by default")
    parser.add_argument(
        "--target",
        metavar="FILE:NAME",
        action="append",
        default=[],
        help="the code of an own model; it is run, and must have the hash of the records",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="where the files go; RESULTS/solutions by default")


def solution(given: Namespace) -> int:
    """Write a picture of every equation, and a CSV file of the best member of every method on it.

    Raises:
        UsageError: for a budget that is no number, code that cannot be loaded, and results without solutions.
    """
    from kanbench.files.user_code import load_targets
    from kanbench.page.solutions import write_solutions
    from kanbench.page.source import find_source

    if not given.budget.isdecimal():
        raise UsageError(f"solution: --budget must be a whole number, got {given.budget!r}")
    load_targets("solution", given.target)
    out = given.out or given.results / "solutions"
    source = find_source(given.results, "solution")
    for picture in write_solutions(source, out, given.task, int(given.budget)):
        print(f"solution  {picture}")
    return 0


COMMAND = Command(
    line="draw the solutions of differential equations, and write them as CSV, with derivatives and errors",
    run=solution,
    add=add,
    takes="takes one folder: python -m kanbench solution results/runs/pde",
    synonyms=("task", "budget", "target", "out"),
)
