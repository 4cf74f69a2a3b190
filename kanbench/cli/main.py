"""The entry of the command line: it finds the command that the first word names, and takes all other words as a run."""

import sys
from difflib import get_close_matches

from kanbench import __version__
from kanbench.cli.command import commands, parsers, perform
from kanbench.cli.completion import FLAGS, SCRIPT, complete
from kanbench.cli.hints import hint_for
from kanbench.cli.output import Lasting, complain, lasting
from kanbench.errors import UnknownName, UsageError

WHAT_NEXT = """kanbench: does a KAN with this basis beat an MLP at equal parameters on these functions?

  python -m kanbench experiment=smoke                     try it, in seconds
  python -m kanbench experiment=feynman basis=bspline     27 equations, 810 models, minutes
  python -m kanbench experiment=hand_derived              a published system, its claims checked
  python -m kanbench report results/runs/smoke            a page to look at: curves, records, trained networks
  python -m kanbench list                                 suites, their tasks, and systems
  python -m kanbench advise data.path=my.csv data.target=y  which network for your table, in minutes
  python -m kanbench check model.target=my_kan.py:MyKAN   your own model checked; model=own races it
  python -m kanbench tables RECORDS --out DIR             every table and figure of a folder of records
  python -m kanbench reproduce                            the published studies, each made again by its name
  python -m kanbench status results/runs                  how far the runs there are, while they run anywhere
  python -m kanbench help bases                           one topic: what can be chosen, an example
  python -m kanbench --help                               commands, groups, keys, examples"""


def main() -> int:
    """Run the words of `sys.argv`.

    Returns:
        0 if everything went well, 1 if a cell failed, 2 for words that cannot be run or an answer that was lost.
    """
    try:
        with lasting():
            return answer(sys.argv[1:])
    finally:
        lost = None if Lasting.consequence else Lasting.lost
        if lost and not isinstance(lost, BrokenPipeError):  # whoever reads no more has read enough
            sys.exit(complain(UsageError(f"standard output: {lost.strerror}")))


def answer(words: list[str]) -> int:
    """Run a command or, where the first word names none, a run; return the exit code."""
    if not words:
        print(WHAT_NEXT)
        return 0
    if "--version" in words:
        print(f"kanbench {__version__}")
        return 0
    if words == ["--completion"]:
        print(SCRIPT.read_text(encoding="utf-8"), end="")
        return 0
    if words[0] in FLAGS:
        return complete(words)
    if words[0] in (known := commands()):
        return run_command(*words)
    if words[0] in ("--help", "-h"):
        print(parsers(known)[0].format_help())
        if len(words) == 1:
            from kanbench.cli.help import run_help

            print(run_help())
            return 0
    elif words[0].isalpha() and not hint_for(words[0]) and get_close_matches(words[0], known):
        return complain(UnknownName("command", words[0], known))
    from kanbench.cli.job import run_words

    return run_words(words)


def run_command(word: str, *rest: str) -> int:
    """Run the command `word`; return its exit code, 2 for words that it cannot run."""
    try:
        return perform(word, *rest)
    except UsageError as error:
        return complain(error)
    except OSError as error:
        return complain(UsageError(f"{word}: {error.filename or 'file'}: {error.strerror or error}"))
    except KeyboardInterrupt:
        return 130
