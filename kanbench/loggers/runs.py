"""Runs of W&B, each written once, whole, and with nothing that costs time."""

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
    """The ids of the runs that were written to their end, in a file that processes may share."""

    def __init__(self, path: Path) -> None:
        self.path, self.ids, self.read = path, set[str](), 0

    @contextmanager
    def claim(self, id: str) -> Iterator[bool]:
        """Whether `id` is new; if so, and if the block ends well, it is noted. One process at a time."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+", encoding="utf-8", errors="replace") as file:  # a damaged line is the id of no run
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(self.read)
            self.ids.update(file.read().split())
            self.read = file.tell()
            yield (new := id not in self.ids)
            if new:
                file.write(f"{id}\n")


@contextmanager
def staged_in(folder: Path) -> Iterator[None]:
    """Tables wait for their upload there instead of in the home folder, so that it is all that `wandb sync` needs."""
    before = os.environ.get("WANDB_DATA_DIR")
    os.environ["WANDB_DATA_DIR"] = str(folder.resolve())
    try:
        yield
    finally:
        del os.environ["WANDB_DATA_DIR"]
        os.environ |= {"WANDB_DATA_DIR": before} if before is not None else {}


class Runs:
    """Writes runs below <folder>/wandb: to be uploaded by `wandb sync`, or online at once."""

    def __init__(self, folder: Path, config: LoggerConfig) -> None:
        self.folder, self.config, self.ledger = folder, config, Ledger(folder / "wandb" / LEDGER)
        logging.getLogger("wandb").setLevel(logging.ERROR)

    def write(self, content: Content, report: Report | None = None) -> None:
        """One run, unless it was written before; what is left of one that was cut short goes."""
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
        """A run that samples the metrics of the machine while the block lasts: one per execution."""
        moment = pd.Timestamp.now(tz="UTC").isoformat()
        about = {"experiment": name, "command": command}
        run = self._start(Content(digest(name, command, moment), moment, name, "system", [], about), metrics=True)
        try:
            yield
        finally:
            run.finish()

    def _start(self, content: Content, metrics: bool = False) -> Any:
        """Without the list of installed packages, the machine and git, which cost ten times all the rest."""
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
        """Tables of all records and of the summary, the curve as metrics, as a chart and as pictures."""
        run.define_metric("params")
        run.define_metric("error/*", step_metric="params")
        for row in report.summary.sort_values("params").itertuples():
            run.log({"params": row.params, f"error/{row.method}": row.error})
        curve = report.summary[list(CHART_FIELDS)].dropna(subset="error")
        run.log(
            {
                "records": _table(report.records),
                "summary": _table(report.summary),
                "loss_vs_parameters": self._chart(curve),
            }
            | {f"figures/{path.stem}": wandb.Image(str(path)) for path in report.figures}
        )

    def _chart(self, curve: pd.DataFrame) -> Any:
        """Log-log by our own preset where the entity is known; otherwise W&B's lines through the logarithms."""
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
    """A table of W&B, with None for what is not there: it takes no NA of pandas, and NaN for numbers only."""
    return wandb.Table(dataframe=frame.astype(object).where(frame.notna(), None))


def _log10(values: pd.Series) -> list[float]:
    return [float(value) for value in np.log10(values)]
