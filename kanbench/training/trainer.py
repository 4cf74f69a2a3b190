"""Lightning's loop around an `EnsembleModule`."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

from lightning import Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins.environments import LightningEnvironment

from kanbench.training.curve import Curve
from kanbench.training.module import EnsembleModule
from kanbench.training.rounds import Batch


@dataclass(frozen=True)
class Repeated:
    """One batch over and over, as an epoch that Lightning can iterate over."""

    batch: Batch
    times: int

    def __len__(self) -> int:
        return self.times

    def __iter__(self) -> Iterator[Batch]:
        return repeat(self.batch, self.times)


def fit(
    module: EnsembleModule,
    train: Batch,
    validation: Batch,
    *,
    accelerator: str,
    precision: str,
    logger: Logger | None,
    callbacks: Sequence[Callback] = (),
    until: int | None = None,
) -> Curve:
    """Train `module` in place; it sees the training and the validation split and nothing else.

    With `until`, the training pauses at the first check after so many steps.
    """
    _silence_lightning()
    module.until = until
    trainer = Trainer(
        accelerator=accelerator,
        devices=1,
        precision=precision,  # type: ignore[arg-type]
        logger=logger or False,
        callbacks=list(callbacks),
        max_epochs=1,
        val_check_interval=1,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        plugins=LightningEnvironment(),  # inside a Slurm job it would take the job's tasks for its own
    )
    try:
        n_checks = 0 if module.is_at(until) else len(module.plan) - module.position
        trainer.fit(module, Repeated(train, n_checks), Repeated(validation, 1))
    except SystemExit as stop:  # Lightning's answer to Ctrl-C
        raise KeyboardInterrupt from stop
    return module.curve


def _silence_lightning() -> None:
    """Lightning greets every Trainer with hints that do not apply to hundreds of short trainings in one process."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*`training_step` returned `None`.*")
    warnings.filterwarnings("ignore", message=".*GPU available but not used.*")
    warnings.filterwarnings("ignore", message=".*srun.*")
    warnings.filterwarnings("ignore", message="Total length of .* is zero.*")  # of a training that had ended
