"""An advice: the searched comparison on one table within a time, the answer, and the fitted model."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from kanbench.advice.case import case_of
from kanbench.advice.numbers import ADVICE, MODEL, as_json, numbers_of
from kanbench.advice.plan import Trials, in_time, plan_for, with_few, with_fewer_rows
from kanbench.advice.predictors import chosen_network, save_predictor
from kanbench.advice.terminal import listed, print_advice, print_plan, print_table
from kanbench.cells import Cell, with_fewest
from kanbench.config.config import Config
from kanbench.errors import duration, require
from kanbench.files.atomic import write_whole
from kanbench.run.dry_run import Forecast, forecast
from kanbench.run.job import Job, job_of
from kanbench.run.running import train_alone
from kanbench.store.record import RecordStore
from kanbench.workers import stopping

MOST_MINUTES = 100_000
KEPT_BACK = 1.0  # seconds for the end, beside those in which the chosen networks are trained again
LARGEST_SHARE = 0.3  # of the time that is kept back at most


@dataclass(frozen=True)
class Request:
    """The question of somebody with a table.

    Args:
        config: The table, the splits, the optimizer, the search and the seeds; its methods and budgets are replaced.
        minutes: The time that everything may take.
        command: The words that ask again.
        budgets: The budgets that are asked for, or None for those that suit the rows.
        is_fixed: Whether seeds and shapes are asked for, so that a short time does not lower them.
        is_split: Whether the training rows are asked for, so that a large table keeps all of them.
        fresh: Whether workers begin in new interpreters.
    """

    config: Config
    minutes: float
    command: tuple[str, ...]
    budgets: tuple[int, ...] | None = None
    is_fixed: bool = False
    is_split: bool = False
    fresh: bool = False

    def __post_init__(self) -> None:
        allowed = 0.0 < self.minutes <= MOST_MINUTES
        require(allowed, "minutes", f"must be a positive number up to {MOST_MINUTES:,}", self.minutes)


@dataclass(frozen=True)
class Advice:
    """An answer, the file of the fitted model, and the numbers.

    Attributes:
        answer: What to use, and why, in a few sentences.
        error: The test error of the recommended model: relative L2, or relative cross-entropy for classes.
        model: The file of the recommended model, which `KANRegressor.load` or `KANClassifier.load` reads.
        numbers: The content of advice.json.
    """

    answer: str
    error: float
    model: Path
    numbers: dict[str, Any]

    def __str__(self) -> str:
        return self.answer


def advise_on(request: Request, console: Console, started: float) -> Advice:
    """Try as many networks on a table as the time allows, answer, and write the model and the numbers.

    Everything that was trained is kept in the folder, so that the same request with more minutes goes on.

    Args:
        request: The request.
        console: Where the plan, the progress and the answer are printed.
        started: The `time.perf_counter()` from which the minutes count.

    Raises:
        ConfigError: The table has no networks that its rows allow, or the results cannot be written.
        ValueError: Another thread than the main one calls it, which gets no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        raise ValueError("advise keeps its time by a signal, which only the main thread of a program gets")
    threads = torch.get_num_threads()
    try:
        work = _Trying(request, console, started)
        work.run()
        config, plan, store = work.config, work.plan, work.store
        networks = [found for each in work.tried if (found := chosen_network(each, store))]
        case = case_of(config, networks)
    finally:
        torch.set_num_threads(threads)
    path = config.folder / MODEL
    save_predictor(case.recommended, config, case.dataset, path)
    numbers = numbers_of(config, plan, case, networks, time.perf_counter() - started)
    write_whole(config.folder / ADVICE, as_json(numbers).encode())
    print_advice(console, config, numbers)
    return Advice(numbers["answer"], numbers["recommended"]["error"], path, numbers)


