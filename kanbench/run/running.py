"""One run: plan the cells, look up or train each of them, and report."""

import os
import shlex
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path

from rich.console import Console

from kanbench.cells import Cell, Execution, ResumeFile, run_cell, unfinished
from kanbench.cells.cell import digest
from kanbench.cells.cost import keep_freed_memory
from kanbench.config.read import Config, ReportKind
from kanbench.errors import ConfigError, counted
from kanbench.loggers.logger import RunLogger
from kanbench.methods import BudgetTooSmall, TooManyTerms
from kanbench.page import PageOptions, find_source, write_page
from kanbench.report.run_report import write_report
from kanbench.report.terminal import print_answer, print_failures, print_summary
from kanbench.run.progress import Tally, progress_of
from kanbench.store import provenance
from kanbench.store.leases import Leases
from kanbench.store.manifest import Manifest
from kanbench.store.plan import Plan
from kanbench.store.record import CellRecord, RecordStore, label
from kanbench.workers import stopping
from kanbench.workers.devices import pin
from kanbench.workers.pool import unordered


def run(config: Config, command: str, job_folder: Path) -> int:
    """Train the missing cells of this job's shard and report on the whole run; return 1 if a cell failed, else 0.

    Raises `ConfigError` if the results cannot be written.
    """
    console = Console(highlight=False, soft_wrap=True, markup=False)
    store, cells = RecordStore(config.folder / "cells"), config.cells()
    plan = plan_of(cells, command)
    _prepare(config, store, plan, command, job_folder)
    if config.remark:
        console.print(f"methods   {config.remark}")
    for remark in filter(None, (task.remark for task in config.tasks)):
        console.print(f"data      {remark}")
    for remark in filter(None, dict.fromkeys(method.remark for method in config.methods)):
        console.print(f"basis     {remark}")

    started = time.perf_counter()
    logger = RunLogger(config.logger, config.name, config.folder, command)
    mine = config.shard.of(cells, plan.costs)
    tally = train(config, mine, store, logger, console)
    places = [f"records   {store.folder} (one file per cell)"]
    if absent := sum(not store.path(key).exists() for key in plan.cells):
        whole = counted(len(cells), "cell")
        console.print(f"{absent} of {whole} are left to other shards; the shard that finishes last writes the report")
    else:
        folder = config.folder / "reports" / report_name(config, plan)
        drawn = _report(config, map(store.path, plan.cells), folder, job_folder, logger, console)
        places = [*drawn, f"{places[0]}, {folder}/records.csv"]
    share = "" if len(mine) == len(cells) else f" of {len(cells)}, shard {config.shard}"
    console.print(f"\n{counted(len(mine), 'cell')}{share}: {tally}; {time.perf_counter() - started:.0f} s")
    console.print("\n".join([*places, f"again     {command}"]))
    print_failures(console, tally.failures, plan.command)
    return 1 if tally.failures else 0


def _prepare(config: Config, store: RecordStore, plan: Plan, command: str, job_folder: Path) -> None:
    """Create the folders and write the plan and the manifest. Raises `ConfigError` if they cannot be written."""
    try:
        store.prepare()
        job_folder.mkdir(parents=True, exist_ok=True)
        plan.write(config.folder)
        cells = tuple(str(store.path(key)) for key in plan.cells)
        Manifest(cells, _baseline(config), _title(config), command, provenance.commit()).write(job_folder)
    except OSError as error:
        raise ConfigError(f"results: cannot write to {error.filename} ({error.strerror})") from error


def _report(
    config: Config, cells: Iterable[Path], folder: Path, job_folder: Path, logger: RunLogger, console: Console
) -> list[str]:
    """Write the report on the records `cells` of the whole run to `folder`; return lines with the paths written."""
    report = write_report(cells, folder, _title(config), _baseline(config))
    logger.log_report(report)
    print_answer(console, report)
    print_summary(console, report.summary, _baseline(config))
    places = [f"figure    {path}" for path in report.figures]
    if config.report is ReportKind.html:
        page, options = folder / "report.html", PageOptions()
        write_page(find_source(job_folder), page, options, config.trainer.workers_for(options.networks))
        places.append(f"page      {page}")
    return places


def train(config: Config, cells: list[Cell], store: RecordStore, logger: RunLogger, console: Console) -> Tally:
    """Train or look up every cell, under a progress bar whose estimate weighs cells by their size.

    Cells leased by other processes come last, because most of them are done by then.
    """
    tally, leases = Tally(), Leases(store.folder)
    found = {cell.key: store.find(cell.key) for cell in cells}
    outdated = _by_other_code(cells, found)
    again = outdated if config.retrain else set[str]()
    missing = [c for c in cells if (record := found[c.key]) is None or record.failed or c.key in again]
    tally.reused = len(cells) - len(missing)
    if outdated and not config.retrain:
        were = "1 of the reused cells was" if len(outdated) == 1 else f"{len(outdated):,} of the reused cells were"
        console.print(
            f"{were} trained by other code than today's; retrain=true trains such cells again", style="yellow"
        )
    _remove_remains(store, leases, found.keys() - {cell.key for cell in missing})
    former = {cell.key: record for cell in missing if (record := found[cell.key]) is not None}
    work = partial(train_one, config, store, logger, leases, former)
    pin_worker = partial(pin, config.trainer.gpus)
    done = unordered(work, unleased_first(missing, leases), config.trainer.workers_for(len(missing)), pin_worker)
    try:
        with logger.while_training(), progress_of(console, sum(map(_cost, missing))) as step, closing(done):
            for key, record in found.items():
                if record is not None and not record.failed and key not in again:
                    logger.log_record(record)
            for cell, record, is_new in done:
                tally.trained += is_new
                tally.reused += not is_new
                if record.failed:
                    tally.failures.append(record)
                logger.log_record(record)
                step(_cost(cell), tally)
    except BaseException:
        for cell in missing:
            leases.forget_dead(cell.key)  # of killed workers; all workers have ended by now
        raise
    return tally


