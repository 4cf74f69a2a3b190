"""One run: plan the cells, look up or train each of them, and report."""

import os
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from kanbench.cells import Cell, ResumeFile, run_cell, unfinished
from kanbench.cells.cost import keep_freed_memory
from kanbench.cells.forecast import cost
from kanbench.config.config import Config
from kanbench.errors import ConfigError, counted
from kanbench.loggers.logger import RunLogger
from kanbench.methods import BudgetTooSmall, TooManyTerms
from kanbench.page import PageOptions, find_source, write_page
from kanbench.report.run_report import Report, write_report
from kanbench.report.terminal import print_answer, print_failures, print_summary
from kanbench.run.job import Job, job_of
from kanbench.run.progress import Tally, progress_of
from kanbench.store.leases import Leases
from kanbench.store.plan import join
from kanbench.store.record import CellRecord, RecordStore
from kanbench.workers import stopping
from kanbench.workers.devices import pin
from kanbench.workers.pool import unordered


@dataclass(frozen=True)
class Outcome:
    """The end of a job: its tally, the report on the whole run, and lines that name the paths written.

    There is no report while cells are left to other shards.
    """

    tally: Tally
    report: Report | None
    places: list[str]


def run(config: Config, command: Sequence[str], folder: Path) -> int:
    """Run a config and print its answer; return 1 if a cell failed, else 0.

    Args:
        config: The composed YAML as types.
        command: The words that start this run again.
        folder: The folder of this job.

    Raises:
        ConfigError: The results cannot be written.
    """
    console = Console(highlight=False, soft_wrap=True, markup=False)
    job, started = job_of(config, command, folder), time.perf_counter()

    def say(report: Report) -> None:
        print_answer(console, report.result)
        print_summary(console, report.result)

    outcome = execute(job, console, say)
    of_all = "" if len(job.mine) == len(job.cells) else f" of {len(job.cells)}, shard {job.shard}"
    seconds = time.perf_counter() - started
    console.print(f"\n{counted(len(job.mine), 'cell')}{of_all}: {outcome.tally}; {seconds:.0f} s")
    console.print("\n".join([*outcome.places, f"again     {join(job.command)}"]))
    print_failures(console, outcome.tally.failures, job.plan.command)
    return 1 if outcome.tally.failures else 0


def execute(job: Job, console: Console, say: Callable[[Report], None] = lambda report: None) -> Outcome:
    """Train the missing cells of a job's shard, and write the report on the whole run if no cell is left to others.

    Args:
        job: The job; the command line and `compare` make it.
        console: Where remarks and progress are printed.
        say: A function that is called with the report as soon as it is there, before the page is made.

    Raises:
        ConfigError: The results cannot be written.
    """
    _prepare(job)
    for topic, remark in job.remarks:
        console.print(f"{topic:10s}{remark}")
    logger = RunLogger(job.logger, job.name, job.results, join(job.command))
    tally = train(job, logger, console)
    records = f"records   {job.store.folder} (one file per cell)"
    if absent := sum(not job.store.path(key).exists() for key in job.plan.cells):
        whole = counted(len(job.cells), "cell")
        console.print(f"{absent} of {whole} are left to other shards; the shard that finishes last writes the report")
        return Outcome(tally, None, [records, *logger.places])
    workers = 1 if job.fresh else job.trainer.workers_for(PageOptions().networks)  # those of a page are forks
    page_writer = partial(_write_page, job.folder, workers)
    report = write_report(map(job.store.path, job.plan.cells), job.report, job.title, job.baseline, page_writer)
    logger.log_report(report)
    say(report)
    places = [f"figure    {path}" for path in report.figures]
    if job.page:
        page = job.report / "report.html"
        report.result.page(page)
        places.append(f"page      {page}")
    return Outcome(tally, report, [*places, f"{records}, {job.report}/records.csv", *logger.places])


def _write_page(folder: Path, workers: int, page: Path) -> int:
    return write_page(find_source(folder), page, PageOptions(), workers)


def _prepare(job: Job) -> None:
    """Create the folders and write the plan and the manifest. Raises `ConfigError` if they cannot be written."""
    try:
        job.store.prepare()
        job.folder.mkdir(parents=True, exist_ok=True)
        job.plan.write(job.results)
        job.manifest.write(job.folder)
    except OSError as error:
        raise ConfigError(f"results: cannot write to {error.filename} ({error.strerror})") from error


