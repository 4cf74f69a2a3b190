"""The boundary where YAML becomes typed, frozen dataclasses. Nothing else reads the config."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from kanbench.bases import Basis, OwnBasis
from kanbench.cells import Precision, Search, Vary
from kanbench.config.checks import LARGEST_BUDGET, check_gradings, check_rows, checked, shapes_of
from kanbench.config.config import Config, ReportKind
from kanbench.config.equations import with_degrees
from kanbench.config.options import home_of
from kanbench.config.references import read_references
from kanbench.config.settings import TrainerConfig
from kanbench.config.typed import choice, listed, only, scalar, typed
from kanbench.data import TASKS, Conditions, Shares, SplitSizes, Suite, SuiteSettings, Task, TaskSettings
from kanbench.errors import ConfigError, UnknownName, are, require_name
from kanbench.files.stored_names import current_word
from kanbench.loggers.settings import LoggerConfig
from kanbench.methods import METHODS, KANMethod, NetworkMethod
from kanbench.store.plan import Shard
from kanbench.training import OPTIMIZERS

if TYPE_CHECKING:
    from kanbench.systems import System

ANOTHER = "baseline.basis=chebyshev, say, gives the baseline another basis"
MOST_SEEDS, LARGEST_SEED = 10_000, 10**12


def read_config(node: DictConfig, elsewhere: bool = False) -> Config:
    """The composed YAML as a `Config`; raises `ConfigError`.

    A run that starts `elsewhere` is not refused for devices, cores or a compiler that this machine lacks.
    """
    _refuse_missing(node)
    _refuse_unknown(node)
    name = _name(node)
    n_seeds, first_seed = scalar(node, "seeds", int), scalar(node, "first_seed", int)
    if not 1 <= n_seeds <= MOST_SEEDS:
        raise ConfigError(f"seeds: must be at least 1 and at most {MOST_SEEDS:,}, got {n_seeds}")
    if not 0 <= first_seed <= LARGEST_SEED:
        raise ConfigError(f"first_seed: must be at least 0 and at most {LARGEST_SEED:,}, got {first_seed}")
    if not scalar(node, "results", str).strip():
        raise ConfigError("results: must name a folder, got ''")
    suite, tasks = _tasks(node.data)
    node = with_degrees(node, tasks)
    baseline = [] if node.baseline.name == "none" else [_method(node, "baseline")]
    optimizer_kind = choice(OPTIMIZERS, node.optimizer.name, "optimizer.name")
    grading = check_gradings(tasks, node.optimizer.name)
    model = _method(node, "model")
    alone = f"model and baseline are the same method, {model.label}: nothing is compared; {ANOTHER}"
    config = Config(
        name=name,
        folder=Path(scalar(node, "results", str)) / name,
        methods=tuple(dict.fromkeys([model, *baseline])),
        suite=suite,
        tasks=tasks,
        sizes=_sizes(node.data, tasks[0]),
        budgets=_budgets(node.budget),
        seeds=tuple(range(first_seed, first_seed + n_seeds)),
        optimizer=typed(optimizer_kind, node.optimizer, "optimizer"),
        trainer=typed(TrainerConfig, node.trainer, "trainer"),
        logger=typed(LoggerConfig, node.logger, "logger"),
        references=read_references(node, grading.references, _budgets(node.budget)),
        conditions=typed(Conditions, only(node.data, *CONDITIONS), "data"),
        vary=choice({each.name: each for each in Vary}, current_word(scalar(node, "vary", str)), "vary"),
        shard=_shard(node),
        retrain=scalar(node, "retrain", bool),
        report=choice({each.value: each for each in ReportKind}, scalar(node, "report", str), "report"),
        remark=alone if baseline == [model] else "",
        repeated=_repeated(node.budget.targets),
        search=_search(node, n_seeds),
    )
    return checked(config, elsewhere)


def read_model(node: DictConfig) -> tuple[NetworkMethod, tuple[tuple[int, int], ...], Precision]:
    """The model of a composed YAML, the numbers of inputs and outputs of its tasks, each once, and the precision.

    Raises `ConfigError`.
    """
    _refuse_missing(node)
    _refuse_unknown(node)
    _, tasks = _tasks(node.data)
    node = with_degrees(node, tasks)
    return _method(node, "model"), shapes_of(tasks), typed(TrainerConfig, node.trainer, "trainer").precision


def read_tasks(node: DictConfig) -> tuple[Task, ...]:
    """The tasks of a composed YAML that a run would train; raises `ConfigError`."""
    _refuse_missing(node)
    _refuse_unknown(node)
    return _tasks(node.data)[1]


def read_system(node: DictConfig) -> "System":
    """The system of a composed YAML that names one; raises `ConfigError`."""
    from kanbench.systems import SYSTEMS  # formulas and pictures, which no other run needs

    _refuse_unknown(node)
    _name(node)
    return typed(choice(SYSTEMS, node.system.name, "system.name"), node.system, "system")


SIZES = ("train", "validation", "test")
PARTS = {"basis", "aggregation"}  # groups of which the baseline may have one of its own
CONDITIONS = tuple(each.name for each in dataclasses.fields(Conditions))
KEYS = {
    "": ("basis", "aggregation", "model", "baseline", "data", "optimizer", "budget", "trainer", "logger", "system",
         "name", "results", "seeds", "first_seed", "references", "unknowns", "retrain", "vary", "report",
         "shard", "search"),
    "budget": ("name", "targets"),
    "aggregation": ("name",),
}  # fmt: skip


def _refuse_unknown(node: DictConfig) -> None:
    """A key that nothing reads is a mistake; nodes that have a schema are checked by `typed`."""
    for path, known in KEYS.items():
        for key in (OmegaConf.select(node, path) or ()) if path else node:
            if key not in known:
                raise ConfigError(f"{path or 'config'}: {UnknownName('key', str(key), known)}")
    own = [each.name for each in dataclasses.fields(_kind_of_tasks(node.data))]
    known = ("name", *own, *SIZES, *CONDITIONS)
    for key in map(str, node.data):
        if key not in known:
            unknown = f"data: {UnknownName('key', key, known)}"
            raise ConfigError(f"{home}; ~data.{key} takes it out" if (home := home_of("data", key)) else unknown)


GROUPS = ("basis", "aggregation", "model", "baseline", "data", "optimizer", "budget", "trainer", "logger")


def _refuse_missing(node: DictConfig) -> None:
    """A config of one's own may lack a group, or what names the choice in it."""
    for group in GROUPS:
        if not OmegaConf.is_dict(node.get(group)) or not isinstance(node[group].get("name"), str):
            raise ConfigError(f"{group}.name: must say which {group} is meant; {group}=... on the command line chooses")


