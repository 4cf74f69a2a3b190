"""The harness from Python: `compare` trains methods on tasks and returns the result."""

import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import torch
from rich.console import Console

from kanbench.cells import Precision, Search, Vary
from kanbench.config.checks import LARGEST_BUDGET, check_gradings, check_rows, checked
from kanbench.config.config import Config
from kanbench.config.read import LARGEST_SEED, MOST_SEEDS
from kanbench.config.settings import Accelerator, TrainerConfig
from kanbench.data import Conditions, SplitSizes, Task
from kanbench.data.from_python import tasks_of
from kanbench.errors import ConfigError, UnknownName, chosen, counted, require_name, shown
from kanbench.loggers.settings import LoggerConfig
from kanbench.methods import METHODS, MLPMethod, NetworkMethod, references_of
from kanbench.report.result import Result
from kanbench.run.job import Job, job_of
from kanbench.run.running import execute
from kanbench.training import OPTIMIZERS, Optimizer
from kanbench.workers import stopping

ARGUMENTS = {  # keys in messages about configs: the arguments that they are here
    "budget.targets": "budgets",
    "data.tasks": "tasks",
    "optimizer.": "optimizer: ",
    "search.": "search: ",
    "trainer.": "",
    "results:": "folder:",
    "data:": "tasks:",
    "model.": "methods: ",
    "model:": "methods:",
    "baseline:": "methods:",
}


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
    compared = _methods(methods)
    suite, all_tasks = tasks_of(tasks, target)
    place = _folder(folder)
    targets = _integers("budgets", [budgets] if isinstance(budgets, int) else budgets, 1, LARGEST_BUDGET)
    with _in_words_of_python():
        config = checked(
            Config(
                name=place.name,
                folder=place,
                methods=compared,
                suite=suite,
                tasks=all_tasks,
                sizes=_sizes(all_tasks, train=train, validation=validation, test=test),
                budgets=targets,
                seeds=_seeds(seeds),
                optimizer=_optimizer(optimizer, all_tasks),
                trainer=TrainerConfig(
                    accelerator=chosen(Accelerator, "accelerator", accelerator),
                    precision=chosen(Precision, "precision", precision),
                    workers=workers,
                ),
                logger=LoggerConfig(),
                references=references_of(all_tasks[0].grading.references, targets) if references else (),
                conditions=_as_config(Conditions(noise, extrapolation)),
                vary=_vary(vary),
                retrain=retrain,
                search=_search(search),
            )
        )
        now = datetime.now().strftime("%Y-%m-%d_%H-%M-%S_%f")
        job = job_of(config, _command(), place / "jobs" / now)
        named = _baseline(compared, config.names, baseline)
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


@contextmanager
def _in_words_of_python() -> Iterator[None]:
    """Raise faults of configs as errors that name the arguments of `compare`."""
    try:
        yield
    except ConfigError as error:
        text = str(error)
        for key, argument in ARGUMENTS.items():
            text = text.replace(key, argument)
        raise ValueError(text) from error


def _methods(given: Iterable[NetworkMethod]) -> tuple[NetworkMethod, ...]:
    if isinstance(given, NetworkMethod):
        given = [given]
    methods = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    kinds = ", ".join(kind.__name__ for kind in METHODS.values())
    for method in methods:
        if not isinstance(method, NetworkMethod):
            raise TypeError(f"methods must be a list of {kinds}, got {shown(method)}")
    if not methods:
        raise ValueError(f"methods must be a list of {kinds}, got none")
    methods = tuple(map(_as_config, methods))
    labels = [method.label for method in methods]
    for label in labels:
        if labels.count(label) > 1:
            raise ValueError(f"methods: {label} is there {labels.count(label)} times; labels must differ")
    return methods


def _baseline(
    methods: tuple[NetworkMethod, ...], names: Sequence[str], given: NetworkMethod | str | None
) -> str | None:
    """Return the name of the baseline, or None for a single method; a search names methods without their shape."""
    name_of = {method.label: name for method, name in zip(methods, names, strict=True)}
    if given is not None:
        label = _as_config(given).label if isinstance(given, NetworkMethod) else str(given)
        if label not in name_of and label not in names:
            raise UnknownName("baseline", label, names)
        return name_of.get(label, label)
    if len(methods) == 1:
        return None
    mlps = [name for method, name in zip(methods, names, strict=True) if isinstance(method, MLPMethod)]
    return mlps[-1] if mlps else names[-1]


