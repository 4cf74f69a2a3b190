"""One run: cells are planned, found or trained, and reported."""

import json
import time
import traceback
from functools import partial
from pathlib import Path

import torch
from rich.console import Console

from kanbench import provenance
from kanbench.config import Config, ConfigError
from kanbench.loggers import RunLogger
from kanbench.models import BudgetTooSmall, TooManyTerms
from kanbench.pool import unordered
from kanbench.progress import Tally, progress_of
from kanbench.record import CellRecord, RecordStore
from kanbench.report import MANIFEST, print_answer, print_summary, write_report
from kanbench.training import Cell, ResumeFile, run_cell, unfinished
from kanbench.training.cost import keep_freed_memory


def run(config: Config, command: str, job_folder: Path) -> int:
    """Train what is missing, report everything; the exit code is 1 if a cell failed.

    Raises `ConfigError` if the results cannot be written.
    """
    console = Console(highlight=False, soft_wrap=True, markup=False)
    store = RecordStore(config.folder / "cells")
    try:
        store.prepare()
        job_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"results: cannot write to {error.filename} ({error.strerror})") from error
    cells = config.cells()
    baseline = config.methods[-1].label if len(config.methods) > 1 else None
    n_tasks, whole = len(config.tasks), len(config.suite.tasks)
    title = config.suite.title if n_tasks == whole else f"{config.suite.title} ({n_tasks} of {whole} tasks)"
    manifest = {
        "cells": [str(store.path(cell.key)) for cell in cells],
        "baseline": baseline,
        "title": title,
        "command": command,
        "commit": provenance.commit(),
    }
    (job_folder / MANIFEST).write_text(json.dumps(manifest, indent=1))

    started = time.perf_counter()
    logger = RunLogger(config, command)
    tally = train(config, cells, store, logger, console)
    folder = config.folder / "reports" / f"{config.methods[0].label.replace(' ', '_')}-{cells[0].protocol[:6]}"
    report = write_report(map(store.path, (cell.key for cell in cells)), folder, title, baseline)
    logger.log_report(report)
    print_answer(console, report)
    print_summary(console, report.summary, baseline)
    console.print(f"\n{len(cells)} cells: {tally}; {time.perf_counter() - started:.0f} s")
    for path in report.figures:
        console.print(f"figure    {path}")
    console.print(f"records   {store.folder} (one file per cell), {folder}/records.csv")
    console.print(f"again     {command}")
    for record in tally.failures:
        member = record.members[0]
        console.print(f"failed    {member['method']} on {member['task']}: {member['reason']}", style="red")
    return 1 if tally.failures else 0


def train(config: Config, cells: list[Cell], store: RecordStore, logger: RunLogger, console: Console) -> Tally:
    """Bring every cell into the store, under a progress bar whose estimate weighs cells by their size."""
    tally = Tally()
    found = {cell.key: store.find(cell.key) for cell in cells}
    missing = [cell for cell in cells if (record := found[cell.key]) is None or record.failed]
    tally.reused = len(cells) - len(missing)
    work = partial(train_one, config, store, logger)
    done = unordered(work, missing, config.trainer.workers_for(len(missing)))
    with logger.while_training(), progress_of(console, sum(map(_cost, missing))) as step:
        for record in found.values():
            if record is not None and not record.failed:
                logger.log_record(record)
        for cell, record in done:
            tally.trained += 1
            if record.failed:
                tally.failures.append(record)
            logger.log_record(record)
            step(_cost(cell), tally)
    return tally


def train_one(config: Config, store: RecordStore, logger: RunLogger, cell: Cell) -> tuple[Cell, CellRecord]:
    """Train one cell and store its record."""
    torch.set_num_threads(config.trainer.threads)
    keep_freed_memory()
    pause = config.trainer.checkpoint_seconds
    resume = ResumeFile(store.folder / f"{cell.key}.training", pause) if pause else None
    try:
        device = config.trainer.resolved_accelerator
        statistics = config.logger.statistics
        log = logger.of_training(cell)
        record = run_cell(cell, accelerator=device, logger=log, resume=resume, statistics=statistics)
    except (BudgetTooSmall, TooManyTerms) as reason:
        record = unfinished(cell, "skipped", str(reason))
    except Exception as error:  # whatever a cell dies of is its record; the others go on
        record = unfinished(cell, "failed", f"{type(error).__name__}: {error}", traceback.format_exc())
    store.write(record)
    if resume is not None:
        resume.remove()
    return cell, record


def _cost(cell: Cell) -> float:
    """Relative training time: a constant per step, the Jacobian, and its product."""
    members = len(cell.members)
    return members * (1.0 + cell.budget / 100 + (cell.budget / 100) ** 2)