def _method(node: DictConfig, group: str) -> NetworkMethod:
    content = node[group]
    if content.name not in METHODS:
        known = " or ".join([*METHODS, *["none"] * (group == "baseline")])
        raise ConfigError(f"{group}.name: must be {known}, got {content.name!r}")
    kind = METHODS[content.name]
    for name in PARTS & set(content) - kind.parts().keys():
        able = " or ".join(f"{group}={word}" for word, each in METHODS.items() if name in each.parts())
        raise ConfigError(f"{group}.{name}: {group}={content.name} has no {name}; {able} has one")
    parts = {
        name: _part(content[name], f"{group}.{name}", known)
        if name in content  # else it is that of both
        else _part(node[name], name, known)
        for name, known in kind.parts().items()
    }
    return typed(kind, only(content, *(key for key in content if key not in parts)), group, **parts)


def _part(node: DictConfig, path: str, known: Mapping[str, type | Enum]) -> Any:
    """Return what the node of a config group chooses: a member of an enumeration, or a dataclass with settings."""
    if not OmegaConf.is_dict(node) or not isinstance(node.get("name"), str):
        raise ConfigError(f"{path}.name: must say which {path.rpartition('.')[2]} is meant; {path}=... chooses")
    chosen = choice(known, node.name, f"{path}.name")
    made = typed(chosen, node, path) if isinstance(chosen, type) else chosen
    if not isinstance(made, OwnBasis):
        return made
    if not made.target:
        raise ConfigError(f"{path}.target: must name your basis, as {path}=own {path}.target=my.py:Sinc")
    try:
        return made.made()
    except ValueError as error:
        raise ConfigError(f"{path}.{error}") from error


