"""Jobs: what one command, or one call from Python, trains and reports."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kanbench.cells import Cell, Execution, ResumeFile
from kanbench.cells.cell import digest
from kanbench.cells.forecast import cost
from kanbench.config.config import Config, ReportKind
from kanbench.config.settings import TrainerConfig
from kanbench.errors import LONGEST
from kanbench.files.sealed import Damaged
from kanbench.loggers.logger import RunLogger
from kanbench.loggers.settings import LoggerConfig
from kanbench.store.manifest import Manifest
from kanbench.store.plan import WHOLE, Plan, Shard, join, read_plan
from kanbench.store.provenance import commit
from kanbench.store.record import RecordStore, label


@dataclass(frozen=True)
class Job:
    """A job: the cells of a run, the way they are trained, and their report.

    Args:
        name: The name of the run.
        title: The title of its tables and figures.
        cells: All cells of the run, also if this job trains a shard of them.
        baseline: The label of the method that the others are compared with, or None.
        results: The folder of the run; records, plans and reports lie below it.
        folder: The folder of this job, for its manifest.
        command: The words that start the job again.
        trainer: The workers, their devices and their checkpoints.
        logger: What is logged while it trains.
        shard: The share of the cells that this job trains.
        retrain: Whether cells are trained again that other code than today's has trained.
        page: Whether the report has an interactive page.
        fresh: Whether workers begin in new interpreters and not as forks, see `kanbench.workers.pool`.
        remarks: Sentences that are printed before the training, each after its topic.
    """

    name: str
    title: str
    cells: tuple[Cell, ...]
    baseline: str | None
    results: Path
    folder: Path
    command: tuple[str, ...]
    trainer: TrainerConfig
    logger: LoggerConfig
    shard: Shard = WHOLE
    retrain: bool = False
    page: bool = False
    fresh: bool = False
    remarks: tuple[tuple[str, str], ...] = ()

    @property
    def store(self) -> RecordStore:
        """The records of the run."""
        return RecordStore(self.results / "cells")

    @cached_property
    def plan(self) -> Plan:
        """The plan of the whole run, equal for all of its shards."""
        command = join(word for word in self.command if not word.startswith("shard="))
        labels = [label(cell.method.label, cell.task.name, cell.budget) for cell in self.cells]
        return Plan(command, [cell.key for cell in self.cells], [cost(cell) for cell in self.cells], labels)

    @cached_property
    def mine(self) -> list[Cell]:
        """The cells of this job's shard; those of one search are in one shard."""
        every = grouped(self.cells)
        return [cell for group in self.shard.of(every, [sum(map(cost, group)) for group in every]) for cell in group]

    @property
    def manifest(self) -> Manifest:
        """The records of the run, its title and its command."""
        records = tuple(str(self.store.path(key)) for key in self.plan.cells)
        return Manifest(records, self.baseline, self.title, join(self.command), commit())

    @property
    def report(self) -> Path:
        """The folder of the report: equal for equal cells and baseline, different otherwise."""
        about = {"cells": sorted(self.plan.cells), "baseline": self.baseline}
        first = next(cell.method for cell in self.cells if cell.method.is_trained)
        label = re.sub(r"[^\w.=+-]", "_", first.label)[:LONGEST]  # arguments of own models may hold anything
        return self.results / "reports" / f"{label}-{digest(about)[:8]}"

    def execution(self, cell: Cell, logger: RunLogger, resume: ResumeFile | None) -> Execution:
        """Return the options of a cell's training."""
        return Execution(
            accelerator=self.trainer.resolved_accelerator,
            threads=self.trainer.threads,
            compiled=self.trainer.compile,
            statistics=self.logger.statistics,
            logger=logger.of_training(cell.key),
            resume=resume,
        )


Group = tuple[Cell, ...]  # the cells of one search, or one cell


def grouped(cells: Iterable[Cell]) -> list[Group]:
    """Return the units of work: the cells of each search together, and every other cell by itself."""
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        place = cell.search
        is_tried = place is not None and place.number > 0
        name = (cell.suite, cell.task.name, str(cell.budget), place.searched) if place and is_tried else (cell.key,)
        groups.setdefault(name, []).append(cell)
    return [tuple(group) for group in groups.values()]


def job_of(config: Config, command: Sequence[str], folder: Path) -> Job:
    """Return the job that a config describes.

    Args:
        config: The composed YAML as types.
        command: The words that start the job again.
        folder: The folder of the job.
    """
    of_tasks = (("data", task.remark) for task in config.tasks)
    of_methods = dict.fromkeys(("basis", method.remark) for method in config.methods)
    of_models = (("model", finding) for finding in (*config.findings, *_changes(config)))
    of_run = (("methods", config.remark), ("budget", _of_shapes(config) or config.repeated))
    n_tasks, suite = len(config.tasks), config.suite
    whole = n_tasks == len(suite.tasks)
    return Job(
        name=config.name,
        title=suite.title if whole else f"{suite.title} ({n_tasks} of {len(suite.tasks)} tasks)",
        cells=tuple(config.cells()),
        baseline=config.names[-1] if len(config.methods) > 1 else None,
        results=config.folder,
        folder=folder,
        command=tuple(command),
        trainer=config.trainer,
        logger=config.logger,
        shard=config.shard,
        retrain=config.retrain,
        page=config.report is ReportKind.html,
        remarks=tuple(said for said in (*of_run, *of_tasks, *of_methods, *of_models) if said[1]),
    )


def _of_shapes(config: Config) -> str:
    """Return what stands in place of the budgets where shapes are given, or ""."""
    if not any(config.fixed(config.tasks[0])):
        return ""
    return "the given shapes have the parameters that they have, in place of budget.targets; other methods get as many"


def _changes(config: Config) -> Iterator[str]:
    """Yield a sentence for every method whose code has changed since the earlier plans of the run."""
    foreign = [method for method in config.methods if method.is_foreign]
    plans = sorted((config.folder / "plans").glob("*.json")) if foreign else []
    labels = {text for path in plans for text in _labels(path)}
    for method in foreign:
        known = re.compile(rf"({re.escape(method.unversioned)} [0-9a-f]{{6}}) on ")
        earlier = {found[1] for text in labels if (found := known.match(text))}
        if earlier and method.label not in earlier:
            before = " and ".join(sorted(earlier))
            yield f"the source of {method.unversioned} has changed: {method.label} is another method than {before}"


def _labels(path: Path) -> list[str]:
    try:
        return read_plan(path).labels
    except (Damaged, OSError):
        return []
