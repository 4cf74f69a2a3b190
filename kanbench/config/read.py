"""The boundary where YAML becomes typed, frozen dataclasses. Nothing else reads the config."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from kanbench.bases import Basis, OwnBasis
from kanbench.bases.own import hash_of
from kanbench.cells import Cell, Precision, Vary
from kanbench.cells.basis_contract import findings_of_basis
from kanbench.cells.contract import ContractFault, check_contract
from kanbench.config.options import home_of
from kanbench.config.settings import TrainerConfig
from kanbench.config.typed import choice, listed, only, scalar, typed
from kanbench.data import (
    CLEAN,
    TASKS,
    Conditions,
    Grading,
    Shares,
    SplitSizes,
    Suite,
    SuiteSettings,
    Task,
    TaskSettings,
    sample,
)
from kanbench.errors import ConfigError, UnknownName, are, require_name
from kanbench.files.stored_names import current_word
from kanbench.loggers.settings import LoggerConfig
from kanbench.methods import (
    METHODS,
    REFERENCES,
    BudgetTooSmall,
    KANMethod,
    Method,
    NetworkMethod,
    Reference,
    solve_width,
)
from kanbench.methods.own import OwnFault
from kanbench.store.plan import WHOLE, Shard
from kanbench.training import LOSSES, OPTIMIZERS, Optimizer

if TYPE_CHECKING:
    from kanbench.systems import System

LARGEST_BUDGET = 100_000_000
ANOTHER = "baseline.basis=chebyshev, say, gives the baseline another basis"
MOST_SEEDS, LARGEST_SEED = 10_000, 10**12


class ReportKind(StrEnum):
    """The further output of a run beside its tables and figures."""

    none = auto()
    html = auto()


@dataclass(frozen=True)
class Config:
    """A run: every method on every task at every budget."""

    name: str
    folder: Path
    methods: tuple[NetworkMethod, ...]
    suite: Suite
    tasks: tuple[Task, ...]
    sizes: SplitSizes | Shares
    budgets: tuple[int, ...]
    seeds: tuple[int, ...]
    optimizer: Optimizer
    trainer: TrainerConfig
    logger: LoggerConfig
    references: tuple[Reference, ...] = ()
    conditions: Conditions = CLEAN
    vary: Vary = Vary.all
    shard: Shard = WHOLE
    retrain: bool = False  # the cells that other code than today's has trained
    report: ReportKind = ReportKind.none
    remark: str = ""  # about what is compared, for who starts the run
    repeated: str = ""  # a remark on budgets that are listed more than once
    findings: tuple[str, ...] = ()  # remarks of the contract of models from elsewhere

    def cells(self) -> list[Cell]:
        """All cells, each once: methods innermost, so that a run that is cut short can still be compared."""
        compared: list[tuple[Method, int]] = [(reference, 0) for reference in self.references]
        compared += [(method, budget) for budget in self.budgets for method in self.methods]
        every = [
            Cell(
                self.name, self.suite.name, task, method, budget, self.seeds, self.optimizer, self.sizes,
                self.trainer.precision, self.conditions, self.vary,
            )
            for task in self.tasks
            for method, budget in compared
        ]  # fmt: skip
        return list({cell.key: cell for cell in every}.values())


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
        references=REFERENCES[grading.references] if scalar(node, "references", bool) else (),
        conditions=typed(Conditions, only(node.data, *CONDITIONS), "data"),
        vary=choice({each.name: each for each in Vary}, current_word(scalar(node, "vary", str)), "vary"),
        shard=_shard(node),
        retrain=scalar(node, "retrain", bool),
        report=choice({each.value: each for each in ReportKind}, scalar(node, "report", str), "report"),
        remark=alone if baseline == [model] else "",
        repeated=_repeated(node.budget.targets),
    )
    return checked(config, elsewhere)


def checked(config: Config, elsewhere: bool = False) -> Config:
    """Return a config that can be run; raises `ConfigError` for one that cannot, before anything is written.

    A run that starts `elsewhere` is not refused for devices, cores or a compiler that this machine lacks.
    """
    _check_data(config)
    _check_order(config)
    config = dataclasses.replace(config, findings=_check_models(config))
    _check_sizes(config)
    _check_stages(config)
    _check_compile(config)
    if not elsewhere:
        _check_machine(config)
    return config


def read_model(node: DictConfig) -> tuple[NetworkMethod, tuple[tuple[int, int], ...], Precision]:
    """The model of a composed YAML, the numbers of inputs and outputs of its tasks, each once, and the precision.

    Raises `ConfigError`.
    """
    _refuse_missing(node)
    _refuse_unknown(node)
    _, tasks = _tasks(node.data)
    return _method(node, "model"), _shapes(tasks), typed(TrainerConfig, node.trainer, "trainer").precision


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
         "name", "results", "seeds", "first_seed", "references", "retrain", "vary", "report",
         "shard"),
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


def check_rows(sizes: SplitSizes | Shares) -> SplitSizes | Shares:
    """Return sizes of splits; raises `ConfigError` for a split without two rows."""
    if any(rows in (0, 1) for rows in dataclasses.astuple(sizes)):
        raise ConfigError(f"data: every split must have at least 2 rows, got {dataclasses.astuple(sizes)}")
    return sizes


def _check_data(config: Config) -> None:
    """Tables, wider ranges and tasks of the user's own are tried before anything is trained."""
    faults = {}
    for task in config.tasks:
        if config.suite.is_own or task.may_fail(config.conditions):
            try:
                for seed in config.seeds:
                    sample(task, seed, config.sizes, config.conditions)
            except ValueError as error:
                faults[task.name] = error
    if faults:
        others = f"; leave out of data.tasks: {', '.join(faults)}" if len(config.suite.tasks) > 1 else ""
        raise ConfigError(f"data: {next(iter(faults.values()))}{others}")