def read_basis(node: DictConfig) -> Basis:
    """The basis of a composed YAML; raises `ConfigError`."""
    _refuse_missing(node)
    node = with_degrees(node, ())
    basis: Basis = _part(node.basis, "basis", KANMethod.parts()["basis"])
    return basis


def _kind_of_tasks(node: DictConfig) -> type[TaskSettings]:
    """Return the settings of the kind that `data.name` names; every other name is that of a suite."""
    if node.name not in TASKS and "suite" not in node:
        raise ConfigError(f"data.name: {UnknownName('kind of task', str(node.name), TASKS)}")
    return TASKS.get(node.name, SuiteSettings)


def _tasks(node: DictConfig) -> tuple[Suite, tuple[Task, ...]]:
    """Return the suite that the config means, and the tasks of it that are trained."""
    kind = _kind_of_tasks(node)
    given = [each for each in dataclasses.fields(kind) if each.name in node]
    given = [each for each in given if not OmegaConf.is_missing(node, each.name)]
    for each in given:
        if isinstance(each.default, tuple):
            listed(node, each.name, "data")
    settings = typed(kind, only(node, *(each.name for each in given)), "data")
    try:
        suite = settings.read()
        return suite, settings.choose(suite)
    except ValueError as error:
        raise ConfigError(f"data.{error}") from error


def _sizes(node: DictConfig, task: Task) -> SplitSizes | Shares:
    return check_rows(typed(task.splits, only(node, *SIZES), "data"))


def _budgets(node: DictConfig) -> tuple[int, ...]:
    targets = listed(node, "targets", "budget")
    if not targets or not all(type(t) is int and 0 < t <= LARGEST_BUDGET for t in targets):
        raise ConfigError(
            f"budget.targets: must be a list of positive integers up to {LARGEST_BUDGET:,}, got {targets!r}"
        )
    return tuple(dict.fromkeys(targets))


def _repeated(budgets: Sequence[int]) -> str:
    twice = [str(budget) for budget, times in Counter(budgets).items() if times > 1]
    return f"{' and '.join(twice)} {are(len(twice))} listed more than once and trained once" if twice else ""


def _search(node: DictConfig, n_seeds: int) -> Search | None:
    """Return the settings of the search of shapes, or None; a config of one's own may lack the group."""
    if "search" not in node:
        return None
    if not OmegaConf.is_dict(node.search) or not isinstance(node.search.get("name"), str):
        raise ConfigError("search.name: must be none or shapes; search=shapes on the command line chooses")
    kind = choice({"none": None, "shapes": Search}, node.search.name, "search.name")
    if kind is None:
        _refuse_settings(node.search)
        return None
    settings = deepcopy(node.search)
    if settings.get("first_seeds") == "auto":
        settings.first_seeds = Search.first_seeds_of(n_seeds)
    return typed(kind, settings, "search")


def _refuse_settings(search: DictConfig) -> None:
    for key in map(str, search):
        if key != "name":
            raise ConfigError(f"search.{key}: search=none has no {key}; search=shapes has one")


def _name(node: DictConfig) -> str:
    name = scalar(node, "name", str)
    try:
        require_name("name:", name)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return name


def _shard(node: DictConfig) -> Shard:
    text = scalar(node, "shard", str)
    try:
        return Shard.parse(text)
    except ValueError as error:
        raise ConfigError(f"shard: {error}") from error
