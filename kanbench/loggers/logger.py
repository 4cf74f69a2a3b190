"""What a run logs where, by `logger.kind`."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger, Logger

from kanbench.loggers.content import aggregate, training
from kanbench.loggers.settings import LoggerConfig, LoggerKind
from kanbench.report.run_report import Report
from kanbench.store.record import CellRecord


class RunLogger:
    """Logs every cell of a run, and its report.

    csv: learning curves below <results>/<name>/csv/<cell>, written while a cell is trained.
    wandb: below <results>/<name>/wandb one run per cell, written from its finished record, one per report, and, if
    asked for, one with the metrics of the machine. Finished records are all that is needed, and so cells that were
    trained before are logged too, once.
    """

    def __init__(self, settings: LoggerConfig, name: str, folder: Path, command: str) -> None:
        """Args: the settings of `logger.*`, the name of the run, its folder, and the command that makes it."""
        self.settings, self.name, self.folder, self.command = settings, name, folder, command
        self.runs = None
        if settings.kind is LoggerKind.wandb:
            from kanbench.loggers.runs import Runs

            self.runs = Runs(folder, settings)

    def of_training(self, key: str) -> Logger | None:
        """The logger that Lightning uses while the cell of this key is trained; may be called in a worker process."""
        if self.settings.kind is LoggerKind.csv:
            return CSVLogger(self.folder, name="csv", version=key)
        return None

    @contextmanager
    def while_training(self) -> Iterator[None]:
        """Around the training of all cells, once the worker processes are there; W&B starts threads."""
        metrics = self.settings.system_metrics
        with self.runs.watching(self.name, self.command) if self.runs and metrics else nullcontext():
            yield

    def log_record(self, record: CellRecord) -> None:
        """A cell that is finished or failed."""
        if self.runs is not None:
            self.runs.write(training(record, self.name, self.settings.project))

    def log_report(self, report: Report) -> None:
        """The loss-vs-parameter curve of the run: the answer, its tables, its chart, its figures."""
        if self.runs is not None:
            content = aggregate(report, self.name, self.settings.project, self.command)
            self.runs.write(content, report)
