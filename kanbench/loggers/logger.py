"""The logger of a run, chosen by `logger.kind`."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger, Logger

from kanbench.loggers.content import aggregate, training
from kanbench.loggers.settings import LoggerConfig, LoggerKind, WandbMode
from kanbench.report.run_report import Report
from kanbench.store.record import CellRecord


class RunLogger:
    """Logs every cell of a run, and the report on it.

    csv: learning curves below <results>/<name>/csv/<cell>, written while a cell is trained.
    wandb: below <results>/<name>/wandb one W&B run per cell, written from its finished record, one per report, and, if
    asked for, one with the metrics of the machine. Finished records are enough, so cells that were trained before are
    logged too, once.
    """

    def __init__(self, settings: LoggerConfig, name: str, folder: Path, command: str) -> None:
        """Create a logger from the settings of `logger.*`, the name of the run, its folder, and its command."""
        self.settings, self.name, self.folder, self.command = settings, name, folder, command
        self.runs = None
        if settings.kind is LoggerKind.wandb:
            from kanbench.loggers.runs import Runs

            self.runs = Runs(folder, settings)

    @property
    def places(self) -> list[str]:
        """Lines that say where the log of the run is, and how runs that wait for upload are sent."""
        if self.settings.kind is LoggerKind.csv and (self.folder / "csv").is_dir():  # of newly trained cells alone
            return [f"log       {self.folder / 'csv'}"]
        if self.runs is not None and self.settings.mode is WandbMode.offline:
            return [f"wandb     wandb sync {self.folder / 'wandb' / 'offline-run-*'}"]
        return []

    def of_training(self, key: str) -> Logger | None:
        """Return Lightning's logger for the training of the cell with this key; may be called in a worker process."""
        if self.settings.kind is LoggerKind.csv:
            return CSVLogger(self.folder, name="csv", version=key)
        return None

    @contextmanager
    def while_training(self) -> Iterator[None]:
        """Log the machine during the block. Enter it when the worker processes have started, as W&B starts threads."""
        metrics = self.settings.system_metrics
        with self.runs.watching(self.name, self.command) if self.runs and metrics else nullcontext():
            yield

    def log_record(self, record: CellRecord) -> None:
        """Log a cell that is finished or failed."""
        if self.runs is not None:
            self.runs.write(training(record, self.name, self.settings.project))

    def log_report(self, report: Report) -> None:
        """Log the report of the run: the answer, the tables, the chart and the figures."""
        if self.runs is not None:
            content = aggregate(report.result, self.name, self.settings.project, self.command)
            self.runs.write(content, report)
