"""Slices of the published studies, trained again and compared with their records; written to `reproduced.csv`."""

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.measurement import Goal, Result, Row, Settings
from kanbench.analysis import load_records
from kanbench.analysis.agreement import agreement
from kanbench.analysis.spreadsheet import write_csv
from kanbench.cli.reproduce import Study, read_study, run_all, study_files

RUNS = Path("results/runs/reproduced")  # what is trained there already is compared and not trained once more
SAME, OTHER = "same", "other"


@dataclass(frozen=True)
class Slice:
    """A part of a study, trained by one worker where the study had two.

    Attributes:
        study: its name.
        words: what stands behind `kanbench reproduce STUDY`: tasks, budgets.
        lines: the runs of its study.yaml, counted from 1; all of them unless some are given.
        other_seeds: words for other seeds. A member that has other ones beside it stands at another place of memory.
    """

    study: str
    words: str = ""
    lines: tuple[int, ...] = ()
    other_seeds: str = ""

    @property
    def all_words(self) -> str:
        return " ".join(filter(None, (self.words, self.other_seeds, "trainer.workers=1")))

    @property
    def folder(self) -> Path:
        return RUNS / (OTHER if self.other_seeds else SAME)

    def train(self, study: Study) -> None:
        """Train the slice as `kanbench reproduce` does, in processes of one thread."""
        commands = study.commands(self.folder, self.all_words.split())
        os.environ["OMP_NUM_THREADS"] = "1"
        if run_all([commands[line - 1] for line in self.lines] if self.lines else commands):
            raise ChildProcessError(f"{self.study} {self.all_words}: a run of the slice could not start")


SLICES = (
    Slice("optimizers", "data.tasks=[I.9.18]", lines=(1,)),  # the quickest
    Slice("optimizers", "data.tasks=[I.9.18]", lines=(1,), other_seeds="seeds=3 first_seed=1"),
    Slice("aggregation", "data.tasks=[I.9.18,I.29.16]"),
    Slice("aggregation", "data.tasks=[I.9.18,I.29.16]", other_seeds="seeds=3 first_seed=1"),
    Slice("frontier", "data.tasks=[test_1] budget.targets=[100]", lines=(4, 5, 6)),
    Slice("samples", "data.tasks=[I.9.18] basis=taylor", lines=(1,)),
    Slice("irregular", "data.tasks=[jumps_on_axes]"),
    Slice("frequency", "data.tasks=[sine_400]"),
    Slice("tables", "data.tasks=[wine]", lines=(2,)),
    Slice("start", "data.tasks=[I.29.16] model.gain=1", lines=(1, 3)),
    Slice("grids", lines=(1, 9, 16)),
    Slice("development", "data.tasks=[II.35.21]", lines=(14, 23)),
    Slice("pde", "data.tasks=[boundary_layer] basis=bspline,fourier references=false unknowns=[]", lines=(1,)),
    Slice("pde_poisson"),
    Slice("pde_optimizers", "data.tasks=[helmholtz]", lines=(1,)),
    Slice("pde_fronts", "data.tasks=[burgers] baseline=none"),
    Slice("sizes", "data.tasks=[I.9.18] model.depth=1 basis.intervals=2,5"),
    Slice("convergence", "data.tasks=[test_16]"),
)


def run(settings: Settings) -> Result:
    """Train each slice again, on one thread, and write a row about each to `reproduced.csv` beside the record."""
    rows: list[Row] = []
    for part in SLICES[:1] if settings.quick else SLICES:
        settings.console.print(f"  {part.study} {part.all_words}", style="dim")
        study = read_study(study_files()[part.study])
        part.train(study)
        rows.append(row(part, load_records(part.folder / part.study), study.records))
    path = settings.partial.with_name("quick_reproduced.csv" if settings.quick else "reproduced.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_csv(pd.DataFrame(rows), path)
    return Result({"reproduced": rows}, goals(rows), ["one thread; a slice of the same seeds has one worker for two"])


def row(part: Slice, ours: pd.DataFrame, published: pd.DataFrame) -> Row:
    """Return how a slice agrees with what was published, member by member."""
    found = agreement(ours, published)
    return {
        "study": part.study,
        "lines": " ".join(map(str, part.lines)),
        "words": part.all_words,
        "seeds": OTHER if part.other_seeds else SAME,
        "members": found.members,
        "equal": found.equal,
        "largest_difference": found.largest,
        "furthest": found.furthest,
        "median_ratio": found.ratio,
        "cells": found.cells,
        "near": found.near,
        "published_at": _commits(published),
        "trained_at": _commits(ours),
    }


def _commits(frame: pd.DataFrame) -> str:
    return " ".join(sorted({commit[:7] for commit in frame.commit.dropna()}))


def goals(rows: list[Row]) -> list[Goal]:
    """Judge that with the same seeds all members are equal to the last bit, and that otherwise medians agree."""
    found = []
    for goal, kind, part, whole in (
        ("equal to the last bit, the same seeds", SAME, "equal", "members"),
        ("medians of cells within 5 %, other seeds", OTHER, "near", "cells"),
    ):
        n_part, n_whole = (sum(each[column] for each in rows if each["seeds"] == kind) for column in (part, whole))
        found.append(Goal(goal, "all", f"{n_part:,} of {n_whole:,}", n_part == n_whole if n_whole else None))
    return found
