"""What a run logs where, by `logger.kind`."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from lightning.pytorch.loggers import CSVLogger, Logger

from kanbench.cells import Cell
from kanbench.config.read import Config
from kanbench.loggers.content import aggregate, training
from kanbench.loggers.settings import LoggerKind
from kanbench.report.run_report import Report
from kanbench.store.record import CellRecord


class RunLogger:
    """Logs every cell of a run, and its report.

    csv: learning curves below <results>/<name>/csv/<cell>, written while a cell is trained.
    wandb: below <results>/<name>/wandb one run per cell, written from its finished record, one per report, and, if
    asked for, one with the metrics of the machine. Finished records are all that is needed, and so cells that were
    trained before are logged too, once.
    """

    def __init__(self, config: Config, command: str) -> None:
        self.config, self.command = config, command
        self.runs = None
        if config.logger.kind is LoggerKind.wandb:
            from kanbench.loggers.runs import Runs

            self.runs = Runs(config.folder, config.logger)

    def of_training(self, cell: Cell) -> Logger | None:
        """What Lightning logs to while the cell is trained; may be called in a worker process."""
        if self.config.logger.kind is LoggerKind.csv:
            return CSVLogger(self.config.folder, name="csv", version=cell.key)
        return None

    @contextmanager
    def while_training(self) -> Iterator[None]:
        """Around the training of all cells, once the worker processes are there; W&B starts threads."""
        metrics = self.config.logger.system_metrics
        with self.runs.watching(self.config.name, self.command) if self.runs and metrics else nullcontext():
            yield

    def log_record(self, record: CellRecord) -> None:
        """A cell that is finished or failed."""
        if self.runs is not None:
            self.runs.write(training(record, self.config.name, self.config.logger.project))

    def log_report(self, report: Report) -> None:
        """The loss-vs-parameter curve of the run: the answer, its tables, its chart, its figures."""
        if self.runs is not None:
            content = aggregate(report, self.config.name, self.config.logger.project, self.command)
            self.runs.write(content, report)
