"""`run WORDS`: a comparison or a system, or a sweep of them."""

from argparse import Namespace

from kanbench.cli.command import Command
from kanbench.errors import UsageError


def run(given: Namespace) -> int:
    """Run the words after `run`."""
    from kanbench.cli.job import run_words

    if not given.words:
        raise UsageError("run: say what to run, as in run experiment=smoke")
    return run_words(given.words)


COMMAND = Command(
    line="train, compare and draw; `run` may be left out. All groups and keys: python -m kanbench --help",
    run=run,
    usage="WORDS",
    takes_words=True,
)
