"""Logging beside the records: nothing, CSV files, or Weights & Biases. The only module that imports wandb."""

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lightning.pytorch.loggers import CSVLogger, Logger

from kanbench.record import CellRecord
from kanbench.report import Report
from kanbench.training import Cell
from kanbench.training.cell import identity

if TYPE_CHECKING:
    from lightning.pytorch.loggers import WandbLogger

    from kanbench.config import Config


class CellLogger:
    """Logs every cell that is trained, and the report of the whole run, to what `logger.kind` names.

    csv: learning curves below <results>/<name>/csv/<cell>.
    wandb: one run per cell (group "<name>/<task>", job type "train") with the learning curve of every member and a
    table of the members, and one run per job (job type "aggregate") with the loss-vs-parameter curve; below
    <results>/<name>/wandb.
    """

    def __init__(self, config: "Config", command: str) -> None:
        self.config, self.command, self.kind = config, command, config.logger.kind
        self.current: WandbLogger | None = None

    def __enter__(self) -> Self:
        if self.kind == "wandb":
            _import_wandb()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    @contextmanager
    def cell(self, cell: Cell) -> Iterator[Logger | None]:
        """The Lightning logger for the training of one cell."""
        if self.kind == "csv":
            yield CSVLogger(self.config.folder, name="csv", version=cell.key)
        elif self.kind == "wandb":
            facts = identity(cell)
            run = self._start(
                id=cell.key,
                name=f"{facts['method']} {facts['task']} {cell.budget}",
                group=f"{self.config.name}/{cell.task.name}",
                job_type="train",
                tags=[self.config.suite.name, facts["basis"] or facts["activation"]],
                config=facts,
            )
            from lightning.pytorch.loggers import WandbLogger

            self.current = WandbLogger(experiment=run)
            try:
                yield self.current
            finally:
                self.current = None
                run.finish()
        else:
            yield None

    def log_members(self, record: CellRecord) -> None:
        """The members of the cell that is being logged, as a table and as summary values."""
        if self.current is None:
            return
        wandb = _import_wandb()
        columns = list(record.members[0])
        run = self.current.experiment
        run.log({"members": wandb.Table(columns, [[member[c] for c in columns] for member in record.members])})
        errors = [m["test_rel_l2"] for m in record.members if m["status"] == "ok"]
        run.summary.update(
            {
                "params": record.members[0]["params"],
                "test_rel_l2/median": statistics.median(errors) if errors else None,
                "test_rel_l2/best": min(errors) if errors else None,
                "failed": sum(member["status"] != "ok" for member in record.members),
            }
        )

    def log_report(self, report: Report) -> None:
        """The loss-vs-parameter curve of the run: its table, its points as a log-log line chart, its figures."""
        if self.kind != "wandb":
            return
        wandb = _import_wandb()
        run = self._start(
            name=f"{self.config.methods[0].label} aggregate",
            group=self.config.name,
            job_type="aggregate",
            tags=[self.config.suite.name],
            config={"command": self.command},
        )
        try:
            run.log({"summary": wandb.Table(dataframe=report.summary)})
            for row in report.summary.itertuples():
                run.log({"params": row.params, f"error/{row.method}": row.error})
            for path in report.files:
                if path.suffix == ".png":
                    run.log({path.stem: wandb.Image(str(path))})
        finally:
            run.finish()

    def _start(self, **about: Any) -> Any:
        wandb = _import_wandb()
        folder = self.config.folder / "wandb"
        folder.mkdir(parents=True, exist_ok=True)
        quiet = wandb.Settings(
            silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True, x_disable_meta=True
        )
        settings = {"project": self.config.logger.project, "mode": self.config.logger.mode}
        return wandb.init(dir=str(folder), reinit="create_new", settings=quiet, **settings, **about)


def _import_wandb() -> Any:
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    return wandb
