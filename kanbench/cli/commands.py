"""What the command line says before any training: lists, hints, and one sentence for each mistake.

NumPy and SciPy are imported where they are needed: `--help` should come at once.
"""

import re
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

from kanbench import __version__
from kanbench.cli.hints import hint_for
from kanbench.errors import counted

if TYPE_CHECKING:
    from kanbench.data import Suite, TableTask
from kanbench.config.options import CONF, headline, home_of, keys
from kanbench.errors import UsageError

COMMANDS = {  # word: the function that takes the words after it and returns the exit code
    "help": "kanbench.cli.help:show_help",
    "list": "kanbench.cli.commands:list_tasks",
    "dashboard": "kanbench.loggers.dashboard:dashboard",
    "report": "kanbench.cli.report:report",
    "status": "kanbench.cli.status:status",
    "tables": "kanbench.cli.tables:main",
    "reproduce": "kanbench.cli.reproduce:reproduce",
}

WHAT_NEXT = """kanbench: does a KAN with this basis beat an MLP at equal parameters on these functions?

  python -m kanbench experiment=smoke                     try it, in seconds
  python -m kanbench experiment=feynman basis=bspline     27 equations, 1,080 models, minutes
  python -m kanbench experiment=hand_derived              a published system, its claims checked
  python -m kanbench report results/runs/smoke            a page to look at: curves, records, trained networks
  python -m kanbench list                                 suites, their tasks, and systems
  python -m kanbench tables RECORDS --out DIR             every table and figure of a folder of records
  python -m kanbench reproduce                            the published studies, each made again by its name
  python -m kanbench status results/runs                  how far the runs there are, while they run anywhere
  python -m kanbench help bases                           one topic: what can be chosen, an example
  python -m kanbench --help                               groups, keys, examples"""

USES = {  # word: what --help behind it prints; tables and dashboard have an argparse, report a text of its own
    "help": """python -m kanbench help [TOPIC]

  without a topic: all topics; with one: what can be chosen, the settings of each, and an example""",
    "list": """python -m kanbench list [SUITE]

  without a suite: all suites and systems; with one: its tasks, their formulas and ranges""",
    "status": """python -m kanbench status RESULTS

  how far every run below a folder is, from files alone: cells done, running and failed, and the time that is left""",
    "reproduce": """python -m kanbench reproduce [STUDY] [results=DIR] [out=DIR] [WORDS]

  without a study: all that are published; with one: its runs, tables and figures again, beside what was published
  results=results/runs  where its records go
  out=DIR               where its tables and figures go; below the records unless it is given
  WORDS                 for every run, such as data.tasks=[I.6.2] or seeds=1""",
    "submit": """python -m kanbench submit WORDS [--jobs=N] [--setup=LINE ...] [--dry-run] [--OPTION=VALUE ...]

  WORDS                 of any run, or of a sweep
  --jobs=8              Slurm jobs that share the cells; 1 unless it is given
  --setup='module load python'  a line of shell that comes first in every job
  --dry-run             print the script, and submit nothing
  --partition=cpu       any option of sbatch; unless given --time=04:00:00 --cpus-per-task=4 --mem=8G""",
}
OPTIONAL = ("experiment", "system")
NEEDED = (
    *("basis", "aggregation", "model", "baseline", "data", "optimizer", "budget", "trainer", "logger"),
    *("name", "results", "seeds", "first_seed", "vary", "report", "references", "shard"),
)
BESIDE_SYSTEM = ("experiment", "system", "name", "results")


def asked_for(words: list[str]) -> str:
    """The version, or the use of a command; "" where the words ask for neither."""
    if "--version" in words:
        return f"kanbench {__version__}"
    return USES.get(words[0], "") if {"--help", "-h"} & set(words[1:]) else ""


def run_command(word: str, *rest: str) -> int:
    """The command `word`; the exit code is 2 for words that it cannot run."""
    module, _, function = COMMANDS[word].partition(":")
    try:
        return getattr(import_module(module), function)(list(rest))
    except UsageError as error:
        return complain(error)
    except OSError as error:
        return complain(UsageError(f"{word}: {error.filename or 'file'}: {error.strerror or error}"))


def complain(error: Exception) -> int:
    """One sentence on stderr; the exit code."""
    if isinstance(error, OSError) and error.errno is not None:  # Hydra's for a missing config has none
        error = UsageError(f"results: cannot write {error.filename or ''} ({error.strerror})")
    print(f"kanbench: {sentence(str(error))}", file=sys.stderr)
    return 2


def sentence(message: str) -> str:
    """A message on one line; Hydra's without their addresses and ours in place of those that mislead."""
    message = re.sub(r"See https://hydra\.cc\S* for details|Config search path:.*", "", message, flags=re.DOTALL)
    message = re.sub(r"^\s*(full_key|object_type)[:=] ?\S*$", "", message, flags=re.MULTILINE)
    said = " ".join(message.split())
    if refused := re.match(r"Could not override '(\w+)\.(\w+)'", said):  # for a key that is not there
        return home_of(*refused.groups()) or said
    if swept := re.match(r"Ambiguous value for argument '(.*?)' 1\.", said):
        return f"{swept[1]}: several values are a sweep: add --multirun; or quote a value that holds a comma"
    return said


