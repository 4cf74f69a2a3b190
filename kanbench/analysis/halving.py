"""Simulate successive halving on records of a full search: what a cheaper search would have lost, and saved."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from kanbench.analysis.stats import Array
from kanbench.store.record import CellRecord, read_record

GROUP = ("suite", "task", "basis", "aggregation", "activation", "optimizer", "budget", "protocol")
FEWEST = 3  # shapes of a group that is worth halving


@dataclass(frozen=True)
class Shape:
    """One shape of a search, trained to the end with every seed.

    steps: of the checks (checks,).   best: the smallest validation loss up to each check (checks, seeds).
    made: optimizer steps until a member ended (seeds,).   test: errors on the test split (seeds,).
    """

    steps: Array
    best: Array
    made: Array
    test: Array

    def best_within(self, step: float) -> Array:
        """Return the smallest validation loss of each seed within so many steps: (seeds,)."""
        return self.best[max(int((self.steps <= step).sum()) - 1, 0)]


@dataclass(frozen=True)
class Rung:
    """All shapes train `steps` steps with the first seeds; the best share of them goes on to the end with all seeds."""

    seeds: int
    steps: int
    keep: float = 1 / 3

    def kept(self, n_shapes: int) -> int:
        """Return the number of shapes that go on."""
        return math.ceil(self.keep * n_shapes)


@dataclass
class Outcome:
    """The losses and savings of one rung over all groups, and over all choices of its first seeds."""

    loss: list[float] = field(default_factory=list)  # test error of the shape chosen over that of the full search
    has_best: list[bool] = field(default_factory=list)  # the shape of the full search went on
    cost: list[float] = field(default_factory=list)  # steps over those of the full search

    def add(self, shapes: list[Shape], rung: Rung) -> None:
        """Add one group of shapes, with every choice of the rung's seeds."""
        ends = np.array([np.median(shape.best[-1]) for shape in shapes])
        tests = np.array([np.median(shape.test) for shape in shapes])
        full = np.array([shape.made.sum() for shape in shapes])
        n_seeds = len(shapes[0].test)
        for chosen in combinations(range(n_seeds), rung.seeds):
            seeds = list(chosen)
            early = [np.median(shape.best_within(rung.steps)[seeds]) for shape in shapes]
            kept = np.argsort(early, kind="stable")[: rung.kept(len(shapes))]
            spent = np.array([np.minimum(shape.made[seeds], rung.steps).sum() for shape in shapes])
            self.loss.append(float(tests[kept[np.argmin(ends[kept])]] / tests[np.argmin(ends)]))
            self.has_best.append(bool(np.argmin(ends) in kept))
            self.cost.append(float((spent.sum() - spent[kept].sum() + full[kept].sum()) / full.sum()))


def simulate(groups: Iterable[list[Shape]], rungs: Iterable[Rung]) -> pd.DataFrame:
    """Return one row per rung: its loss beside its saving.

    A shape is chosen by the median validation loss over seeds, after the rung and at the end. Every choice of the
    rung's seeds among all seeds counts as one trial of the rung.

    Args:
        groups: Shapes that one search chooses among, all with the same seeds.
        rungs: What is tried. Those with more seeds than a group has leave it out.

    Returns:
        Columns `seeds`, `steps`, `keep`; `groups`; `loss`, the geometric mean of the chosen shape's test error over
        that of the full search's choice, and `worst`; `best_kept`, the share of trials in which the full search's
        choice went on; `cost`, the mean share of the full search's steps.
    """
    every = list(groups)
    rows = []
    for rung in rungs:
        outcome, fitting = Outcome(), [shapes for shapes in every if len(shapes[0].test) >= rung.seeds]
        for shapes in fitting:
            outcome.add(shapes, rung)
        if not fitting:
            continue
        rows.append(
            {"seeds": rung.seeds, "steps": rung.steps, "keep": rung.keep, "groups": len(fitting)}
            | {"loss": float(stats.gmean(outcome.loss)), "worst": max(outcome.loss)}
            | {"best_kept": float(np.mean(outcome.has_best)), "cost": float(np.mean(outcome.cost))}
        )
    return pd.DataFrame(rows)


def read_groups(folder: Path) -> list[list[Shape]]:
    """Return the shapes of every task, kind of method and budget below a folder of record files.

    Groups of fewer than three shapes with equal seeds are left out, and so are cells without a learning curve, those
    with several learning rates and those in which no member has a test error.
    """
    groups: dict[tuple[object, ...], list[Shape]] = defaultdict(list)
    for path in sorted(folder.rglob("cells/*.json")):
        record = read_record(path)
        if (shape := _shape(record)) is not None:
            seeds = tuple(member["seed"] for member in record.members)
            groups[*(record.members[0].get(name, "") for name in GROUP), seeds].append(shape)
    return [shapes for shapes in groups.values() if len(shapes) >= FEWEST]


def _shape(record: CellRecord) -> Shape | None:
    members = record.members
    errors = f"test_{members[0].get('metric', 'rel_l2')}"
    losses: list[list[float | None]] = next(
        (values for name, values in record.curve.items() if name.startswith("validation_")), []
    )
    has_errors = any(member.get(errors) is not None for member in members)
    if not has_errors or not losses or len({member["seed"] for member in members}) < len(members):
        return None
    curve = pd.DataFrame(losses, dtype=float).fillna(np.inf).cummin().to_numpy()
    steps = np.array(record.curve["steps"], dtype=float)
    made = np.array([member.get("steps") or steps[-1] for member in members], dtype=float)
    test = np.array([1.0 if member.get(errors) is None else member[errors] for member in members], dtype=float)
    return Shape(steps, curve, made, np.minimum(test, 1.0))


def rungs(seeds: Iterable[int], steps: Iterable[int], keep: float) -> Iterator[Rung]:
    """Yield every combination of seeds and steps."""
    every = list(steps)
    return (Rung(n, step, keep) for n in seeds for step in every)
