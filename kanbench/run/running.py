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

from kanbench.cells import Cell, Execution, ResumeFile, run_cell, run_search, unfinished
from kanbench.cells.cost import keep_freed_memory
from kanbench.cells.forecast import cost
from kanbench.cells.train import Keep
from kanbench.config.config import Config
from kanbench.errors import ConfigError, counted
from kanbench.loggers.logger import RunLogger
from kanbench.methods import BudgetTooSmall, TooManyTerms
from kanbench.page import PageOptions, find_source, write_page
from kanbench.page.solutions import kept_solutions
from kanbench.report.run_report import Report, write_report
from kanbench.report.terminal import print_answer, print_failures, print_summary
from kanbench.run.job import Group, Job, grouped, job_of
from kanbench.run.progress import Tally, progress_of
from kanbench.solutions.kept import keep_solution
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
    logger, tally = train_alone(job, console)
    records = f"records   {job.store.folder} (one file per cell)"
    if absent := sum(not job.store.path(key).exists() for key in job.plan.cells):
        whole = counted(len(job.cells), "cell")
        console.print(f"{absent} of {whole} are left to other shards; the shard that finishes last writes the report")
        return Outcome(tally, None, [records, *logger.places])
    workers = 1 if job.fresh else job.trainer.workers_for(PageOptions().networks)  # those of a page are forks
    page_writer = partial(_write_page, job.folder, workers)
    files = {key: job.store.path(key) for key in job.plan.cells}
    finder = partial(kept_solutions, files)
    report = write_report(files.values(), job.report, job.title, job.baseline, page_writer, finder)
    logger.log_report(report)
    say(report)
    places = report.lines
    if job.page:
        page = job.report / "report.html"
        report.result.page(page)
        places.append(f"page      {page}")
    return Outcome(tally, report, [*places, f"{records}, {job.report}/records.csv", *logger.places])


def train_alone(job: Job, console: Console) -> tuple[RunLogger, Tally]:
    """Train the missing cells of a job's shard without a report on them.

    Raises:
        ConfigError: The results cannot be written.
    """
    _prepare(job)
    for topic, remark in job.remarks:
        console.print(f"{topic:10s}{remark}")
    logger = RunLogger(job.logger, job.name, job.results, join(job.command))
    return logger, train(job, logger, console)


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
    kept = {key for key, record in found.items() if record is not None and not record.failed and key not in again}
    missing = {group[0].key: group for group in grouped(job.mine) if not {cell.key for cell in group} <= kept}
    trained_again = {cell.key for group in missing.values() for cell in group}  # a search, as a whole
    tally.reused = len(cells) - len(trained_again)
    if outdated and not job.retrain:
        were = "1 of the reused cells was" if len(outdated) == 1 else f"{len(outdated):,} of the reused cells were"
        console.print(
            f"{were} trained by other code than today's; retrain=true trains such cells again", style="yellow"
        )
    _remove_remains(store, leases, found.keys() - trained_again)
    former = {key: record for key in trained_again if (record := found[key]) is not None}
    work = partial(_work, missing, partial(train_group, job, logger, leases, former))
    pin_worker = partial(pin, job.trainer.gpus)
    workers = job.trainer.workers_for(len(missing))
    done = unordered(work, unleased_first(missing, leases), workers, pin_worker, job.fresh)
    try:
        with (
            logger.while_training(),
            progress_of(console, sum(map(_cost, missing.values()))) as step,
            closing(done),
        ):
            for key, record in found.items():
                if record is not None and key not in trained_again:
                    logger.log_record(record)
            for key, records, is_new in done:
                tally.trained += is_new * len(records)
                tally.reused += (not is_new) * len(records)
                for record in records:
                    if record.failed:
                        tally.failures.append(record)
                    logger.log_record(record)
                step(_cost(missing[key]), tally)
    except BaseException:
        for key in missing:
            leases.forget_dead(key)  # of killed workers; all workers have ended by now
        raise
    return tally


def _cost(group: Group) -> float:
    return sum(map(cost, group))


def _work(
    groups: Mapping[str, Group], train: Callable[[Group], tuple[list[CellRecord], bool]], key: str
) -> tuple[str, list[CellRecord], bool]:
    """Train the cells of a key in a worker: cells may hold code of the user's, which is not sent to and fro."""
    return key, *train(groups[key])


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
            _remove_trainings(store, key)


def _resume_path(store: RecordStore, key: str) -> Path:
    return store.folder / f"{key}.training"


def _remove_trainings(store: RecordStore, key: str) -> None:
    """Remove the files from which the training of a cell would go on, those of parts of its seeds included."""
    _resume_path(store, key).unlink(missing_ok=True)
    for path in store.folder.glob(f"{key}.*.training"):
        path.unlink(missing_ok=True)


def unleased_first(keys: Iterable[str], leases: Leases) -> Iterator[str]:
    """Yield the keys of all cells; those that are leased when their turn comes are yielded last."""
    later = []
    for key in keys:
        if leases.is_held(key):
            later.append(key)
        else:
            yield key
    yield from later


def train_group(
    job: Job, logger: RunLogger, leases: Leases, former: dict[str, CellRecord], group: Group
) -> tuple[list[CellRecord], bool]:
    """Return the records of a cell or of a search, and True if they were trained here and not by another process.

    `former` holds the records of cells that are trained again.
    """

    def found() -> list[CellRecord]:
        records = [job.store.find(cell.key) for cell in group]
        return [record for record in records if record is not None and record != former.get(record.key)]

    with leases.hold(group[0].key, settled=lambda: len(found()) == len(group)) as is_mine:
        if is_mine:
            return _train(job, logger, group, former), True
    records = found()
    return (records, False) if len(records) == len(group) else train_group(job, logger, leases, former, group)


def _train(job: Job, logger: RunLogger, group: Group, former: dict[str, CellRecord]) -> list[CellRecord]:
    """Train a cell or a search and store the records. If a stop is requested, it is saved at the next check."""
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # as trainings, compilations run side by side
    keep_freed_memory()
    pause = job.trainer.checkpoint_seconds

    def execution(cell: Cell) -> Execution:
        file = ResumeFile(_resume_path(job.store, cell.key), pause) if pause else None
        return job.execution(cell, logger, file)

    with stopping.deferred() if pause else nullcontext():
        is_search = group[0].search is not None
        keep = partial(keep_solution, job.store.folder)
        records = _search(group, execution, keep) if is_search else [_record(group[0], execution, keep)]
        for record in records:
            job.store.write(record, instead_of=former.get(record.key))
        if pause:
            for cell in group:
                _remove_trainings(job.store, cell.key)
    return records


def _search(group: Group, execution: Callable[[Cell], Execution], keep: Keep) -> list[CellRecord]:
    first = group[0]
    if first.search and first.search.reason:
        return [unfinished(first, "skipped", first.search.reason)]
    return run_search(group, execution, keep)


def _record(cell: Cell, execution: Callable[[Cell], Execution], keep: Keep) -> CellRecord:
    try:
        return run_cell(cell, execution(cell), keep)
    except (BudgetTooSmall, TooManyTerms) as reason:
        return unfinished(cell, "skipped", str(reason))
    except Exception as error:  # any error becomes the record of its cell; other cells go on
        return unfinished(cell, "failed", f"{type(error).__name__}: {error}", traceback.format_exc())
