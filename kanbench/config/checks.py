"""Checks of a config before anything is written or trained."""

import dataclasses
from collections.abc import Iterator

from kanbench.bases import Basis
from kanbench.bases.own import is_own
from kanbench.cells import Vary
from kanbench.cells.basis_contract import findings_of_basis
from kanbench.cells.contract import check_contract
from kanbench.cells.subject import ContractFault
from kanbench.config.config import Config
from kanbench.config.equations import check_equations
from kanbench.data import EquationTask, Grading, Shares, SplitSizes, Task, sample
from kanbench.errors import ConfigError
from kanbench.methods import BudgetTooSmall, NetworkMethod, solve_nodes
from kanbench.methods.own import OwnFault, OwnMethod
from kanbench.training import LOSSES, OPTIMIZERS

LARGEST_BUDGET = 100_000_000


def checked(config: Config, elsewhere: bool = False) -> Config:
    """Return a config that can be run; raises `ConfigError` for one that cannot, before anything is written.

    A run that starts `elsewhere` is not refused for devices, cores or a compiler that this machine lacks.
    """
    _check_data(config)
    _check_order(config)
    _check_shapes(config)
    if config.search:
        _check_search(config)
    config = dataclasses.replace(config, findings=_check_models(config))
    if equations := [task for task in config.tasks if isinstance(task, EquationTask)]:
        check_equations(config, equations)
    if not config.search and not _has_fixed(config):
        _check_sizes(config)
    _check_stages(config)
    _check_compile(config)
    if not elsewhere:
        _check_machine(config)
    return config


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


def shapes_of(tasks: tuple[Task, ...]) -> tuple[tuple[int, int], ...]:
    """Return the numbers of inputs and outputs of tasks, each once."""
    return tuple(dict.fromkeys((task.n_inputs, task.grading.n_outputs) for task in tasks))


def _check_models(config: Config) -> tuple[str, ...]:
    """Run the contract of models from elsewhere for every number of inputs and outputs; return remarks on them."""
    remarks = []
    shapes = shapes_of(config.tasks)
    for method in _checked_methods(config):
        for n_in, n_out in shapes:
            try:
                remarks += check_contract(method, n_in, n_out, config.trainer.precision.dtype)
            except ContractFault as fault:
                raise ConfigError(f"model: {fault}") from fault
    return tuple(dict.fromkeys([*remarks, *_check_bases(config)]))


def _checked_methods(config: Config) -> list[NetworkMethod]:
    """Return the methods, and of models from elsewhere in a search one for each list of arguments that it tries."""
    methods = list(config.methods)
    if config.search:
        own = [cell.method for cell in config.cells() if isinstance(cell.method, OwnMethod)]
        methods += {(method.name, str(method.kwargs)): method for method in reversed(own)}.values()
    return list(dict.fromkeys(methods))


def _check_bases(config: Config) -> Iterator[str]:
    """Run the contract of bases of the user's own; yield remarks on them."""
    parts = (getattr(method, name) for method in config.methods for name in method.parts())
    for basis in dict.fromkeys(part for part in parts if isinstance(part, Basis) and is_own(type(part))):
        for finding in findings_of_basis(basis):
            if finding.is_fault:
                raise ConfigError(f"basis: {type(basis).__name__}: {finding.said}")
            if finding.is_remark:
                yield f"{type(basis).__name__}: {finding.said}"


def _check_sizes(config: Config) -> None:
    """A budget that no method reaches on any task is a mistake, not a result."""
    for budget in config.budgets:
        for method in config.methods:
            if not any(_fits(method, task, budget) for task in config.tasks):
                least = min(method.count(task.n_inputs, method.depth, task.grading.n_outputs) for task in config.tasks)
                raise ConfigError(
                    f"budget.targets: {budget} is too small for {method.label} on every task; "
                    f"its smallest model has {least} parameters"
                )


def _has_fixed(config: Config) -> bool:
    return any(method.hidden is not None for method in config.methods)


def _check_shapes(config: Config) -> None:
    """A shape that is given is no shape to search, and has a number of parameters that fits into memory."""
    if not _has_fixed(config):
        return
    if config.search:
        raise ConfigError(
            "model.hidden: must be null with search=shapes, which sets depths and widths at a budget; "
            "leave out one of the two"
        )
    try:
        sizes = {count: task.name for task in config.tasks for count in config.fixed(task).values()}
    except OwnFault as fault:
        raise ConfigError(f"model: {fault}") from fault
    if (largest := max(sizes)) > LARGEST_BUDGET:
        raise ConfigError(
            f"model.hidden: must give at most {LARGEST_BUDGET:,} parameters, got {largest:,} on {sizes[largest]}"
        )


def _check_search(config: Config) -> None:
    """A search that could not compare anything is refused."""
    search = config.search
    assert search is not None
    lines = [method.line for method in config.methods]
    if twice := [line for line in lines if lines.count(line) > 1]:
        raise ConfigError(f"search: two of the methods are {twice[0]} of any depth and size, which is one search")
    if search.halves(config.optimizer) and search.first_seeds > len(config.seeds):
        raise ConfigError(
            f"search.first_seeds: must be at most the number of seeds, {len(config.seeds)}, got {search.first_seeds}"
        )
    try:
        trained = [cell for cell in config.cells() if cell.search is not None]
    except OwnFault as fault:
        raise ConfigError(f"model: {fault}") from fault
    except ValueError as error:
        raise ConfigError(f"model.{error}") from error
    if not any(cell.search.number for cell in trained if cell.search):
        of_first = trained[0].search
        assert of_first is not None
        raise ConfigError(f"search: {of_first.reason}, and so it is at every task and budget; search.least takes fewer")


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
        solve_nodes(method, task.n_inputs, budget, task.grading.n_outputs)
    except BudgetTooSmall:
        return False
    except OwnFault as fault:
        raise ConfigError(f"model: {method.label}: {fault}") from fault
    return True
