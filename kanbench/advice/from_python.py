"""Advice from Python."""

import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console

from kanbench.advice.advising import Advice, Request, advise_on
from kanbench.cells import Search, Vary
from kanbench.config.checks import check_gradings, checked
from kanbench.config.config import Config
from kanbench.config.settings import TrainerConfig
from kanbench.data import Kind, Shares, Suite, TableTask, Task, read_table
from kanbench.data.from_python import array_task, frame_task
from kanbench.errors import LONGEST, chosen, require
from kanbench.loggers.settings import LoggerConfig
from kanbench.methods import MLPMethod
from kanbench.training import LBFGS, OPTIMIZERS, LevenbergMarquardt, Optimizer

FOLDER = Path("results/runs/advise")
LARGE = 100_000  # parameters, of which every table has a network; the rows choose others


def advise(
    table: Any,
    target: Any = None,
    minutes: float = 10.0,
    folder: str | Path | None = None,
    *,
    kind: str = "auto",
    budgets: Iterable[int] | None = None,
    seeds: int = 3,
    optimizer: Optimizer | None = None,
    workers: int = 0,
    progress: bool = True,
) -> Advice:
    """Say which network to use for a table, within a time, as the command `advise` does.

    Args:
        table: A .csv or .parquet file, a data frame, or the inputs X (n, n_inputs).
        target: The name of the column to predict, or of several; for X the targets y, (n,) or (n, n_targets).
        minutes: The time that everything may take.
        folder: The folder of the trainings, the model and the numbers; results/runs/advise/TABLE-TARGET if None.
        kind: "regression" or "classification" for a file; "auto" takes text for classes.
        budgets: Numbers of parameters; those that suit the rows if None.
        seeds: The number of starts of every shape.
        optimizer: What trains, such as `Adam(rates=(0.01,))`. None is Levenberg-Marquardt, or L-BFGS for classes.
        workers: Processes that train side by side; 0 is one per core, 1 trains in this process.
        progress: Whether plan, progress and answer are printed to standard error.

    Returns:
        The advice: `answer`, `error`, `model`, the file that `KANRegressor.load` or `KANClassifier.load` reads, and
        `numbers`.

    Raises:
        ValueError: The table or an argument cannot be used; nothing has been written.

    Example:
        advice = advise("my.csv", "y", minutes=2)
        model = KANRegressor.load(advice.model)
    """
    started = time.perf_counter()
    require(isinstance(seeds, int) and seeds >= 1, "seeds", "must be a whole number of at least 1", seeds)
    task = _task(table, target, kind)
    place = folder_of(task) if folder is None else Path(folder).expanduser()
    config = _config(task, place, seeds, _optimizer(optimizer, task), workers)
    command = ("python", "-c", "import kanbench; kanbench.advise(...)")
    asked = None if budgets is None else tuple(budgets)
    request = Request(config, minutes, command, asked, is_fixed=seeds != 3, fresh=True)
    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, quiet=not progress)
    return advise_on(request, console, started)


def _config(task: TableTask, folder: Path, seeds: int, optimizer: Optimizer, workers: int) -> Config:
    return checked(
        Config(
            name=folder.name,
            folder=folder,
            methods=(MLPMethod(),),
            suite=Suite("table", task.name, (task,)),
            tasks=(task,),
            sizes=Shares(),
            budgets=(LARGE,),
            seeds=tuple(range(seeds)),
            optimizer=optimizer,
            trainer=TrainerConfig(workers=workers),
            logger=LoggerConfig(),
            vary=Vary.initialization,
            search=Search(trials=6, least=3, first_seeds=Search.first_seeds_of(seeds)),
        )
    )


def _optimizer(given: Optimizer | None, task: TableTask) -> Optimizer:
    """Return the optimizer that was given, or that for such targets. Raises `ValueError` unless it can train them."""
    optimizer = given or (LBFGS() if task.classes else LevenbergMarquardt())
    named = next((name for name, kind in OPTIMIZERS.items() if isinstance(optimizer, kind)), None)
    require(named is not None, "optimizer", "must be an Optimizer such as LBFGS()", optimizer)
    check_gradings((task,), str(named))
    return optimizer


def folder_of(task: Task) -> Path:
    """Return the folder of the advice on a table, which has the names of the table and the target."""
    target = getattr(task, "target", "")
    name = "-".join([task.name, *([target] if isinstance(target, str) else target)])
    return FOLDER / re.sub(r"[^\w.=+-]|^\.", "_", name, flags=re.ASCII)[:LONGEST]


def _task(table: Any, target: Any, kind: str) -> TableTask:
    if target is None:
        raise ValueError("target must be the column to predict, or the targets y of the inputs X")
    is_named = isinstance(target, str) or (isinstance(target, list) and all(isinstance(each, str) for each in target))
    if isinstance(table, str | Path):
        return read_table(Path(table), target, kind=chosen(Kind, "kind", kind))
    return (
        frame_task("frame", table, target)
        if is_named and hasattr(table, "columns")
        else array_task("arrays", table, target)
    )