def _by_other_code(cells: Iterable[Cell], found: dict[str, CellRecord | None]) -> set[str]:
    """Return the keys of cells trained by other code than today's. Records that do not name their code are left out."""
    return {
        cell.key
        for cell in cells
        if (record := found[cell.key]) and not record.failed and record.environment.get("code", cell.code) != cell.code
    }


def _remove_remains(store: RecordStore, leases: Leases, finished: Iterable[str]) -> None:
    """Remove leases and checkpoints of processes that were killed just after they had written their record."""
    for key in finished:
        leases.forget_dead(key)
        if not leases.is_held(key):
            _resume_path(store, key).unlink(missing_ok=True)


def _resume_path(store: RecordStore, key: str) -> Path:
    return store.folder / f"{key}.training"


def unleased_first(cells: list[Cell], leases: Leases) -> Iterator[Cell]:
    """Yield all cells; those that are leased when their turn comes are yielded last."""
    later = []
    for cell in cells:
        if leases.is_held(cell.key):
            later.append(cell)
        else:
            yield cell
    yield from later


def train_one(
    config: Config,
    store: RecordStore,
    logger: RunLogger,
    leases: Leases,
    former: dict[str, CellRecord],
    cell: Cell,
) -> tuple[Cell, CellRecord, bool]:
    """Return a cell, its record, and True if it was trained here and not by another process meanwhile.

    `former` holds the records of cells that are trained again.
    """

    def found() -> CellRecord | None:
        record = store.find(cell.key)
        return None if record == former.get(cell.key) else record

    with leases.hold(cell.key, settled=lambda: found() is not None) as is_mine:
        if is_mine:
            return cell, _train(config, store, logger, cell, former.get(cell.key)), True
    record = found()
    return (cell, record, False) if record else train_one(config, store, logger, leases, former, cell)


def _train(config: Config, store: RecordStore, logger: RunLogger, cell: Cell, former: CellRecord | None) -> CellRecord:
    """Train one cell and store its record. If a stop is requested, its checkpoint is saved at the next check."""
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # as trainings, compilations run side by side
    keep_freed_memory()
    pause = config.trainer.checkpoint_seconds
    resume = ResumeFile(_resume_path(store, cell.key), pause) if pause else None
    with stopping.deferred() if resume else nullcontext():
        try:
            record = run_cell(cell, _execution(config, logger, cell, resume))
        except (BudgetTooSmall, TooManyTerms) as reason:
            record = unfinished(cell, "skipped", str(reason))
        except Exception as error:  # any error becomes the record of its cell; other cells go on
            record = unfinished(cell, "failed", f"{type(error).__name__}: {error}", traceback.format_exc())
        store.write(record, instead_of=former)
        if resume is not None:
            resume.remove()
    return record


def _execution(config: Config, logger: RunLogger, cell: Cell, resume: ResumeFile | None) -> Execution:
    """Return the options of a cell's training that the config asks for."""
    return Execution(
        accelerator=config.trainer.resolved_accelerator,
        threads=config.trainer.threads,
        compiled=config.trainer.compile,
        statistics=config.logger.statistics,
        logger=logger.of_training(cell.key),
        resume=resume,
    )


def plan_of(cells: list[Cell], command: str) -> Plan:
    """Return the plan of the whole run, also if `command` trains only a shard of it."""
    words = [word for word in shlex.split(command) if not word.startswith("shard=")]
    labels = [label(cell.method.label, cell.task.name, cell.budget) for cell in cells]
    return Plan(shlex.join(words), [cell.key for cell in cells], [_cost(cell) for cell in cells], labels)


def report_name(config: Config, plan: Plan) -> str:
    """Return the name of the folder of a report: equal for equal cells and baseline, different otherwise."""
    about = {"cells": sorted(plan.cells), "baseline": _baseline(config)}
    return f"{config.methods[0].label.replace(' ', '_')}-{digest(about)[:8]}"


def _title(config: Config) -> str:
    n_tasks, whole = len(config.tasks), len(config.suite.tasks)
    return config.suite.title if n_tasks == whole else f"{config.suite.title} ({n_tasks} of {whole} tasks)"


def _baseline(config: Config) -> str | None:
    """Return the label of the method that the model is compared with, or None."""
    return config.methods[-1].label if len(config.methods) > 1 else None


def _cost(cell: Cell) -> float:
    """Estimate the relative training time: a constant per step, the Jacobian, and its product with itself."""
    members = len(cell.members)
    return members * (1.0 + cell.budget / 100 + (cell.budget / 100) ** 2)
