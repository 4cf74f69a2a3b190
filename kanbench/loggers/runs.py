"""W&B runs, each written once and completely, without W&B's slow extras."""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import wandb

from kanbench.errors import ConfigError
from kanbench.loggers.content import Content, digest
from kanbench.loggers.dashboard import CHART, CHART_FIELDS
from kanbench.loggers.settings import LoggerConfig, WandbMode
from kanbench.report.run_report import Report

LEDGER = "logged.txt"


class Ledger:
    """The ids of completed W&B runs, in a file that processes may share."""

    def __init__(self, path: Path) -> None:
        self.path, self.ids, self.read = path, set[str](), 0

    @contextmanager
    def claim(self, id: str) -> Iterator[bool]:
        """Give True if `id` is new, and note it if the block ends without an error. One process at a time."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+", encoding="utf-8", errors="replace") as file:  # a damaged line is no id
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(self.read)
            self.ids.update(file.read().split())
            self.read = file.tell()
            yield (new := id not in self.ids)
            if new:
                file.write(f"{id}\n")


@contextmanager
def staged_in(folder: Path) -> Iterator[None]:
    """Keep tables that wait for upload in the folder, not in the home folder, so that `wandb sync` needs only it."""
    before = os.environ.get("WANDB_DATA_DIR")
    os.environ["WANDB_DATA_DIR"] = str(folder.resolve())
    try:
        yield
    finally:
        del os.environ["WANDB_DATA_DIR"]
        os.environ |= {"WANDB_DATA_DIR": before} if before is not None else {}


class Runs:
    """Writes W&B runs below <folder>/wandb: to be uploaded by `wandb sync`, or online at once."""

    def __init__(self, folder: Path, config: LoggerConfig) -> None:
        self.folder, self.config, self.ledger = folder, config, Ledger(folder / "wandb" / LEDGER)
        logging.getLogger("wandb").setLevel(logging.ERROR)

    def write(self, content: Content, report: Report | None = None) -> None:
        """Write one W&B run unless it exists already. Remains of an interrupted write are deleted first."""
        with self.ledger.claim(content.id) as new:
            if not new:
                return
            for rest in (self.folder / "wandb").glob(f"offline-run-*-{content.id}"):
                shutil.rmtree(rest)
            run = self._start(content)
            try:
                for step, numbers in content.history:
                    run.log(numbers, step=step)
                if report is not None:
                    with staged_in(self.folder / "wandb"):
                        self._log_report(run, report)
                run.summary.update(content.summary)
            finally:
                run.finish(exit_code=int(content.failed))

    @contextmanager
    def watching(self, name: str, command: str) -> Iterator[None]:
        """Sample the metrics of the machine during the block, into one W&B run per execution."""
        moment = pd.Timestamp.now(tz="UTC").isoformat()
        about = {"experiment": name, "command": command}
        run = self._start(Content(digest(name, command, moment), moment, name, "system", [], about), metrics=True)
        try:
            yield
        finally:
            run.finish()

    def _start(self, content: Content, metrics: bool = False) -> Any:
        """Start a W&B run without the package list, the machine and git, which take ten times as long as the rest."""
        settings = wandb.Settings(
            silent=True, console="off", disable_git=True, disable_code=True, disable_job_creation=True,
            x_disable_stats=not metrics, x_disable_meta=True, x_disable_machine_info=not metrics,
            x_save_requirements=False,
        )  # fmt: skip
        online = self.config.mode is WandbMode.online
        try:
            return wandb.init(
                dir=self.folder, project=self.config.project, entity=self.config.entity or None,
                mode="online" if online else "offline", reinit="create_new", settings=settings,
                resume="allow" if online else None,
                id=content.id, name=content.name, group=content.group, job_type=content.job_type,
                tags=[tag[:64] for tag in content.tags], config=content.config,
            )  # fmt: skip
        except wandb.errors.Error as error:
            raise ConfigError(f"logger: W&B does not start: {error}") from error

    def _log_report(self, run: Any, report: Report) -> None:
        """Log tables of all records and of the summary, and the curve as metrics, as a chart and as pictures."""
        run.define_metric("params")
        run.define_metric("error/*", step_metric="params")
        for row in report.result.summary.sort_values("params").itertuples():
            run.log({"params": row.params, f"error/{row.method}": row.error})
        curve = report.result.summary[list(CHART_FIELDS)].dropna(subset="error")
        run.log(
            {
                "records": _table(report.result.records),
                "summary": _table(report.result.summary),
                "loss_vs_parameters": self._chart(curve),
            }
            | {f"figures/{path.stem}": wandb.Image(str(path)) for path in report.figures}
        )

    def _chart(self, curve: pd.DataFrame) -> Any:
        """Draw a log-log chart by kanbench's preset if the entity is known, else by W&B's lines in logarithms."""
        if self.config.entity:
            table, fields = _table(curve), {name: name for name in CHART_FIELDS}
            return wandb.plot_table(f"{self.config.entity}/{CHART}", table, fields)
        lines = [(str(method), line.sort_values("params")) for method, line in curve.groupby("method")]
        return wandb.plot.line_series(
            xs=[_log10(line.params) for _, line in lines],
            ys=[_log10(line.error) for _, line in lines],
            keys=[method for method, _ in lines],
            title="log10 of the relative error on test",
            xname="log10 of the parameters",
        )


def _table(frame: pd.DataFrame) -> Any:
    """Convert to a W&B table with None for missing values: it accepts no NA of pandas, and NaN only among numbers."""
    return wandb.Table(dataframe=frame.astype(object).where(frame.notna(), None))


def _log10(values: pd.Series) -> list[float]:
    return [float(value) for value in np.log10(values)]
