"""Logging beside the records: nothing, CSV files, or Weights & Biases. The only module that imports wandb."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger

from kanbench.config import Config, ConfigError
from kanbench.record import CellRecord
from kanbench.report import Report
from kanbench.training import Cell
from kanbench.training.cell import identity


@dataclass(frozen=True)
class CellLog:
    """Where one cell is logged: its training through Lightning, and then its record."""

    lightning: Logger | None = None
    run: Any = None  # of W&B

    def members(self, record: CellRecord) -> None:
        """The members of the cell, as a table and as summary values."""
        if self.run is None:
            return
        import wandb

        columns: list[str | int] = list(record.members[0])
        rows = [[member.get(str(column)) for column in columns] for member in record.members]
        self.run.log({"members": wandb.Table(columns, rows)})
        errors = [member["test_rel_l2"] for member in record.members if member["status"] == "ok"]
        self.run.summary.update(
            {
                "params": record.members[0].get("params"),
                "test_rel_l2/median": statistics.median(errors) if errors else None,
                "test_rel_l2/best": min(errors, default=None),
                "failed": sum(member["status"] in ("diverged", "failed") for member in record.members),
            }
        )


class CellLogger:
    """Logs every cell that is trained, and the report of the whole run, to what `logger.kind` names.

    csv: learning curves below <results>/<name>/csv/<cell>.
    wandb: one run per cell (group "<name>/<task>", job type "train") with the learning curve of every member and a
    table of the members, and one run per job (job type "aggregate") with the loss-vs-parameter curve; below
    <results>/<name>/wandb.
    """

    def __init__(self, config: Config, command: str) -> None:
        self.config, self.command, self.kind = config, command, config.logger.kind

    @contextmanager
    def cell(self, cell: Cell) -> Iterator[CellLog]:
        """The log of one cell, closed at the end."""
        if self.kind == "csv":
            yield CellLog(CSVLogger(self.config.folder, name="csv", version=cell.key))
        elif self.kind == "wandb":
            from lightning.pytorch.loggers import WandbLogger

            facts = identity(cell)
            with self._start(
                id=cell.key,
                name=f"{facts['method']} {facts['task']} {cell.budget}",
                group=f"{self.config.name}/{cell.task.name}",
                job_type="train",
                tags=[self.config.suite.name, facts["basis"] or facts["activation"] or facts["method"]],
                config=facts,
            ) as run:
                yield CellLog(WandbLogger(experiment=run), run)
        else:
            yield CellLog()

    def log_report(self, report: Report) -> None:
        """The loss-vs-parameter curve of the run: its table, its points, its figures."""
        if self.kind != "wandb":
            return
        import wandb

        with self._start(
            name=f"{self.config.methods[0].label} aggregate",
            group=self.config.name,
            job_type="aggregate",
            tags=[self.config.suite.name],
            config={"command": self.command},
        ) as run:
            run.log({"summary": wandb.Table(dataframe=report.summary)})
            for row in report.summary.itertuples():
                run.log({"params": row.params, f"error/{row.method}": row.error})
            for path in report.figures:
                run.log({path.stem: wandb.Image(str(path))})

    def _start(self, **about: Any) -> Any:
        """A W&B run; as a context it finishes itself, as failed if an exception leaves it."""
        import wandb

        folder = self.config.folder / "wandb"
        folder.mkdir(parents=True, exist_ok=True)
        quiet = wandb.Settings(
            silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True, x_disable_meta=True
        )
        about |= {"project": self.config.logger.project, "mode": self.config.logger.mode.value}
        try:
            return wandb.init(dir=folder, reinit="create_new", settings=quiet, **about)
        except wandb.errors.Error as error:
            raise ConfigError(f"logger: W&B does not start: {error}") from error
