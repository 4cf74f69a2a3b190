"""One run: cells are planned, found or trained, and reported."""

import json
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from kanbench.config import Config, ConfigError
from kanbench.loggers import CellLogger
from kanbench.models import BudgetTooSmall
from kanbench.record import CellRecord, RecordStore
from kanbench.report import print_summary, write_report
from kanbench.training import Cell, run_cell, unfinished

MANIFEST = "cells.json"


@dataclass
class Tally:
    """What became of the cells so far."""

    trained: int = 0
    reused: int = 0
    failures: list[CellRecord] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.trained} trained, {self.reused} reused, {len(self.failures)} failed"


def run(config: Config, command: str, job_folder: Path) -> int:
    """Train what is missing, report everything; the exit code is 1 if a cell failed.

    Raises `ConfigError` if the results cannot be written.
    """
    console = Console()
    store = RecordStore(config.folder / "cells")
    try:
        store.prepare()
    except OSError as error:
        raise ConfigError(f"results: cannot write to {store.folder} ({error.strerror})") from error
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)
    cells = config.cells()
    baseline = config.methods[-1].label if len(config.methods) > 1 else None
    manifest = {
        "cells": [str(store.path(cell.key)) for cell in cells],
        "baseline": baseline,
        "title": config.suite.title,
        "command": command,
    }
    job_folder.mkdir(parents=True, exist_ok=True)
    (job_folder / MANIFEST).write_text(json.dumps(manifest, indent=1))

    started = time.perf_counter()
    with CellLogger(config, command) as logger:
        tally = train(config, cells, store, logger, console)
        folder = config.folder / "reports" / config.methods[0].label.replace(" ", "_")
        report = write_report(map(store.path, (cell.key for cell in cells)), folder, config.suite.title, baseline)
        logger.log_report(report)
    print_summary(console, report.summary, baseline)
    say = {"highlight": False, "soft_wrap": True}
    console.print(f"\n{len(cells)} cells: {tally}; {time.perf_counter() - started:.0f} s", **say)
    console.print(f"figures   {folder}/loss_vs_parameters.png, tasks.png (and .svg)", **say)
    console.print(f"records   {store.folder} (one file per cell), {folder}/records.csv", **say)
    console.print(f"again     {command}", **say)
    for record in tally.failures:
        member = record.members[0]
        console.print(f"failed    {member['method']} on {member['task']}: {member['reason']}", style="red", **say)
    return 1 if tally.failures else 0


def train(config: Config, cells: list[Cell], store: RecordStore, logger: CellLogger, console: Console) -> Tally:
    """Bring every cell into the store, under a progress bar whose estimate weighs cells by their size."""
    tally = Tally()
    with _progress(console, sum(map(_cost, cells))) as step:
        for cell in cells:
            record = store.find(cell.key)
            if record is not None and not record.failed:
                tally.reused += 1
            else:
                record = _train_one(config, cell, logger)
                store.write(record)
                tally.trained += 1
                if record.failed:
                    tally.failures.append(record)
            step(_cost(cell), tally)
    return tally


def _train_one(config: Config, cell: Cell, logger: CellLogger) -> CellRecord:
    try:
        with logger.cell(cell) as lightning_logger:
            record = run_cell(cell, accelerator=config.trainer.resolved_accelerator, logger=lightning_logger)
            logger.log_members(record)
            return record
    except BudgetTooSmall as reason:
        return unfinished(cell, "skipped", str(reason))
    except Exception as error:  # whatever a cell dies of is its record; the others go on
        return unfinished(cell, "failed", f"{type(error).__name__}: {error}", traceback.format_exc())


def _cost(cell: Cell) -> float:
    """Relative training time: a constant per step, the Jacobian, and its product."""
    members = len(cell.members)
    return members * (1.0 + cell.budget / 100 + (cell.budget / 100) ** 2)


def _progress(console: Console, total: float) -> AbstractContextManager[Callable[[float, Tally], None]]:
    return Bar(console, total) if console.is_terminal else Lines(console, total)


class Bar:
    """A progress bar with an estimate, on a terminal."""

    def __init__(self, console: Console, total: float) -> None:
        self.progress = Progress(
            BarColumn(), "{task.percentage:>3.0f} %", TextColumn("{task.description}"), TimeElapsedColumn(), "left",
            TimeRemainingColumn(), console=console, transient=True, speed_estimate_period=120,
        )  # fmt: skip
        self.task = self.progress.add_task(str(Tally()), total=total)

    def __enter__(self) -> Callable[[float, Tally], None]:
        self.progress.start()
        return lambda cost, tally: self.progress.update(self.task, advance=cost, description=str(tally))

    def __exit__(self, *_: object) -> None:
        self.progress.stop()


class Lines:
    """A line at every tenth of the work, where output is not a terminal."""

    def __init__(self, console: Console, total: float) -> None:
        self.console, self.total, self.done, self.said = console, total, 0.0, 0

    def __enter__(self) -> Callable[[float, Tally], None]:
        self.started = time.perf_counter()
        return self.step

    def step(self, cost: float, tally: Tally) -> None:
        self.done += cost
        tenth = int(10 * self.done / self.total + 1e-9)
        if tenth > self.said and tally.trained:
            self.said = tenth
            left = (time.perf_counter() - self.started) * (self.total / self.done - 1.0)
            self.console.print(f"{10 * tenth:3d} %  {tally}, about {left:.0f} s left", highlight=False)

    def __exit__(self, *_: object) -> None:
        pass