def _search(given: Search | str | None) -> Search | None:
    """Return the settings of a search of shapes, or None without one."""
    if given in (None, "none"):
        return None
    if given == "shapes":
        return Search()
    if isinstance(given, str):
        raise UnknownName("search", given, ["none", "shapes"])
    if not isinstance(given, Search):
        raise TypeError(f"search must be a name or a Search, got {shown(given)}")
    return given


def _folder(given: str | Path) -> Path:
    if not isinstance(given, str | Path):
        raise TypeError(f"folder must be a path, got {shown(given)}")
    folder = Path(given).expanduser()
    require_name("folder: its last part", folder.name)
    return folder


def _integers(name: str, given: Any, least: int, most: int) -> tuple[int, ...]:
    """Return integers, each once; raises TypeError for anything else and ValueError for those out of range."""
    values = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    for value in values:
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise TypeError(f"{name} must be an integer or a list of integers, got {shown(given)}")
        if not least <= value <= most:
            raise ValueError(f"{name} must be from {least} to {most:,}, got {shown(given)}")
    if not values:
        raise ValueError(f"{name} must hold at least one number, got none")
    return tuple(dict.fromkeys(map(int, values)))


def _seeds(given: int | Iterable[int]) -> tuple[int, ...]:
    if isinstance(given, Iterable):
        return _integers("seeds", given, 0, LARGEST_SEED)
    return tuple(range(*_integers("seeds", given, 1, MOST_SEEDS)))


def _sizes(tasks: Sequence[Task], **rows: float | None) -> Any:
    """Return the sizes of the splits, in the way that all tasks are split."""
    kinds = {task.splits: task.name for task in tasks}
    if len(kinds) > 1:
        raise ValueError(f"tasks: {' and '.join(kinds.values())} are split in different ways; compare them apart")
    (kind,) = kinds
    given = {name: value for name, value in rows.items() if value is not None}
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} must be a number of rows, got {shown(value)}")
        if value != int(value) and kind is SplitSizes:
            raise ValueError(f"{name} must be a whole number of rows, got {value}")
    number = int if kind is SplitSizes else float
    return check_rows(kind(**{name: number(value) for name, value in given.items()}))


def _as_config(settings: Any) -> Any:
    """Return a dataclass as a config would make it, so that keys are the same: 1 as a float is 1.0, a list a tuple."""
    changes: dict[str, Any] = {}
    hints = get_type_hints(type(settings))
    for name, kind in ((each.name, hints[each.name]) for each in fields(settings) if each.compare):
        value = getattr(settings, name)
        if kind is float and type(value) is int:
            changes[name] = float(value)
        elif get_origin(kind) is tuple and isinstance(value, list):
            changes[name] = tuple(value)
        elif is_dataclass(value) and (typed := _as_config(value)) is not value:
            changes[name] = typed
    return replace(settings, **changes) if changes else settings


def _optimizer(given: Optimizer | str, tasks: tuple[Task, ...]) -> Optimizer:
    """Return an optimizer that can minimize the loss of all tasks."""
    if isinstance(given, str):
        if given not in OPTIMIZERS:
            raise UnknownName("optimizer", given, OPTIMIZERS)
        given = OPTIMIZERS[given]()  # type: ignore[call-arg]
    if not isinstance(given, Optimizer):
        raise TypeError(f"optimizer must be a name or an optimizer, got {shown(given)}")
    check_gradings(tasks, next((name for name, kind in OPTIMIZERS.items() if kind is type(given)), "this optimizer"))
    return _as_config(given)


def _vary(given: str) -> Vary:
    if given not in Vary.__members__:
        raise UnknownName("vary", str(given), Vary.__members__)
    return Vary[given]


def _command() -> tuple[str, ...]:
    """Return what starts this program again, for messages about unfinished runs."""
    main = sys.modules["__main__"]
    if getattr(main, "__file__", None) and getattr(main, "__spec__", None) is None:
        return ("python", *sys.argv)
    return ("python", "-c", "import kanbench; kanbench.compare(...)")
