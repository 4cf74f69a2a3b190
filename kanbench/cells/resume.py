"""A training that was killed goes on from a file, to the numbers that it would have reached undisturbed."""

import io
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from kanbench.files.sealed import Damaged, Seal
from kanbench.training.module import EnsembleModule
from kanbench.workers import stopping

SEAL = Seal("training", format=1)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResumeFile:
    """The file that a training is saved to, at most once in `every` seconds. A short training is never saved."""

    path: Path
    every: float

    def read(self) -> dict[str, Any] | None:
        """Return what was written last, or None. A damaged file is named in the log and ignored."""
        try:
            saved = torch.load(io.BytesIO(SEAL.read(self.path)), map_location="cpu", weights_only=True)
            return {name: saved[name] for name in ("module", "seconds")} | saved
        except FileNotFoundError:
            return None
        except Damaged as fault:
            log.warning("its training starts again: %s", fault)
        except Exception as fault:  # content that means nothing to torch ends in almost any
            log.warning("its training starts again: %s: not a training (%s)", self.path, type(fault).__name__)
        return None

    def write(self, content: dict[str, Any]) -> None:
        file = io.BytesIO()
        torch.save(content, file)
        SEAL.write(self.path, file.getvalue())

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


class Resumption(Callback):
    """Lets a module go on from its file, if there is one, and saves it there while it trains.

    `code` is the hash of the code that trains; a training that other code began starts again. `earlier` are the seconds
    that the training took before.
    """

    def __init__(self, file: ResumeFile, module: EnsembleModule, code: str) -> None:
        self.file, self.code, self.earlier = file, code, 0.0
        saved = file.read()
        if saved is not None and saved.get("code", code) != code:
            log.warning("its training starts again: %s was written by other code than today's", file.path)
            saved = None
        if saved is not None:
            module.resume(saved["module"])
            self.earlier = saved["seconds"]
        self.started = self.last = time.perf_counter()

    @property
    def is_due(self) -> bool:
        """True if the file is older than it may be."""
        return time.perf_counter() - self.last >= self.file.every

    def begin(self, seconds: float) -> None:
        """Note that a part of the training begins, after so many seconds of earlier parts."""
        self.earlier, self.started = seconds, time.perf_counter()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if stopping.is_deferred():
            stopping.listen()  # Lightning has put a handler of its own before it, which ends a training unsaved

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, EnsembleModule)
        now = time.perf_counter()
        if (self.is_due or stopping.is_asked()) and not pl_module.is_over:
            self.save(pl_module, self.earlier + now - self.started)
            stopping.check()

    def save(self, module: EnsembleModule, seconds: float) -> None:
        """Write the state of a training to its file; a file that cannot be written is named in the log."""
        try:
            self.file.write({"module": module.pack(), "seconds": seconds, "code": self.code})
        except OSError as fault:
            log.warning("a training is not saved, and goes on: %s", fault)
        self.last = time.perf_counter()
