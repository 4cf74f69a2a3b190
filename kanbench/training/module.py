"""The LightningModule that trains an ensemble."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from torch import Tensor

from kanbench.training.ensemble import Ensemble
from kanbench.training.optimizer import Optimizer

Batch = tuple[Tensor, Tensor]  # x (members, n, n_in), y (members, n): every member's whole split


class EnsembleModule(LightningModule):
    """One `training_step` is `steps_per_check` optimiser steps of all members: Lightning's own loop costs as much per
    step as a tiny model's whole step.

    Each look at the validation split keeps the best theta of every member so far; `best_theta` is the result, and
    `best_loss` its mean squared error there, infinite for a member that never had a finite one.
    """

    def __init__(
        self, ensemble: Ensemble, optimizer: Optimizer, rates: Tensor, orders: Sequence[torch.Generator]
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.ensemble, self.optimizer, self.orders = ensemble, optimizer, orders
        self.register_buffer("rates", rates)
        self.register_buffer("best_theta", ensemble.start.clone())
        self.register_buffer("best_loss", torch.full_like(rates, torch.inf))
        self.rates: Tensor
        self.best_theta: Tensor
        self.best_loss: Tensor

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Nothing for Lightning to step: `training_step` does it by hand."""
        return []

    def on_fit_start(self) -> None:
        self.state = self.optimizer.start(self.ensemble, self.best_theta, self.rates, self.orders)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        first = batch_idx * self.optimizer.steps_per_check
        steps = min(self.optimizer.steps_per_check, self.optimizer.total_steps - first)
        self.optimizer.advance(self.ensemble, self.state, *batch, steps)
        if self.state.done.all():
            self.trainer.should_stop = True

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        theta = self.state.theta
        losses = self.ensemble.losses(theta, *batch)
        better = losses < self.best_loss  # False for NaN
        self.best_theta[better] = theta[better]
        self.best_loss[better] = losses[better]
        self.validation_losses = losses
        if self.trainer.loggers:
            self.log_dict({f"validation_mse/member_{i}": loss for i, loss in enumerate(losses)})


@dataclass(frozen=True)
class Repeated:
    """One batch over and over, as an epoch that Lightning can iterate over."""

    batch: Batch
    times: int

    def __len__(self) -> int:
        return self.times

    def __iter__(self) -> Iterator[Batch]:
        return repeat(self.batch, self.times)


@dataclass(frozen=True)
class Curve:
    """A short learning curve: validation MSE of each member, of the standardised target, at each check."""

    steps: list[int]
    validation_mse: list[list[float]]  # (checks, members)


class CurveRecorder(Callback):
    """Collects the learning curve of a training."""

    def __init__(self) -> None:
        self.curve = Curve([], [])

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, EnsembleModule)
        done = (trainer.fit_loop.batch_idx + 1) * pl_module.optimizer.steps_per_check
        self.curve.steps.append(min(done, pl_module.optimizer.total_steps))
        self.curve.validation_mse.append(pl_module.validation_losses.tolist())


def fit(
    module: EnsembleModule, train: Batch, validation: Batch, *, accelerator: str, precision: str, logger: Logger | None
) -> Curve:
    """Train `module` in place; it sees the training and the validation split and nothing else."""
    checks = -(-module.optimizer.total_steps // module.optimizer.steps_per_check)
    recorder = CurveRecorder()
    _silence_lightning()
    trainer = Trainer(
        accelerator=accelerator,
        devices=1,
        precision=precision,  # type: ignore[arg-type]
        logger=logger or False,
        callbacks=[recorder],
        max_epochs=1,
        val_check_interval=1,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    try:
        trainer.fit(module, Repeated(train, checks), Repeated(validation, 1))
    except SystemExit as stop:  # Lightning's answer to Ctrl-C
        raise KeyboardInterrupt from stop
    return recorder.curve


def _silence_lightning() -> None:
    """Lightning greets every Trainer with hints that do not apply to hundreds of short trainings in one process."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*`training_step` returned `None`.*")
    warnings.filterwarnings("ignore", message=".*GPU available but not used.*")
    warnings.filterwarnings("ignore", message=".*srun.*")
