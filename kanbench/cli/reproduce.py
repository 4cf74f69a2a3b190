"""Published studies: the runs behind a folder of results, made again by one command."""

import logging
import shlex
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kanbench.cli.checkouts import Outside, check_names, filled, places, read_outside
from kanbench.cli.command import Command
from kanbench.cli.output import complain
from kanbench.cli.publishing import publish
from kanbench.errors import UsageError, require_name, shown
from kanbench.files.places import shipped
from kanbench.files.yaml_file import FileError, Node, read_yaml

if TYPE_CHECKING:
    import pandas as pd

    from kanbench.analysis.scores import Primary
    from kanbench.page.source import Source

RESULTS = shipped("results")
LEVELS = ("train_size", "noise", "extrapolation")  # axes of a sweep
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Declared:
    """The primary comparison that the file of a study declares; `level` holds axes of a sweep, such as train_size."""

    method: str
    against: str
    budget: int
    level: tuple[tuple[str, float], ...] = ()

    def of(self, records: "pd.DataFrame") -> "Primary | None":
        """Return the comparison to test alone; nothing, and a line in the log, where the records do not hold it."""
        from kanbench.analysis.scores import Primary

        primary = Primary(self.method, self.against, self.budget, dict(self.level))
        if primary.is_in(records):
            return primary
        log.warning(
            "the primary comparison, %s against %s at %d parameters, is not among these records: no test stands alone",
            *(self.method, self.against, self.budget),
        )
        return None


@dataclass(frozen=True)
class Study:
    """A folder below `results` with a study.yaml: a title, the method that others are compared with, and its runs,
    each as what is written behind `python -m kanbench`. Measured times are those of the file `costs`, if there is one;
    code from elsewhere is what `outside` lists.
    """

    folder: Path
    title: str
    baseline: str
    runs: tuple[str, ...]
    costs: Path | None = None
    primary: "Declared | None" = None
    outside: tuple[Outside, ...] = ()

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def records(self) -> "pd.DataFrame":
        """The published table: one row per member."""
        from kanbench.analysis import load_records

        return load_records(self.folder / "records.csv.gz")

    def page_source(self, source: "Source") -> "Source":
        """Return the source of a page with what the study says: its title, baseline, primary comparison and runs."""
        from kanbench.analysis.scores import Primary

        declared = self.primary
        primary = (
            Primary(declared.method, declared.against, declared.budget, dict(declared.level)) if declared else None
        )
        runs = tuple(f"python -m kanbench {run}" for run in self.runs)
        return replace(source, title=self.title, baseline=self.baseline, primary=primary, commands=runs)

    def commands(self, results: Path, words: Sequence[str], found: Mapping[str, str] | None = None) -> list[list[str]]:
        """The runs, filed below `results`, each with `words` behind it; those are left out whose code is not found."""
        runs = [filled(shlex.split(run), found or {}) for run in self.runs]
        return [[*run, f"name={self.name}", f"results={results}", *words] for run in runs if run]


def study_files() -> dict[str, Path]:
    """The files that should describe a study each, by the name of the study."""
    return {path.parent.name: path for path in sorted(RESULTS.glob("*/study.yaml"))}


def read_study(path: Path) -> Study:
    """The study of a file; raises `FileError` for a file that describes none."""
    content = read_yaml(path).fields("title", "baseline", "runs", optional=("costs", "primary", "checkouts"))
    runs = content["runs"].items()
    outside = read_outside(content["checkouts"]) if "checkouts" in content else ()
    for run in runs:
        check_names(run, outside)
        try:
            shlex.split(run.text())
        except ValueError as error:
            raise error if isinstance(error, FileError) else run.fault(f"must be a command ({error})") from error
    try:
        require_name("the folder of a study", path.parent.name)
    except ValueError as error:
        raise FileError(f"{path}: {error}") from error
    costs = path.parent / content["costs"].text() if "costs" in content else None
    title, baseline = content["title"].text(), content["baseline"].text()
    primary = _read_primary(content["primary"]) if "primary" in content else None
    return Study(path.parent, title, baseline, tuple(run.text() for run in runs), costs, primary, outside)


def _read_primary(node: Node) -> Declared:
    """Return the primary comparison that a study declares; raises `FileError` for anything else."""
    content = node.fields("method", "against", "budget", optional=LEVELS)
    budget = content["budget"].number()
    if not isinstance(budget, int) or budget < 1:
        raise content["budget"].fault("must be a whole number of parameters")
    level = tuple((axis, float(content[axis].number())) for axis in LEVELS if axis in content)
    return Declared(content["method"].text(), content["against"].text(), budget, level)


def list_studies(files: dict[str, Path]) -> int:
    """Print the name and title of every study; a file that describes none is said and hides no other."""
    faults = []
    for name, path in files.items():
        try:
            print(f"{name:20s} {read_study(path).title}", flush=True)
        except FileError as error:
            faults.append(error)
    return max(map(complain, faults), default=0)


def add(parser: ArgumentParser) -> None:
    """Add the study and the options."""
    parser.add_argument("study", metavar="STUDY", nargs="?", help="the study to make again; without it all are listed")
    parser.add_argument(
        "--results", metavar="DIR", default="results/runs", help="where its records go; results/runs by default"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="where its tables and figures go; below the records unless it is given"
    )
    parser.add_argument(
        "--checkouts", metavar="DIR", help="where the repositories are that a study lists, each in a folder of its name"
    )


def reproduce(given: Namespace) -> int:
    """List the studies, or make the one that is given again: its runs, its tables and figures.

    Cells that are trained already are found, so a study that was stopped goes on.

    Raises:
        UsageError: for a study that does not exist or cannot be read, and a folder without a name.
    """
    known = study_files()
    if given.study is None:
        return list_studies(known)
    if given.study not in known:
        raise UsageError(f"reproduce: no study {shown(given.study)}; there are {', '.join(known) or 'none here'}")
    try:
        study = read_study(known[given.study])
    except FileError as error:
        raise UsageError(f"reproduce: {error}") from error
    for option in ("results", "out", "checkouts"):
        if vars(given)[option] == "":
            raise UsageError(f"reproduce: {option} needs a folder: --{option} DIR")
    from kanbench.analysis import load_records
    from kanbench.analysis.agreement import agreement

    folder = Path(given.results)
    found, missing = places(study.outside, Path(given.checkouts).absolute() if given.checkouts else None)
    for name, reason in missing.items():
        print(f"left out  the runs of {name}: {reason}")
    if status := run_all(study.commands(folder, given.words, found)):
        return status
    if "--dry-run" in given.words:
        return 0
    records = load_records(folder / study.name)
    publish(study, records, Path(given.out or folder / study.name / "study"))
    print(agreement(records, study.records))
    return 0


def run_all(commands: list[list[str]]) -> int:
    """One process after the other; 0, or the exit code of the first that could not run. Cells that fail are results."""
    for command in commands:
        print(f"\npython -m kanbench {shlex.join(command)}", flush=True)
        status = subprocess.run([sys.executable, "-m", "kanbench", *command]).returncode
        if status not in (0, 1):
            return status
    return 0


COMMAND = Command(
    line="list the published studies, or make one again: its runs, tables, figures and page, beside what was published",
    run=reproduce,
    add=add,
    usage="[STUDY] [--results DIR] [--out DIR] [--checkouts DIR] [WORDS]",
    more="WORDS go to every run, such as data.tasks=[I.6.2] or seeds=1",
    synonyms=("results", "out", "checkouts"),
    takes_words=True,
)
