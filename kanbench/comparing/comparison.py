"""The harness from Python: `compare` trains methods on tasks and returns the result."""

import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from kanbench.cells import Precision, Search
from kanbench.comparing.arguments import (
    as_config,
    baseline_of,
    folder_of,
    in_words_of_python,
    integers,
    methods_of,
    optimizer_of,
    search_of,
    seeds_of,
    sizes_of,
    vary_of,
)
from kanbench.config.checks import LARGEST_BUDGET, checked
from kanbench.config.config import Config
from kanbench.config.settings import Accelerator, TrainerConfig
from kanbench.data import Conditions
from kanbench.data.from_python import tasks_of
from kanbench.errors import chosen, counted
from kanbench.loggers.settings import LoggerConfig
from kanbench.methods import NetworkMethod, references_of
from kanbench.report.result import Result
from kanbench.run.job import Job, job_of
from kanbench.run.running import execute
from kanbench.training import Optimizer
from kanbench.workers import stopping


def compare(
    methods: Iterable[NetworkMethod],
    tasks: Any = "feynman",
    budgets: int | Iterable[int] = (100, 200, 300),
    seeds: int | Iterable[int] = 5,
    folder: str | Path = "results/runs/compare",
    *,
    target: str | Sequence[str] | None = None,
    baseline: NetworkMethod | str | None = None,
    optimizer: Optimizer | str = "lm",
    search: Search | str | None = None,
    train: float | None = None,
    validation: float | None = None,
    test: float | None = None,
    noise: float = 0.0,
    extrapolation: float = 0.0,
    vary: str = "all",
    references: bool = False,
    retrain: bool = False,
    workers: int = 0,
    precision: str = "double",
    accelerator: str = "auto",
    progress: bool = True,
) -> Result:
    """Train every method on every task at every budget, and return the result.

    It makes the cells that the command line makes, and looks up those that are there: a call that was stopped goes on
    where it ended, and a command and a call may share a folder. Workers begin in new interpreters, so it is safe in
    notebooks, and in scripts with and without `if __name__ == "__main__"`.

    Args:
        methods: What is compared, such as `KANMethod(basis=Taylor())`, `MLPMethod()`, `OwnMethod("mine", build)`.
        tasks: The name of a suite ("feynman", or "feynman/I.1*" for some of it), a list of names of tasks, `Task`
            objects, arrays (X, y) with X (n, n_inputs) and y (n,), a data frame, or a dict of names to pairs or frames.
        budgets: Numbers of trainable parameters; the width of each model is solved from them. Methods with `hidden`,
            the widths of hidden layers, have the number of their shape instead, and so have the others beside them.
        seeds: The number of seeds, or the seeds themselves.
        folder: The folder of the run, which may exist.
        target: The column of a data frame to predict, or the list of several.
        baseline: The method that the others are compared with, or its label. It is the last MLP unless it is given,
            or the last method where there is no MLP.
        optimizer: A name, as in optimizer=NAME on the command line, or an object with settings of its own.
        search: "shapes" for a search of depths and sizes with equal trials for every method, or a `Search` with other
            settings; methods are then called by the names of their searches, such as "KAN BSpline". None or "none"
            trains every method as it is given.
        train: The rows of the training split. Arrays and frames take a share under 1 too.
        validation: The rows of the validation split.
        test: The rows of the test split.
        noise: The standard deviation of noise on training targets, in units of their own.
        extrapolation: How much wider the ranges of test points are; 0.2 is 20 %.
        vary: The randomness that differs between seeds: data, initialization, order, or all.
        references: Whether simple predictors stand beside the methods, or classical solvers beside equations.
        retrain: Whether cells are trained again that other code than today's has trained.
        workers: Processes that train side by side; 0 is one per core, or one per GPU. 1 trains in this process.
        precision: double or single.
        accelerator: auto, cpu or cuda.
        progress: Whether progress is shown.

    Returns:
        The result: its answer, summary, records, figures and tables.

    Raises:
        TypeError, ValueError: An argument cannot be used; nothing has been written.
        OSError: A file cannot be written or read.
        KeyboardInterrupt: The call was interrupted. Everything that was finished is kept.

    Example:
        result = compare([KANMethod(basis=Taylor()), MLPMethod()], tasks=["I.12.11"], budgets=100, seeds=3)
    """
    compared = methods_of(methods)
    suite, all_tasks = tasks_of(tasks, target)
    place = folder_of(folder)
    targets = integers("budgets", [budgets] if isinstance(budgets, int) else budgets, 1, LARGEST_BUDGET)
    with in_words_of_python():
        numbers = seeds_of(seeds)
        config = checked(
            Config(
                name=place.name,
                folder=place,
                methods=compared,
                suite=suite,
                tasks=all_tasks,
                sizes=sizes_of(all_tasks, train=train, validation=validation, test=test),
                budgets=targets,
                seeds=numbers,
                optimizer=optimizer_of(optimizer, all_tasks),
                trainer=TrainerConfig(
                    accelerator=chosen(Accelerator, "accelerator", accelerator),
                    precision=chosen(Precision, "precision", precision),
                    workers=workers,
                ),
                logger=LoggerConfig(),
                references=references_of(all_tasks[0].grading.references, targets) if references else (),
                conditions=as_config(Conditions(noise, extrapolation)),
                vary=vary_of(vary),
                retrain=retrain,
                search=search_of(search, len(numbers)),
            )
        )
        now = datetime.now().strftime("%Y-%m-%d_%H-%M-%S_%f")
        job = job_of(config, _command(), place / "jobs" / now)
        named = baseline_of(compared, config.names, baseline)
        return _run(replace(job, baseline=named, fresh=True), progress)


def _run(job: Job, progress: bool) -> Result:
    """Do a job; threads of torch and handlers of signals are as before when it ends."""
    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, quiet=not progress)
    threads = torch.get_num_threads()
    try:
        with stopping.listening():
            outcome = execute(job, console)
    except stopping.Stopped as stop:
        raise KeyboardInterrupt(
            f"stopped by signal {stop.number}; everything that was finished is kept: the same call goes on from here"
        ) from None
    finally:
        torch.set_num_threads(threads)
    console.print("\n".join([f"{counted(len(job.cells), 'cell')}: {outcome.tally}", *outcome.places]))
    if failures := outcome.tally.failures:
        first = failures[0]
        warnings.warn(
            f"{counted(len(failures), 'cell')} failed, the first is {first.label}: {first.members[0]['reason']}; "
            "the same call trains only what failed or is missing",
            stacklevel=3,
        )
    assert outcome.report is not None  # no other shard holds cells
    return outcome.report.result


def _command() -> tuple[str, ...]:
    """Return what starts this program again, for messages about unfinished runs."""
    main = sys.modules["__main__"]
    if getattr(main, "__file__", None) and getattr(main, "__spec__", None) is None:
        return ("python", *sys.argv)
    return ("python", "-c", "import kanbench; kanbench.compare(...)")
