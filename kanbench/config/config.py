"""A run as types: what the YAML becomes, and what `compare` makes of its arguments."""

from dataclasses import dataclass
from enum import StrEnum, auto
from pathlib import Path

from kanbench.cells import Cell, Vary
from kanbench.config.settings import TrainerConfig
from kanbench.data import CLEAN, Conditions, Shares, SplitSizes, Suite, Task
from kanbench.loggers.settings import LoggerConfig
from kanbench.methods import Method, NetworkMethod, Reference
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
