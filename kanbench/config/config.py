"""A run as types: what the YAML becomes, and what `compare` makes of its arguments."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, auto
from pathlib import Path

from kanbench.cells import Cell, Search, Vary
from kanbench.config.settings import TrainerConfig
from kanbench.data import CLEAN, Conditions, Shares, SplitSizes, Suite, Task
from kanbench.loggers.settings import LoggerConfig
from kanbench.methods import Method, NetworkMethod, Solver, references_of
from kanbench.methods.reference import EQUATION
from kanbench.store.plan import WHOLE, Shard
from kanbench.training import Optimizer


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
    references: tuple[Method, ...] = ()
    conditions: Conditions = CLEAN
    vary: Vary = Vary.all
    shard: Shard = WHOLE
    retrain: bool = False  # the cells that other code than today's has trained
    report: ReportKind = ReportKind.none
    remark: str = ""  # about what is compared, for who starts the run
    repeated: str = ""  # a remark on budgets that are listed more than once
    findings: tuple[str, ...] = ()  # remarks of the contract of models from elsewhere
    search: Search | None = None  # of shapes

    @property
    def names(self) -> list[str]:
        """The names of the methods in tables: those of their searches, if shapes are searched."""
        return [method.line if self.search else method.curve for method in self.methods]

    def cells(self) -> list[Cell]:
        """All cells, each once: methods innermost, so that a run that is cut short can still be compared."""
        every = [cell for task in self.tasks for cell in self._of_task(task)]
        return list({cell.key: cell for cell in every}.values())

    def _of_task(self, task: Task) -> Iterator[Cell]:
        yield from (self._cell(task, reference, 0) for reference in self._references(task))
        fixed = self.fixed(task)
        for budget in dict.fromkeys(fixed.values()) or self.budgets:
            cells = [self._cell(task, method, budget) for method in self.methods if fixed.get(method, budget) == budget]
            yield from self.search.cells(cells) if self.search else cells

    def _references(self, task: Task) -> tuple[Method, ...]:
        """Return the references of a task; of fixed shapes there are solvers with as many unknowns as parameters."""
        unknowns = [each.unknowns for each in self.references if isinstance(each, Solver)]
        return references_of(EQUATION, tuple(self.fixed(task).values()), unknowns) if unknowns else self.references

    def fixed(self, task: Task) -> dict[NetworkMethod, int]:
        """Return the number of parameters at a task of every method whose shape is fixed.

        Where there are such methods, these numbers are the budgets of the others too, in place of `budgets`.
        """
        n_in, n_out = task.n_inputs, task.grading.n_outputs
        return {each: each.count(n_in, sum(each.hidden), n_out) for each in self.methods if each.hidden is not None}

    def _cell(self, task: Task, method: Method, budget: int) -> Cell:
        return Cell(
            self.name, self.suite.name, task, method, budget, self.seeds, self.optimizer, self.sizes,
            self.trainer.precision, self.conditions, self.vary,
        )  # fmt: skip