def _check_order(config: Config) -> None:
    if config.vary is Vary.order and not config.optimizer.shuffles:
        raise ConfigError("vary: order makes no difference, because the optimizer does not shuffle rows into batches")


def _budgets(node: DictConfig) -> tuple[int, ...]:
    targets = listed(node, "targets", "budget")
    if not targets or not all(type(t) is int and 0 < t <= LARGEST_BUDGET for t in targets):
        raise ConfigError(
            f"budget.targets: must be a list of positive integers up to {LARGEST_BUDGET:,}, got {targets!r}"
        )
    return tuple(dict.fromkeys(targets))


def _shapes(tasks: tuple[Task, ...]) -> tuple[tuple[int, int], ...]:
    """Return the numbers of inputs and outputs of tasks, each once."""
    return tuple(dict.fromkeys((task.n_inputs, task.grading.n_outputs) for task in tasks))


def _repeated(budgets: Sequence[int]) -> str:
    twice = [str(budget) for budget, times in Counter(budgets).items() if times > 1]
    return f"{' and '.join(twice)} {are(len(twice))} listed more than once and trained once" if twice else ""


def _check_models(config: Config) -> tuple[str, ...]:
    """Run the contract of models from elsewhere for every number of inputs and outputs; return remarks on them."""
    remarks = []
    shapes = _shapes(config.tasks)
    for method in config.methods:
        for n_in, n_out in shapes:
            try:
                remarks += check_contract(method, n_in, n_out, config.trainer.precision.dtype)
            except ContractFault as fault:
                raise ConfigError(f"model: {fault}") from fault
    return tuple(dict.fromkeys([*remarks, *_check_bases(config)]))


def _check_bases(config: Config) -> Iterator[str]:
    """Run the contract of bases of the user's own; yield remarks on them."""
    for basis in dict.fromkeys(method.basis for method in config.methods if isinstance(method, KANMethod)):
        for finding in findings_of_basis(basis) if hash_of(type(basis)) else ():
            if finding.is_fault:
                raise ConfigError(f"basis: {type(basis).__name__}: {finding.said}")
            if finding.is_remark:
                yield f"{type(basis).__name__}: {finding.said}"


def _check_sizes(config: Config) -> None:
    """A budget that no method reaches on any task is a mistake, not a result."""
    for budget in config.budgets:
        for method in config.methods:
            if not any(_fits(method, task, budget) for task in config.tasks):
                least = min(method.count(task.n_inputs, 1, task.grading.n_outputs) for task in config.tasks)
                raise ConfigError(
                    f"budget.targets: {budget} is too small for {method.label} on every task; "
                    f"its smallest model has {least} parameters"
                )


def check_gradings(tasks: tuple[Task, ...], optimizer: str) -> Grading:
    """Return how all tasks are graded; one optimizer must be able to minimize the loss of all of them."""
    first, *others = tasks
    for other in others:
        if other.grading.loss != first.grading.loss:
            raise ConfigError(
                f"data.tasks: {first.name} is trained by the loss {first.grading.loss} and {other.name} by "
                f"{other.grading.loss}; a run compares tasks of one kind"
            )
    loss = LOSSES[first.grading.loss]
    every = {name: kind() for name, kind in OPTIMIZERS.items()}  # type: ignore[call-arg]
    allowed = [name for name, each in every.items() if each.can_minimize(loss)]
    if optimizer not in allowed:
        raise ConfigError(
            f"optimizer: {optimizer} minimizes squared residuals, and tasks such as {first.name} have the loss "
            f"{loss.name}; choose {' or '.join(allowed)}"
        )
    return first.grading


def _check_compile(config: Config) -> None:
    able = [name for name, kind in OPTIMIZERS.items() if kind().trials != (None,)]  # type: ignore[call-arg]
    if config.trainer.compile and config.optimizer.trials == (None,):
        raise ConfigError(
            f"trainer.compile: compiles the gradients of {' and '.join(able)}; with "
            f"{type(config.optimizer).__name__} nothing would be compiled"
        )


def _check_machine(config: Config) -> None:
    try:
        config.trainer.check_here()
    except ValueError as error:
        raise ConfigError(f"trainer.{error}") from error


def _check_stages(config: Config) -> None:
    """Every stage of a method needs a step of the optimizer."""
    for method in config.methods:
        if config.optimizer.steps < len(method.stages):
            raise ConfigError(
                f"optimizer.steps: must be at least 1 for each of the {len(method.stages)} stages of {method.label}, "
                f"got {config.optimizer.steps}"
            )


def _fits(method: NetworkMethod, task: Task, budget: int) -> bool:
    try:
        solve_width(method, task.n_inputs, budget, task.grading.n_outputs)
    except BudgetTooSmall:
        return False
    except OwnFault as fault:
        raise ConfigError(f"model: {method.label}: {fault}") from fault
    return True


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
