"""Published studies: the runs behind a folder of results, made again by one command."""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from kanbench.analysis import load_records
from kanbench.analysis.spreadsheet import write_csv
from kanbench.cli.commands import complain
from kanbench.errors import UsageError, are, counted, require_name, shown
from kanbench.files.atomic import staged
from kanbench.files.yaml_file import FileError, read_yaml
from kanbench.report.tables import print_tables, write_tables

RESULTS = Path(__file__).parents[2] / "results"
SAME_MEMBER = [
    *("suite", "task", "method", "optimizer", "settings", "precision"),
    *("budget", "seed", "lr", "n_train", "noise", "extrapolation"),
]


@dataclass(frozen=True)
class Study:
    """A folder below `results` with a study.yaml: a title, the method that others are compared with, and its runs,
    each as what is written behind `python -m kanbench`."""

    folder: Path
    title: str
    baseline: str
    runs: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def records(self) -> pd.DataFrame:
        """What was published: one row per member."""
        return load_records(self.folder / "records.csv.gz")

    def commands(self, results: Path, words: Sequence[str]) -> list[list[str]]:
        """The runs, filed below `results`, each with `words` behind it."""
        return [[*shlex.split(run), f"name={self.name}", f"results={results}", *words] for run in self.runs]


def study_files() -> dict[str, Path]:
    """The files that should describe a study each, by the name of the study."""
    return {path.parent.name: path for path in sorted(RESULTS.glob("*/study.yaml"))}


def read_study(path: Path) -> Study:
    """The study of a file; raises `FileError` for a file that describes none."""
    content = read_yaml(path).fields("title", "baseline", "runs")
    runs = content["runs"].items()
    for run in runs:
        try:
            shlex.split(run.text())
        except ValueError as error:
            raise error if isinstance(error, FileError) else run.fault(f"must be a command ({error})") from error
    try:
        require_name("the folder of a study", path.parent.name)
    except ValueError as error:
        raise FileError(f"{path}: {error}") from error
    return Study(path.parent, content["title"].text(), content["baseline"].text(), tuple(run.text() for run in runs))


def list_studies(files: dict[str, Path]) -> int:
    """Print the name and title of every study; a file that describes none is said and hides no other."""
    faults = []
    for name, path in files.items():
        try:
            print(f"{name:20s} {read_study(path).title}", flush=True)
        except FileError as error:
            faults.append(error)
    return max(map(complain, faults), default=0)


def reproduce(words: list[str]) -> int:
    """`reproduce`: the studies.   `reproduce STUDY`: its runs, tables and figures again, beside what was published.

    `out=DIR` takes the tables and figures, `results=DIR` the records; further words, such as data.tasks=[I.6.2], go to
    every run. What was trained already is found, so a study that was stopped goes on.
    """
    known = study_files()
    if not words:
        return list_studies(known)
    if words[0] not in known:
        raise UsageError(f"reproduce: no study {shown(words[0])}; there are {', '.join(known) or 'none here'}")
    try:
        study = read_study(known[words[0]])
    except FileError as error:
        raise UsageError(f"reproduce: {error}") from error
    places = {"results": "results/runs"}
    passed_on = []
    for word in words[1:]:
        key, _, value = word.partition("=")
        if key in ("results", "out"):
            if not value:
                raise UsageError(f"reproduce: {key} needs a folder: {key}=DIR")
            places[key] = value
        else:
            passed_on.append(word)
    folder = Path(places["results"])
    if status := run_all(study.commands(folder, passed_on)):
        return status
    records = load_records(folder / study.name)
    out = Path(places.get("out", folder / study.name / "study"))
    publish(study, records, out)
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


def publish(study: Study, records: pd.DataFrame, out: Path) -> None:
    """Write records.csv.gz, and every table and figure of the records, to the folder `out`."""
    with staged(out) as place:
        write_csv(records, place / "records.csv.gz", compression={"method": "gzip", "mtime": 0})
        said = write_tables(records, place, study.baseline, study.title)
    print_tables(said, out)


@dataclass(frozen=True)
class Agreement:
    """Members that two tables have in common; the median ratio of their errors on test, and the share of ratios
    within 1 %."""

    members: int
    ratio: float
    within: float

    def __str__(self) -> str:
        if self.members == 0:
            return "none of these members is in the published table"
        return (
            f"{counted(self.members, 'member')} {are(self.members)} in the published table as well: "
            f"the median ratio of their errors is {self.ratio:.4f}, "
            f"and {self.within:.0%} of the ratios are within 1 % of one"
        )


def agreement(ours: pd.DataFrame, published: pd.DataFrame) -> Agreement:
    """Compare the errors of the same members: trained again, a member differs by rounding only, which another
    processor may do differently."""
    known = [column for column in SAME_MEMBER if column in ours and column in published]  # older tables have fewer
    both = ours.merge(published, on=known, suffixes=("", "_published")).dropna(subset="score")
    if both.empty:
        return Agreement(0, np.nan, np.nan)
    ratios = both.score / both.score_published
    return Agreement(len(both), float(ratios.median()), float(((ratios - 1.0).abs() <= 0.01).mean()))