def train(job: Job, logger: RunLogger, console: Console) -> Tally:
    """Train or look up every cell of a job's shard, under a progress bar whose estimate weighs cells by their size.

    Cells leased by other processes come last, because most of them are done by then.
    """
    store, cells = job.store, {cell.key: cell for cell in job.mine}
    tally, leases = Tally(), Leases(store.folder)
    found = {key: store.find(key) for key in cells}
    outdated = _by_other_code(cells.values(), found)
    again = outdated if job.retrain else set[str]()
    missing = {key: c for key, c in cells.items() if (record := found[key]) is None or record.failed or key in again}
    tally.reused = len(cells) - len(missing)
    if outdated and not job.retrain:
        were = "1 of the reused cells was" if len(outdated) == 1 else f"{len(outdated):,} of the reused cells were"
        console.print(
            f"{were} trained by other code than today's; retrain=true trains such cells again", style="yellow"
        )
    _remove_remains(store, leases, found.keys() - missing.keys())
    former = {key: record for key in missing if (record := found[key]) is not None}
    work = partial(_work, missing, partial(train_one, job, logger, leases, former))
    pin_worker = partial(pin, job.trainer.gpus)
    workers = job.trainer.workers_for(len(missing))
    done = unordered(work, unleased_first(missing, leases), workers, pin_worker, job.fresh)
    try:
        with logger.while_training(), progress_of(console, sum(map(cost, missing.values()))) as step, closing(done):
            for key, record in found.items():
                if record is not None and not record.failed and key not in again:
                    logger.log_record(record)
            for key, record, is_new in done:
                tally.trained += is_new
                tally.reused += not is_new
                if record.failed:
                    tally.failures.append(record)
                logger.log_record(record)
                step(cost(missing[key]), tally)
    except BaseException:
        for key in missing:
            leases.forget_dead(key)  # of killed workers; all workers have ended by now
        raise
    return tally


def _work(
    cells: Mapping[str, Cell], train_cell: Callable[[Cell], tuple[CellRecord, bool]], key: str
) -> tuple[str, CellRecord, bool]:
    """Train the cell of a key in a worker: cells may hold code of the user's, which is not sent to and fro."""
    return key, *train_cell(cells[key])


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


def unleased_first(keys: Iterable[str], leases: Leases) -> Iterator[str]:
    """Yield the keys of all cells; those that are leased when their turn comes are yielded last."""
    later = []
    for key in keys:
        if leases.is_held(key):
            later.append(key)
        else:
            yield key
    yield from later


def train_one(
    job: Job, logger: RunLogger, leases: Leases, former: dict[str, CellRecord], cell: Cell
) -> tuple[CellRecord, bool]:
    """Return the record of a cell, and True if it was trained here and not by another process meanwhile.

    `former` holds the records of cells that are trained again.
    """

    def found() -> CellRecord | None:
        record = job.store.find(cell.key)
        return None if record == former.get(cell.key) else record

    with leases.hold(cell.key, settled=lambda: found() is not None) as is_mine:
        if is_mine:
            return _train(job, logger, cell, former.get(cell.key)), True
    record = found()
    return (record, False) if record else train_one(job, logger, leases, former, cell)


def _train(job: Job, logger: RunLogger, cell: Cell, former: CellRecord | None) -> CellRecord:
    """Train one cell and store its record. If a stop is requested, its checkpoint is saved at the next check."""
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # as trainings, compilations run side by side
    keep_freed_memory()
    pause = job.trainer.checkpoint_seconds
    resume = ResumeFile(_resume_path(job.store, cell.key), pause) if pause else None
    with stopping.deferred() if resume else nullcontext():
        try:
            record = run_cell(cell, job.execution(cell, logger, resume))
        except (BudgetTooSmall, TooManyTerms) as reason:
            record = unfinished(cell, "skipped", str(reason))
        except Exception as error:  # any error becomes the record of its cell; other cells go on
            record = unfinished(cell, "failed", f"{type(error).__name__}: {error}", traceback.format_exc())
        job.store.write(record, instead_of=former)
        if resume is not None:
            resume.remove()
    return record
