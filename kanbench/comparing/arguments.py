"""The arguments of `compare` as parts of a config, and faults of the config in the words of these arguments."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from kanbench.cells import Search, Vary
from kanbench.config.checks import check_gradings, check_rows
from kanbench.config.read import LARGEST_SEED, MOST_SEEDS
from kanbench.data import SplitSizes, Task
from kanbench.errors import ConfigError, UnknownName, require_name, shown
from kanbench.methods import METHODS, MLPMethod, NetworkMethod
from kanbench.training import OPTIMIZERS, Optimizer

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


@contextmanager
def in_words_of_python() -> Iterator[None]:
    """Raise faults of configs as errors that name the arguments of `compare`."""
    try:
        yield
    except ConfigError as error:
        text = str(error)
        for key, argument in ARGUMENTS.items():
            text = text.replace(key, argument)
        raise ValueError(text) from error


def methods_of(given: Iterable[NetworkMethod]) -> tuple[NetworkMethod, ...]:
    """Return the methods, of which each has a label of its own."""
    if isinstance(given, NetworkMethod):
        given = [given]
    methods = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    kinds = ", ".join(kind.__name__ for kind in METHODS.values())
    for method in methods:
        if not isinstance(method, NetworkMethod):
            raise TypeError(f"methods must be a list of {kinds}, got {shown(method)}")
    if not methods:
        raise ValueError(f"methods must be a list of {kinds}, got none")
    methods = tuple(map(as_config, methods))
    labels = [method.label for method in methods]
    for label in labels:
        if labels.count(label) > 1:
            raise ValueError(f"methods: {label} is there {labels.count(label)} times; labels must differ")
    return methods


def baseline_of(
    methods: tuple[NetworkMethod, ...], names: Sequence[str], given: NetworkMethod | str | None
) -> str | None:
    """Return the name of the baseline, or None for a single method; a search names methods without their shape."""
    name_of = {method.label: name for method, name in zip(methods, names, strict=True)}
    if given is not None:
        label = as_config(given).label if isinstance(given, NetworkMethod) else str(given)
        if label not in name_of and label not in names:
            raise UnknownName("baseline", label, names)
        return name_of.get(label, label)
    if len(methods) == 1:
        return None
    mlps = [name for method, name in zip(methods, names, strict=True) if isinstance(method, MLPMethod)]
    return mlps[-1] if mlps else names[-1]


def search_of(given: Search | str | None, n_seeds: int) -> Search | None:
    """Return the settings of a search of shapes, or None without one."""
    if given in (None, "none"):
        return None
    if given == "shapes":
        return Search(first_seeds=Search.first_seeds_of(n_seeds))
    if isinstance(given, str):
        raise UnknownName("search", given, ["none", "shapes"])
    if not isinstance(given, Search):
        raise TypeError(f"search must be a name or a Search, got {shown(given)}")
    return given


def folder_of(given: str | Path) -> Path:
    """Return the folder of a run, whose last part is the name of the run."""
    if not isinstance(given, str | Path):
        raise TypeError(f"folder must be a path, got {shown(given)}")
    folder = Path(given).expanduser()
    require_name("folder: its last part", folder.name)
    return folder


def integers(name: str, given: Any, least: int, most: int) -> tuple[int, ...]:
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


def seeds_of(given: int | Iterable[int]) -> tuple[int, ...]:
    """Return the seeds, which are 0, 1, .. where their number is given."""
    if isinstance(given, Iterable):
        return integers("seeds", given, 0, LARGEST_SEED)
    return tuple(range(*integers("seeds", given, 1, MOST_SEEDS)))


def sizes_of(tasks: Sequence[Task], **rows: float | None) -> Any:
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


def as_config(settings: Any) -> Any:
    """Return a dataclass as a config would make it, so that keys are the same: 1 as a float is 1.0, a list a tuple."""
    changes: dict[str, Any] = {}
    hints = get_type_hints(type(settings))
    for name, kind in ((each.name, hints[each.name]) for each in fields(settings) if each.compare):
        value = getattr(settings, name)
        if kind is float and type(value) is int:
            changes[name] = float(value)
        elif get_origin(kind) is tuple and isinstance(value, list):
            changes[name] = tuple(value)
        elif is_dataclass(value) and (typed := as_config(value)) is not value:
            changes[name] = typed
    return replace(settings, **changes) if changes else settings


def optimizer_of(given: Optimizer | str, tasks: tuple[Task, ...]) -> Optimizer:
    """Return an optimizer that can minimize the loss of all tasks."""
    if isinstance(given, str):
        if given not in OPTIMIZERS:
            raise UnknownName("optimizer", given, OPTIMIZERS)
        given = OPTIMIZERS[given]()  # type: ignore[call-arg]
    if not isinstance(given, Optimizer):
        raise TypeError(f"optimizer must be a name or an optimizer, got {shown(given)}")
    check_gradings(tasks, next((name for name, kind in OPTIMIZERS.items() if kind is type(given)), "this optimizer"))
    return as_config(given)


def vary_of(given: str) -> Vary:
    """Return the randomness of this name."""
    if given not in Vary.__members__:
        raise UnknownName("vary", str(given), Vary.__members__)
    return Vary[given]