class _Trying:
    """The trainings of a request.

    tried: the searches that were begun, in their order.   found: the forecast of those that wait.
    waits: the seconds that pass while a core works for one.
    """

    def __init__(self, request: Request, console: Console, started: float) -> None:
        self.request, self.console = request, console
        self.end = started + 60.0 * request.minutes
        self.config = request.config if request.is_split else with_fewer_rows(request.config)
        self.tried = list[Trials]()
        self.plan = plan_for(self.config, request.budgets)
        self.folder = self.config.folder / "jobs" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S_%f")
        self.store = RecordStore(self.config.folder / "cells")
        self.waits = 1.0

    def run(self) -> None:
        """Train what fits into the time, and then what fits into the time that is left."""
        print_table(self.console, self.config, self.plan, self.request.budgets is None)
        self.found = self._forecast()
        batch = self._next()
        if len(batch) < 2:  # which are begun in any case
            batch = self.plan.trials[:2]
        seconds = sum(map(self._seconds, batch))
        about = f"about {duration(seconds)} for one worker, within {duration(60.0 * self.request.minutes)} altogether"
        print_plan(self.console, self.config, self.plan, batch, about)
        remarks = self._job(batch).remarks
        while batch:
            self.tried += batch
            if not self._train(replace(self._job(self.tried), remarks=remarks)):
                self.console.print("the time is over; the same command with more minutes goes on from here")
                return
            self.found, self.waits, remarks = forecast(self._job(self.tried)), 1.0, ()
            if batch := self._next():
                self.console.print(f"time is left: also {listed(batch)}")

    def _forecast(self) -> Forecast:
        """Return how long trainings take, from two families; try few shapes where the time would not allow two."""
        wall, core = time.perf_counter(), time.process_time()
        found = self.found = forecast(self._job(self.plan.trials[:2]))
        if not found.of_records:  # short trainings are measured in time of a core, which others may use as well
            self.waits = max(1.0, (time.perf_counter() - wall) / max(time.process_time() - core, 1e-3))
        if not self.request.is_fixed and len(self._next()) < 2:
            self.config = with_few(self.config)
            self.plan = plan_for(self.config, self.request.budgets)
        return found

    def _next(self) -> tuple[Trials, ...]:
        """Return what is tried next within the time that is left."""
        waiting = [each for each in self.plan.trials if each not in self.tried]
        workers = self.config.trainer.workers_for(max(1, len(waiting)))
        return tuple(in_time(waiting, self._left(waiting), workers, self._seconds))

    def _seconds(self, trials: Trials) -> float:
        """Return how long a search takes one core; nothing if its records are there."""
        is_there = all(self.store.path(cell.key).exists() for cell in trials.cells)
        return 0.0 if is_there else self.waits * self.found.seconds([*trials.cells])

    def _left(self, trials: Sequence[Trials]) -> float:
        """Return the seconds that trainings may still take; two networks of them are trained again afterwards."""
        of_one = (self.waits * self.found.seconds([_single(each.cells[0])]) for each in trials)
        again = 2.0 * max(of_one, default=0.0)
        kept_back = min(KEPT_BACK + again, LARGEST_SHARE * 60.0 * self.request.minutes)
        return self.end - kept_back - time.perf_counter()

    def _train(self, job: Job) -> bool:
        """Train the missing cells of a job; return False if the time was over before."""
        try:
            with stopping.listening(), stopping.within(self._left(self.tried)):
                train_alone(job, self.console)
        except stopping.Stopped as stop:
            if stop.number != stopping.TIME_IS_OVER:
                raise
            return False
        return True

    def _job(self, trials: Sequence[Trials]) -> Job:
        cells = tuple(cell for each in trials for cell in each.cells)
        job = job_of(self.config, self.request.command, self.folder)
        return replace(job, cells=cells, baseline=None, fresh=self.request.fresh)


def _single(cell: Cell) -> Cell:
    """Return the training of one start of a shape outside its search."""
    return replace(with_fewest(cell, *cell.members[0]), search=None)
