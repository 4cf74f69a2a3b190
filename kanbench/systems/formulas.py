"""Formula recovery: for every equation of a suite, from data to a symbolic function on each edge."""

import json
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from kanbench.data import FormulaTask, SplitSizes, load_suite, suite_names
from kanbench.errors import require
from kanbench.files.atomic import staged
from kanbench.files.sealed import Damaged, Seal
from kanbench.files.yaml_file import FileError
from kanbench.systems.base import System, require_at_most
from kanbench.systems.findings import Check, Findings, columns
from kanbench.systems.life import Upbringing, n_edges, readable, require_splits

SEAL = Seal("equation", format=1)

Row = dict[str, Any]


@dataclass(frozen=True)
class Formulas(System):
    """Trains, prunes, refines and names `seeds` KANs for every task of a suite, and writes tables to `folder`.

    `Upbringing` has the steps and the other settings.
    The result of a task is written as soon as it is known, so a run that was stopped continues after it.
    """

    suite: str = "feynman"
    seeds: int = 3
    train: int = 500
    test: int = 2_000
    width: int = 5
    sparsity: float = 0.03
    folder: str = "results/runs/formulas"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.seeds >= 1, "seeds", "must be at least 1", self.seeds)
        require_splits(self.train, self.test)
        require(self.suite in suite_names(), "suite", f"must be one of {', '.join(suite_names())}", self.suite)
        require_at_most(self, seeds=10_000, train=100_000, test=1_000_000, width=100)
        require(bool(self.folder.strip()), "folder", "must name a folder", self.folder)
        try:
            load_suite(self.suite)
        except FileError as error:
            raise ValueError(f"suite {error}") from error
        self.upbringing()

    def upbringing(self) -> Upbringing:
        """The settings of every life. Raises `ValueError` for invalid settings."""
        return Upbringing(self.width, sparsity=self.sparsity)

    def run(self, console: Console) -> Findings:
        folder = Path(self.folder)
        (folder / "tasks").mkdir(parents=True, exist_ok=True)
        tasks = track(load_suite(self.suite).tasks, "equations", console=console, transient=True)
        rows = [row for task in tasks for row in self.rows_of(task, folder / "tasks" / f"{task.name}.json")]
        frame = pd.DataFrame(rows)
        with staged(folder) as place:
            frame.to_csv(place / "formulas.csv", index=False)
            (place / "formulas.md").write_text(markdown(frame), encoding="utf-8")
        return findings(frame)

    def rows_of(self, task: FormulaTask, path: Path) -> list[Row]:
        """Return one row per seed: those stored in `path` for these settings, else new ones, which are stored."""
        settings = {name: value for name, value in asdict(self).items() if name != "folder"}
        with suppress(FileNotFoundError, Damaged):
            known = json.loads(SEAL.read(path))
            if known["settings"] == settings:
                return list(known["rows"])
        rows = [self.row(task, seed) for seed in range(self.seeds)]
        SEAL.write(path, json.dumps({"settings": settings, "rows": rows}, indent=1).encode())
        return rows

    def row(self, task: FormulaTask, seed: int) -> Row:
        """Return the result of one life as a row; a life that did not finish gives its reason."""
        started = time.perf_counter()
        shared = {"equation": task.name, "truth": task.formula, "same_as": task.same_as, "seed": seed}
        empty = {"algebraic": False, "numeric": False, "test_r2": None, "edges": None, "expression": ""}
        try:
            life = self.upbringing().live(task, seed, SplitSizes(self.train, self.train, self.test))
        except ValueError as error:
            return shared | empty | {"reason": str(error), "seconds": time.perf_counter() - started}
        r2 = life.test_r2
        finite = math.isfinite(r2)
        return shared | {
            "algebraic": life.sameness.algebraic,
            "numeric": life.sameness.numeric,
            "test_r2": r2 if finite else None,
            "edges": n_edges(life.stages["pruned"]),
            "expression": readable(life),
            "reason": "" if finite else "the formula is not finite everywhere on the test split",
            "seconds": time.perf_counter() - started,
        }


def findings(frame: pd.DataFrame) -> Findings:
    """Count the recovered formulas, and name them."""
    by = frame.groupby("equation", sort=False)
    algebraic, numeric = by["algebraic"].any(), by["numeric"].any()
    lives, n = len(frame), len(algebraic)
    return Findings(
        answer=f"the true formula is found for {algebraic.sum()} of {n} equations by at least one seed, "
        f"in {frame['algebraic'].sum()} of {lives} lives",
        checks=[
            Check(
                "formulas that algebra confirms also agree in numbers",
                bool((frame["numeric"] | ~frame["algebraic"]).all()),
                f"{(frame['algebraic'] & frame['numeric']).sum()} of {frame['algebraic'].sum()}",
            )
        ],
        numbers={
            "equations": n,
            "lives": lives,
            "equations_found": int(algebraic.sum()),
            "lives_found": int(frame["algebraic"].sum()),
            "equations_agreeing": int(numeric.sum()),
        },
        tables=[_table(frame)],
        notes=[
            f"{numeric.sum()} of {n} equations have a formula that agrees within 1e-3 of the range at 1000 points, "
            "whether or not it is the true one."
        ],
    )


def best_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return for each equation the life that recovered the formula, or else the one with the highest R^2 on test."""
    order = frame.sort_values(["algebraic", "numeric", "test_r2"], ascending=False, na_position="last", kind="stable")
    best = order.drop_duplicates("equation").set_index("equation")
    return best.loc[frame["equation"].unique()].reset_index()


def _table(frame: pd.DataFrame) -> Table:
    table = columns("equation", "found", "agree", "1 - R^2", "formula")
    for row, found, agree in _summary(frame):
        expression = row.expression if len(row.expression) <= 40 else f"{row.expression[:37]}..."
        table.add_row(row.equation, found, agree, _r2(row.test_r2), expression)
    return table


def markdown(frame: pd.DataFrame) -> str:
    """Return the table of the best life of every equation as Markdown."""
    lines = ["| equation | truth | found | agree | best 1 - R^2 | formula of that seed |", "|---|---|---|---|---|---|"]
    for row, found, agree in _summary(frame):
        shown = row.expression if len(row.expression) <= 160 else f"{row.expression[:157]}..."
        lines.append(
            f"| {row.equation} | `{row.truth}` | {found} | {agree} | {_r2(row.test_r2)} | `{shown or row.reason}` |"
        )
    return "\n".join(lines) + "\n"


def _summary(frame: pd.DataFrame) -> Sequence[tuple[Any, str, str]]:
    """Return the best life of each equation, with the shares of its lives that recovered the formula or agree."""
    by = frame.groupby("equation")
    found, agree, lives = by["algebraic"].sum(), by["numeric"].sum(), by.size()
    return [
        (row, f"{found[row.equation]}/{lives[row.equation]}", f"{agree[row.equation]}/{lives[row.equation]}")
        for row in best_rows(frame).itertuples()
    ]


def _r2(value: float) -> str:
    return "" if pd.isna(value) else f"{1.0 - value:.1e}"
