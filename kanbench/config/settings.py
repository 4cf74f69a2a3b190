"""Settings of the trainer: where and how cells are trained."""

import os
import shutil
from dataclasses import dataclass
from enum import StrEnum

from kanbench.cells import Precision
from kanbench.errors import require, require_finite
from kanbench.workers.devices import visible_gpus

MOST_WORKERS = 16  # for each core


class Accelerator(StrEnum):
    """The device that trains; auto is CUDA where there is one."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


@dataclass(frozen=True)
class TrainerConfig:
    """`workers`: processes that train cells side by side, 0 for one per core.

    On GPUs: `devices` are trained on, 0 for all that are visible, each worker on one of them in turn; `workers` is
    the number over all of them, 0 for one per GPU.
    `threads`: of torch in each worker; one keeps results independent of the number of workers.
    `checkpoint_seconds`: how often a training is saved, so that it can go on after a kill; 0: never.
    `compile`: gradients through torch.compile, for Adam and SGD; it needs a C++ compiler. Records say nothing of it:
    it changes them by rounding.
    """

    accelerator: Accelerator = Accelerator.auto
    precision: Precision = Precision.double
    devices: int = 0
    workers: int = 0
    threads: int = 1
    checkpoint_seconds: float = 60.0
    compile: bool = False

    def __post_init__(self) -> None:
        require_finite(self)
        require(self.devices >= 0, "devices", "must not be negative (0: all)", self.devices)
        require(self.workers >= 0, "workers", "must not be negative (0: one per core)", self.workers)
        require(self.threads >= 1, "threads", "must be at least 1", self.threads)
        pause = self.checkpoint_seconds
        require(pause >= 0, "checkpoint_seconds", "must not be negative (0: never)", pause)

    def check_here(self) -> None:
        """Raise `ValueError` for what this machine does not have; a run asks it where it starts."""
        compilers = [os.environ.get("CXX", "g++"), "clang++"]
        if self.compile and not any(map(shutil.which, compilers)):
            raise ValueError(f"compile needs a C++ compiler, {' or '.join(compilers)} on the PATH; allowed here: false")
        seen = 0 if self.accelerator is Accelerator.cpu else len(visible_gpus())
        if self.accelerator is Accelerator.cuda and not seen:
            raise ValueError("accelerator is cuda, but no CUDA device is there; allowed here: auto, cpu")
        sees = f"must be 0 (all) to {seen}, the GPUs that are visible" if seen else "must be 0 without a GPU"
        require(self.devices <= seen, "devices", sees, self.devices)
        cores = len(os.sched_getaffinity(0))
        require(self.threads <= cores, "threads", f"must be at most {cores}, the cores of this machine", self.threads)
        most = MOST_WORKERS * cores
        require(self.workers <= most, "workers", f"must be at most {most}, {MOST_WORKERS} for each core", self.workers)

    @property
    def resolved_accelerator(self) -> str:
        """cpu or cuda."""
        if self.accelerator is Accelerator.auto:
            return "cuda" if visible_gpus() else "cpu"
        return self.accelerator.value

    def workers_for(self, n_cells: int) -> int:
        """Processes for so many cells; on GPUs as many for any: once CUDA runs in this process, none can be forked."""
        if n_gpus := len(self.gpus):
            return self.workers or n_gpus
        cores = len(os.sched_getaffinity(0))
        return max(1, min(self.workers or cores // self.threads, n_cells))

    @property
    def gpus(self) -> tuple[str, ...]:
        """Names of the GPUs to train on, none on the CPU."""
        return visible_gpus()[: self.devices or None] if self.resolved_accelerator == "cuda" else ()
