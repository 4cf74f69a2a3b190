"""Formula recovery: for every equation of a suite, from rows to a formula, compared with the true one at the end."""

import json
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sympy
from rich.console import Console
from rich.progress import track
from rich.table import Table

from kanbench.data import Dataset, FormulaTask, SplitSizes, load_suite, sample, suite_names
from kanbench.errors import require
from kanbench.files.atomic import staged
from kanbench.files.sealed import Damaged, Seal
from kanbench.files.yaml_file import FileError
from kanbench.interpret import Ladder, Recovered, evaluate, recover, same_function, tidy
from kanbench.interpret.values import Array
from kanbench.systems.base import System, require_at_most
from kanbench.systems.findings import Check, Findings, columns
from kanbench.systems.life import DIGITS, PATIENCE, names_of, truth_of

SEAL = Seal("equation", format=2)
LEAST_ROWS = 100  # of training

Row = dict[str, Any]


@dataclass(frozen=True)
class Formulas(System):
    """Recovers the formula of every task of a suite with `seeds` draws of its rows, and writes tables to `folder`.

    `recover` gets `train` training and as many validation rows without noise, and the names of their columns. It never
    sees the formula: this is compared with what was found at the end, and decides nothing. `products` and `joins`
    bound the forms that are tried, see `Ladder`.
    The result of a task is written as soon as it is known, so a run that was stopped continues after it.
    """

    suite: str = "feynman"
    seeds: int = 3
    train: int = 1_000
    test: int = 2_000
    products: int = 3
    joins: int = 2
    folder: str = "results/runs/formulas"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.seeds >= 1, "seeds", "must be at least 1", self.seeds)
        require(self.train >= LEAST_ROWS, "train", f"must be at least {LEAST_ROWS}", self.train)
        require(self.test >= 2, "test", "must be at least 2", self.test)
        for name in ("products", "joins"):
            require(getattr(self, name) >= 0, name, "must not be negative", getattr(self, name))
        require(self.suite in suite_names(), "suite", f"must be one of {', '.join(suite_names())}", self.suite)
        require_at_most(self, seeds=10_000, train=100_000, test=1_000_000, products=10, joins=10)
        require(bool(self.folder.strip()), "folder", "must name a folder", self.folder)
        try:
            of_formulas = all(isinstance(task, FormulaTask) for task in load_suite(self.suite).tasks)
            require(of_formulas, "suite", "must be of formulas, and this one is of differential equations", self.suite)
        except FileError as error:
            raise ValueError(f"suite {error}") from error

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
        """Return one row per seed: those stored in `path` for these settings, else new ones, each stored at once."""
        settings = {name: value for name, value in asdict(self).items() if name not in ("folder", "suite", "seeds")}
        rows: list[Row] = []
        with suppress(FileNotFoundError, Damaged):
            known = json.loads(SEAL.read(path))
            rows = known["rows"] if known["settings"] == settings else []
        for seed in range(len(rows), self.seeds):
            rows.append(self.row(task, seed))
            SEAL.write(path, json.dumps({"settings": settings, "rows": rows}, indent=1).encode())
        return rows[: self.seeds]

    def row(self, task: FormulaTask, seed: int) -> Row:
        """Return the result of one seed as a row; one without a formula gives its reason."""
        started = time.perf_counter()
        shared = {"equation": task.name, "truth": task.formula, "same_as": task.same_as, "seed": seed}
        empty = {"algebraic": False, "numeric": False, "error": None, "size": None, "form": "", "expression": ""}
        try:
            truth, data = truth_of(task), sample(task, seed, SplitSizes(self.train, self.train, self.test))
            found = self.recovered(task, data, seed)
        except ValueError as error:
            return shared | empty | {"reason": str(error), "seconds": time.perf_counter() - started}
        seconds = time.perf_counter() - started
        names, ranges = names_of(task), [(variable.low, variable.high) for variable in task.variables]
        same = same_function(found.expression, truth, names, ranges, digits=DIGITS, seconds=PATIENCE)
        missed = error_on(found.expression, names, (units(task, data.test.x), data.test.y))
        text = sympy.sstr(tidy(found.expression, DIGITS, pi=True, ranges=dict(zip(names, ranges, strict=True))))
        return shared | {
            "algebraic": same.algebraic,
            "numeric": same.numeric,
            "error": missed if math.isfinite(missed) else None,
            "size": int(sympy.count_ops(found.expression)),
            "form": found.form,
            "expression": text,
            "reason": "" if math.isfinite(missed) else "the formula is not finite everywhere on the test split",
            "seconds": seconds,
        }

    def recovered(self, task: FormulaTask, data: Dataset, seed: int) -> Recovered:
        """Return the formula found for the rows of a task, in its units; the test split is not looked at."""
        training, validation = ((units(task, split.x), split.y) for split in (data.train, data.validation))
        ladder = Ladder(products=self.products, joins=self.joins)
        return recover(training, validation, names_of(task), ladder, seed=seed)