def check_words(words: list[str], *folders: Path) -> None:
    """Raise `UsageError` for a word that is not key=value, and for a group, option or key that no config below one of
    the folders has.

    Hydra would say the same at the length of a page, and without the nearest name. `+key=value` and Hydra's own keys
    pass.
    """
    for word in words:
        if word.startswith("hydra/launcher="):
            _check_launcher(word)
    options = groups(*folders)
    primaries = [CONF / "config.yaml", *(path for folder in folders[1:] for path in folder.glob("*.yaml"))]
    top = [*options, "baseline", *(key for path in primaries for key in keys(path))]
    for word in words:
        key, equals, value = word.lstrip("+").partition("=")
        head, _, field = key.partition("@")[0].partition(".")
        if word.startswith("~"):
            _check_removal(word)
            continue
        if head.startswith("hydra"):
            continue
        if not equals:
            raise UsageError(hint_for(word) or f"{word!r} is not of the form key=value")
        if head == "results" and not value.strip(" '\""):
            raise UsageError(f"{word}: must name a folder; without the word it is results/runs")
        paths = options.get("model" if head == "baseline" else head)
        known = sorted({key for path in paths or () for key in keys(path)} - {"name"})
        if (head not in top or (field and paths and field not in known)) and (hint := hint_for(word)):
            raise UsageError(hint)
        if word.startswith("+") and (field or paths is None):
            continue
        if head not in top:
            raise _unknown("key", head, top)
        if paths is None:
            continue
        if field == "name":
            raise UsageError(f"{word}: {head}=... chooses the option, of which {head}.name is a part")
        if field:
            if field not in known:
                raise _unknown(f"key of {head}", field, known)
        elif value == "null" and head in OPTIONAL:
            raise UsageError(f"{word}: leave the word out; without it there is no {head}")
        elif not re.match(r"{|\w+\(", value):  # neither a dictionary nor Hydra's choice(..), glob(..)
            without = {"none"} if head == "model" else set()
            _check_options(word, value.split(","), sorted({path.stem for path in paths} - without))


def groups(*folders: Path) -> dict[str, list[Path]]:
    """The groups that can be chosen from, each with the files of its options."""
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for path in folder.glob("*/*.yaml"):
            if path.parent.name != "hydra":
                found.setdefault(path.parent.name, []).append(path)
    return found


def _check_launcher(word: str) -> None:
    if find_spec("submitit") is None:
        raise UsageError("hydra/launcher needs the package submitit: pip install -e '.[slurm]'")
    if "slurm" in word and which("srun") is None:
        raise UsageError(f"{word}: there is no Slurm here; hydra/launcher=local_parallel is for one machine")


def _check_removal(word: str) -> None:
    """Raise `UsageError` for ~key where the key is one that every run needs."""
    key = word[1:].partition("=")[0]
    head = "baseline" if key.endswith("@baseline") else key
    if head in NEEDED:
        raise UsageError(f"{word}: every run needs a value of {head}; without the word it has its default")


def check_words_beside_system(words: list[str]) -> None:
    """Raise `UsageError` for a word that a system would not read."""
    for word in words:
        head = re.split(r"[.=@]", word.lstrip("+~"))[0]
        if head not in BESIDE_SYSTEM and not head.startswith("hydra"):
            raise UsageError(
                f"{word}: a system has settings of its own, system.*; beside them only "
                f"{', '.join(BESIDE_SYSTEM)} can be set"
            )


def _check_options(word: str, options: list[str], known: list[str]) -> None:
    for option in options:
        if option not in known:
            raise UsageError(f"{word}: {_unknown('option', option, known)} (options: {', '.join(known)})")


def _unknown(kind: str, name: str, known: list[str]) -> UsageError:
    from kanbench.errors import UnknownName

    return UsageError(str(UnknownName(kind, name, known)))


def _list_tables(suite: "Suite[TableTask]") -> int:
    for task in suite.tasks:
        kind = f"{len(task.classes)} classes" if task.classes else f"regression of {task.target}"
        note = f" ({task.note})" if task.note else ""
        print(f"{task.name}\n    {kind}, {counted(task.n_rows, 'row')}, {counted(task.n_inputs, 'input')}{note}")
        print(f"    {', '.join(task.inputs[:4])}, ..., {task.inputs[-1]}", flush=True)
    return 0


def list_tasks(words: list[str]) -> int:
    """`list`: the suites and the systems.   `list SUITE`: its tasks with formulas and ranges."""
    from kanbench.data import BUNDLED, MissingPackage, find_suite, load_suite, suite_names
    from kanbench.data.bundled import NAMES, TITLE
    from kanbench.errors import UnknownName
    from kanbench.files.yaml_file import FileError

    if len(words) > 1:
        raise UsageError("list takes at most one suite: python -m kanbench list feynman")
    if not words:
        faults = []
        for name in suite_names():
            try:
                known = load_suite(name)
                print(f"{known.name:14s} {counted(len(known.tasks), 'task'):>10s}  {known.title}")
            except FileError as error:
                faults.append(error)
        print(f"{BUNDLED:14s} {counted(len(NAMES), 'task'):>10s}  {TITLE}")
        print("\nyour own table: data=table data.path=my.csv data.target=y")
        print("\nsystems, run by experiment=NAME:")
        for path in sorted(CONF.glob("system/*.yaml")):
            print(f"{path.stem:20s} {headline(path)}", flush=True)
        return max(map(complain, faults), default=0)
    try:
        suite = find_suite(words[0])
    except (UnknownName, MissingPackage, FileError) as error:
        raise UsageError(str(error)) from error
    if suite.name == BUNDLED:
        return _list_tables(suite)
    for task in suite.tasks:
        ranges = ", ".join(
            f"{v.name} in [{v.low:.4g}, {v.high:.4g}]" + (f"^{v.size}" if v.size > 1 else "") for v in task.variables
        )
        twin = f"  (same problem as {task.same_as})" if task.same_as else ""
        print(
            f"{task.name}{twin}\n    {task.formula}\n    {ranges}" + (f"\n    {task.note}" if task.note else ""),
            flush=True,
        )
    return 0
