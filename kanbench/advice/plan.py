"""The plan of an advice: the networks that may be tried on a table, and as many of them as a time allows."""

import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from kanbench.bases import RBF, BSpline, Chebyshev, Fourier, Taylor
from kanbench.cells import Cell, admissible
from kanbench.config.config import Config
from kanbench.data import TableTask
from kanbench.errors import ConfigError, counted
from kanbench.methods import KANMethod, MLPMethod, NetworkMethod
from kanbench.methods.budget import MARKED_MISS

FAMILIES: tuple[NetworkMethod, ...] = (  # in the order in which a short time takes them
    MLPMethod(),
    *(KANMethod(basis=basis) for basis in (Taylor(), BSpline(), Chebyshev(), RBF(), Fourier())),
)
BUDGETS = (30, 100, 300, 1000)
USUAL = 100  # the budget that is tried first, or the one nearest to it
NEAR = (1.0, 1.1, 0.9, 1.2, 0.8)  # a budget moves to where most families have shapes
ROWS_PER_PARAMETER = 3
LEAST_TEST = 20  # rows of the test split
MOST_TRAINED = 10_000  # rows of the training split, unless data.train asks for more
FEW_SHAPES, FEW_STARTS = 3, 1  # where the time does not even allow two families of the usual numbers


@dataclass(frozen=True)
class Trials:
    """One family at one budget: the cells of its shapes, which are searched together."""

    family: str
    budget: int
    cells: tuple[Cell, ...]

    def __str__(self) -> str:
        return f"{self.family} at {self.budget:,}"


@dataclass(frozen=True)
class Scarce:
    """A family with too few shapes near a budget."""

    family: str
    budget: int

    def __str__(self) -> str:
        return f"{self.family} at {self.budget:,} (too few shapes)"


@dataclass(frozen=True)
class Plan:
    """Everything that could be tried, in the order in which it is, and what a table has no networks for."""

    trials: tuple[Trials, ...]
    scarce: tuple[Scarce, ...]
    most: int  # parameters that the rule allows


def plan_for(config: Config, budgets: Sequence[int] | None) -> Plan:
    """Return the plan for the only task of a config, with its search and its seeds.

    Args:
        config: The config of which methods and budgets are replaced.
        budgets: The budgets that the user asks for, or None for those that suit the rows.

    Raises:
        ConfigError: The table is too small, or no two families have networks that its rows allow.
    """
    task = table_of(config)
    rows = task.rows(config.sizes)
    if rows.test < LEAST_TEST:
        raise ConfigError(
            f"data: {counted(rows.test, 'test row')} of {task.n_rows:,} rows cannot tell two models apart; at least "
            f"{LEAST_TEST} are needed, as more rows or a larger data.test"
        )
    most = rows.train // ROWS_PER_PARAMETER
    trials, scarce = list[Trials](), list[Scarce]()
    for budget in _suitable(config, most) if budgets is None else budgets:
        shapes = _shapes(config, budget)
        able = {method: n for method, n in shapes.items() if n >= _least(config)}
        if len(able) > 1 or budgets is not None:
            scarce += [Scarce(method.line, budget) for method in shapes if method not in able]
        if len(able) > 1:
            trials += _of_budget(config, tuple(able), budget)
    if not trials:
        allowed = f"allow {most:,} parameters, one for every {ROWS_PER_PARAMETER} of them, and"
        raise ConfigError(
            f"data: {rows.train:,} training rows {allowed if budgets is None else 'are enough, but'} no two families "
            f"have networks of {counted(task.n_inputs, 'input')} {'so small' if budgets is None else 'of that size'}; "
            "budget.targets=[100], say, asks for others"
        )
    return Plan(tuple(trials), tuple(scarce), most)


def table_of(config: Config) -> TableTask:
    """Return the only task of a config. Raises `ConfigError` if it is no table, or not alone."""
    task, *others = config.tasks
    if others or not isinstance(task, TableTask):
        raise ConfigError("data: advise takes one table, data.path=my.csv data.target=y")
    return task


def with_fewer_rows(config: Config) -> Config:
    """Return a config with at most `MOST_TRAINED` training rows, since many rows take long and change little."""
    rows = table_of(config).rows(config.sizes)
    if rows.train <= MOST_TRAINED:
        return config
    return replace(config, sizes=replace(config.sizes, train=MOST_TRAINED))


def in_time(
    trials: Iterable[Trials], seconds: float, workers: int, cost: Callable[[Trials], float]
) -> Iterator[Trials]:
    """Yield those that so many workers finish in a time, taken in their order by whoever is free first."""
    free = [0.0] * workers
    for each in trials:
        end = free[0] + cost(each)
        if end <= seconds:
            heapq.heapreplace(free, end)
            yield each


def with_few(config: Config) -> Config:
    """Return a config that tries few shapes, with one start each."""
    assert config.search is not None
    shapes = min(config.search.trials, FEW_SHAPES)
    search = replace(config.search, trials=shapes, least=min(config.search.least, shapes), first_seeds=FEW_STARTS)
    return replace(config, seeds=config.seeds[:FEW_STARTS], search=search)


def _suitable(config: Config, most: int) -> list[int]:
    """Return the budgets that the rows allow, the usual one first; the largest allowed if none is near it."""
    most = int(most / (1.0 + MARKED_MISS))  # networks come within this share of a budget
    allowed = [budget for budget in BUDGETS if budget <= most]
    if not any(2 * budget > most for budget in allowed) and most < max(BUDGETS):
        allowed.append(most)
    allowed.sort(key=lambda budget: abs(math.log(max(budget, 1) / USUAL)))
    return list(dict.fromkeys(_moved(config, budget, most) for budget in allowed))


def _moved(config: Config, budget: int, most: int) -> int:
    """Return the budget nearby at which most families have shapes enough."""
    near = [round(budget * factor) for factor in NEAR if 1 <= round(budget * factor) <= most] or [budget]
    return max(near, key=lambda each: sum(n >= _least(config) for n in _shapes(config, each).values()))


def _shapes(config: Config, budget: int) -> dict[NetworkMethod, int]:
    """Return how many shapes each family has within 5 % of a budget, as far as they are tried."""
    assert config.search is not None
    found = {}
    for method in FAMILIES:
        (cell,) = replace(config, methods=(method,), budgets=(budget,), search=None).cells()
        found[method] = len(admissible(cell, config.search.trials))
    return found


def _least(config: Config) -> int:
    assert config.search is not None
    return config.search.least


def _of_budget(config: Config, methods: tuple[NetworkMethod, ...], budget: int) -> Iterator[Trials]:
    cells = replace(config, methods=methods, budgets=(budget,)).cells()
    for method in methods:
        yield Trials(method.line, budget, tuple(cell for cell in cells if cell.name == method.line))