def units(task: FormulaTask, x: Array) -> Array:
    """Return points of the unit cube, (rows, n), in the units of the variables of a task."""
    low, high = (np.array([getattr(variable, end) for variable in task.variables]) for end in ("low", "high"))
    return np.asarray(low + (high - low) * (x + 1.0) / 2.0)


def error_on(expression: sympy.Expr, names: Sequence[str], test: tuple[Array, Array]) -> float:
    """Return the root mean square error of an expression on test rows, in spreads of the target."""
    x, y = test
    return float(np.sqrt(np.mean((evaluate(expression, names, x) - y) ** 2)) / y.std())


def findings(frame: pd.DataFrame) -> Findings:
    """Count the recovered formulas, and name them."""
    by = frame.groupby("equation", sort=False)
    algebraic, numeric = by["algebraic"].any(), by["numeric"].any()
    tries, n = len(frame), len(algebraic)
    return Findings(
        answer=f"the true formula is found for {algebraic.sum()} of {n} equations by at least one seed, "
        f"in {frame['algebraic'].sum()} of {tries} tries",
        checks=[
            Check(
                "formulas that algebra confirms also agree in numbers",
                bool((frame["numeric"] | ~frame["algebraic"]).all()),
                f"{(frame['algebraic'] & frame['numeric']).sum()} of {frame['algebraic'].sum()}",
            )
        ],
        numbers={
            "equations": n,
            "tries": tries,
            "equations_found": int(algebraic.sum()),
            "tries_found": int(frame["algebraic"].sum()),
            "equations_agreeing": int(numeric.sum()),
        },
        tables=[_table(frame)],
        notes=[
            f"{numeric.sum()} of {n} equations have a formula that agrees within 1e-3 of the range at 1000 points, "
            "whether or not it is the true one."
        ],
    )


def best_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return for each equation the seed that recovered the formula, or else the one with the least test error."""
    order = frame.sort_values(
        ["algebraic", "numeric", "error"], ascending=[False, False, True], na_position="last", kind="stable"
    )
    best = order.drop_duplicates("equation").set_index("equation")
    return best.loc[frame["equation"].unique()].reset_index()


def _table(frame: pd.DataFrame) -> Table:
    table = columns("equation", "found", "agree", "error", "formula")
    for row, found, agree in _summary(frame):
        expression = row.expression if len(row.expression) <= 40 else f"{row.expression[:37]}..."
        table.add_row(row.equation, found, agree, _shown(row.error), expression)
    return table


def markdown(frame: pd.DataFrame) -> str:
    """Return the table of the best seed of every equation as Markdown."""
    lines = ["| equation | truth | found | agree | error | formula of that seed |", "|---|---|---|---|---|---|"]
    for row, found, agree in _summary(frame):
        shown = row.expression if len(row.expression) <= 160 else f"{row.expression[:157]}..."
        lines.append(
            f"| {row.equation} | `{row.truth}` | {found} | {agree} | {_shown(row.error)} | `{shown or row.reason}` |"
        )
    return "\n".join(lines) + "\n"


def _summary(frame: pd.DataFrame) -> Sequence[tuple[Any, str, str]]:
    """Return the best seed of each equation, with the shares of its seeds that recovered the formula or agree."""
    by = frame.groupby("equation")
    found, agree, tries = by["algebraic"].sum(), by["numeric"].sum(), by.size()
    return [
        (row, f"{found[row.equation]}/{tries[row.equation]}", f"{agree[row.equation]}/{tries[row.equation]}")
        for row in best_rows(frame).itertuples()
    ]


def _shown(error: float) -> str:
    return "" if pd.isna(error) else f"{error:.1e}"
