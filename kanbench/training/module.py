"""The LightningModule that trains an ensemble."""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import repeat
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins.environments import LightningEnvironment
from torch import Tensor, nn

from kanbench.training.ensemble import Ensemble
from kanbench.training.losses import Loss
from kanbench.training.optimizers.base import Optimizer

# members as modules, their inputs and their targets -> a number of every layer, by name
Statistics = Callable[[list[nn.Module], Tensor, Tensor], dict[str, list[float | None]]]
Batch = tuple[Tensor, Tensor]  # x (members, n, n_in), y (members, n): every member's whole split


@dataclass(frozen=True)
class Curve:
    """A short learning curve: the loss of each member on validation at each check; of the standardized target, if it
    is the mean squared error.

    `layers` is empty unless the module is given `statistics`: what these say of every layer on the training split.
    """

    steps: list[int] = field(default_factory=list)
    validation: list[list[float]] = field(default_factory=list)  # (checks, members)
    layers: dict[str, list[list[float | None]]] = field(default_factory=dict)  # (checks, layers)
    loss: str = Loss.mse.name

    def metrics(self, check: int) -> dict[str, float]:
        """All numbers of a check by name."""
        losses = {f"validation_{self.loss}/member_{i}": loss for i, loss in enumerate(self.validation[check])}
        return losses | {
            f"layer_{i}/{name}": number
            for name, checks in self.layers.items()
            for i, number in enumerate(checks[check])
            if number is not None
        }


class EnsembleModule(LightningModule):
    """One `training_step` is all optimizer steps of all members up to the next check: Lightning's own loop costs as
    much per step as a tiny model's whole step.

    Each look at the validation split keeps the best theta of every member so far; `best_theta` is the result, and
    `best_loss` its loss there, infinite for a member that never had a finite one.

    With `stages`, sizes of the basis of which `ensemble` has the first, each stage is a training of its own for its
    share of the steps, schedule of the learning rate included. It goes on from the functions that the one before it
    reached at its last step; the best ones so far are carried along. `ensemble` is that of the current stage.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        optimizer: Optimizer,
        rates: Tensor,
        orders: Sequence[torch.Generator],
        stages: Sequence[int] = (),
        *,
        statistics: Statistics | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.ensemble, self.orders, self.stages, self.stage = ensemble, orders, stages, 0
        self.of_stage = optimizer.split(max(1, len(stages)))
        self.plan = [(stage, steps) for stage, part in enumerate(self.of_stage) for steps in part.checks]
        self.curve, self.statistics = Curve(loss=ensemble.loss.name), statistics
        self.saved: dict[str, Any] | None = None
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
        self.state = self.of_stage[0].start(self.ensemble, self.best_theta, self.rates, self.orders)
        self.spent = torch.zeros_like(self.state.evaluations)
        if self.saved is not None:
            self._restore(self.saved)

    @property
    def evaluations(self) -> Tensor:
        """(members,), of all stages."""
        return self.spent + self.state.evaluations

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        stage, steps = self.plan[len(self.curve.steps)]
        if stage > self.stage:
            self._grow()
        self.of_stage[stage].advance(self.ensemble, self.state, *batch, steps)
        if self.statistics is not None:
            self._look_at_layers(self.statistics, *batch)
        if self.state.done.all() and stage == self.plan[-1][0]:
            self.trainer.should_stop = True

    def _look_at_layers(self, statistics: Statistics, x: Tensor, y: Tensor) -> None:
        for name, numbers in statistics(self.ensemble.members(self.state.theta), x, y).items():
            self.curve.layers.setdefault(name, []).append(numbers)

    def _grow(self) -> None:
        """Go on to the next stage."""
        self.stage += 1
        size, spent = self.stages[self.stage], self.evaluations
        self.best_theta = self.ensemble.extended(self.best_theta, size).start
        self.ensemble = self.ensemble.extended(self.state.theta, size)
        self.state = self.of_stage[self.stage].start(self.ensemble, self.ensemble.start, self.rates, self.orders)
        self.spent = spent

    @property
    def is_over(self) -> bool:
        return self.trainer.should_stop or len(self.curve.steps) == len(self.plan)

    def pack(self) -> dict[str, Any]:
        """Return the state of training after a check, as plain data and tensors."""
        tensors = {name: getattr(self, name) for name in ("best_theta", "best_loss", "spent")}
        return tensors | {"stage": self.stage, "curve": asdict(self.curve), "state": self.state.pack()}

    def resume(self, saved: dict[str, Any]) -> None:
        """Let the fit go on from what `pack` gave, to the same numbers as if it had never stopped."""
        self.saved, self.curve = saved, Curve(**saved["curve"])

    def _restore(self, saved: dict[str, Any]) -> None:
        while self.stage < saved["stage"]:
            self._grow()  # knots do not depend on theta, so the ensemble is what it was
        self.state.unpack(saved["state"])
        for name in ("best_theta", "best_loss", "spent"):
            setattr(self, name, saved[name].to(self.state.theta.device))
        for check in range(len(self.curve.steps)):  # loggers begin anew
            self._log(check)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        theta = self.state.theta
        losses = self.ensemble.losses(theta, *batch)
        better = losses < self.best_loss  # False for NaN
        self.best_theta[better] = theta[better]
        self.best_loss[better] = losses[better]
        done = sum(steps for _, steps in self.plan[: len(self.curve.steps) + 1])
        self.curve.steps.append(done)
        self.curve.validation.append(losses.tolist())
        self._log(-1)

    def _log(self, check: int) -> None:
        for logger in self.trainer.loggers:
            logger.log_metrics(self.curve.metrics(check), self.curve.steps[check])


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
) -> Curve:
    """Train `module` in place; it sees the training and the validation split and nothing else."""
    _silence_lightning()
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
        trainer.fit(module, Repeated(train, len(module.plan) - len(module.curve.steps)), Repeated(validation, 1))
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
