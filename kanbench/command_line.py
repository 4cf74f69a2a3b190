"""What the command line says before any training: lists, hints, and one sentence for each mistake. Imports no torch."""

import sys
from pathlib import Path

from kanbench.data import UnknownName, load_suite, suite_names

WHAT_NEXT = """kanbench: does a KAN with this basis beat an MLP at equal parameters on these functions?

  python -m kanbench experiment=smoke                     try it, in seconds
  python -m kanbench experiment=feynman basis=bspline     27 equations, 1,080 models, minutes
  python -m kanbench list                                 suites and their tasks
  python -m kanbench --help                               groups, keys, examples"""


class UsageError(ValueError):
    """Words on the command line that cannot be run."""


def complain(error: Exception) -> int:
    """One sentence on stderr; the exit code."""
    if isinstance(error, OSError):
        error = UsageError(f"results: cannot write {error.filename or ''} ({error.strerror})")
    sentence = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    print(f"kanbench: {sentence}", file=sys.stderr)
    return 2


def check_choices(words: list[str], conf: Path) -> None:
    """Raise `UsageError` for `group=option` where the option does not exist, with the nearest ones.

    Hydra would say the same at the length of a page.
    """
    for word in words:
        group, equals, options = word.partition("=")
        group = group.lstrip("+").partition("@")[0]
        folder = conf / group
        if not equals or not group or not folder.is_dir():
            continue
        known = sorted(path.stem for path in folder.glob("*.yaml"))
        for option in options.split(","):
            if option not in known and option != "null":
                raise UsageError(f"{word}: {UnknownName('option', option, known)} (options: {', '.join(known)})")


def list_tasks(words: list[str]) -> int:
    """`list`: the suites.   `list SUITE`: its tasks with formulas and ranges."""
    if len(words) > 1:
        return complain(UsageError("list takes at most one suite: python -m kanbench list feynman"))
    if not words:
        for name in suite_names():
            suite = load_suite(name)
            print(f"{name:14s} {len(suite.tasks):4d} tasks  {suite.title}")
        return 0
    try:
        suite = load_suite(words[0])
    except UnknownName as error:
        return complain(error)
    for task in suite.tasks:
        ranges = ", ".join(
            f"{v.name} in [{v.low:.4g}, {v.high:.4g}]" + (f"^{v.size}" if v.size > 1 else "") for v in task.variables
        )
        twin = f"  (same problem as {task.same_as})" if task.same_as else ""
        print(f"{task.name}{twin}\n    {task.formula}\n    {ranges}" + (f"\n    {task.note}" if task.note else ""))
    return 0
