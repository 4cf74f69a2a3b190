"""The LightningModule that trains an ensemble."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn

from kanbench.errors import require
from kanbench.training.convergence import best_errors, errors_at, has_converged, has_settled
from kanbench.training.curve import Curve
from kanbench.training.ensemble import Ensemble
from kanbench.training.optimizers.base import Converging, Optimizer
from kanbench.training.rounds import Batch, Rounds

# members as modules, their inputs and their targets -> a number of every layer, by name
Statistics = Callable[[list[nn.Module], Tensor, Tensor], dict[str, list[float | None]]]

TENSORS = ("best_theta", "best_loss", "earlier_theta", "earlier_loss", "converged", "spent", "made")  # that are packed
NUMBERS = ("part", "position", "began")


class EnsembleModule(LightningModule):
    """One `training_step` is all optimizer steps of all members up to the next check: Lightning's own loop costs as
    much per step as a tiny model's whole step.

    Each look at the validation split keeps the best theta of every member so far; `best_theta` is the result, and
    `best_loss` its loss there, infinite for a member that never had a finite one. It also ends the members of LM and
    L-BFGS that have converged, see `training.convergence`.

    With `stages`, sizes of the basis of which `ensemble` has the first, each stage is a training of its own for its
    share of the steps, schedule of the learning rate included. It ends early when all its members are done. The next
    one goes on from the functions that the one before it reached at its last step; the best ones so far are carried
    along. `ensemble` is that of the current stage.

    With `rounds`, each round is such a training too, on a batch of its own. The validation split stays what it is, so
    the losses of all rounds compare. Stages and rounds exclude each other.

    Gradient descent makes runs, each from the start and twice as long as the one before it, until all rates have
    converged; the best theta of all runs is kept.

    To pause a training, give `fit` the step; to go on, make an equal module, `resume` what this one packs, and fit it.
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
        rounds: Rounds | None = None,
    ) -> None:
        super().__init__()
        require(rounds is None or not stages, "rounds", "must be None for a basis that grows in stages", rounds)
        self.automatic_optimization = False
        self.first, self.ensemble, self.orders, self.stages = ensemble, ensemble, orders, stages
        self.order_starts = [order.get_state() for order in orders]
        self.rounds = rounds
        self.batch: Batch | None = None  # of the current round
        self.parts = [part for run in optimizer.runs for part in run.split(self.n_parts)]
        self.plan = [(part, steps) for part, of_part in enumerate(self.parts) for steps in of_part.checks]
        self.part, self.position, self.began = 0, 0, 0  # the part, the next check in the plan, the part's first step
        self.curve, self.statistics = Curve(loss=ensemble.loss.name), statistics
        self.saved: dict[str, Any] | None = None
        self.until: int | None = None
        self.register_buffer("rates", rates)
        self.register_buffer("best_theta", ensemble.start.clone())
        self.register_buffer("best_loss", torch.full_like(rates, torch.inf))
        self.register_buffer("earlier_theta", torch.empty(0))
        self.register_buffer("earlier_loss", torch.full_like(rates, torch.inf))
        self.register_buffer("converged", torch.zeros_like(rates, dtype=torch.bool))
        self.rates: Tensor
        self.best_theta: Tensor
        self.best_loss: Tensor
        self.earlier_theta: Tensor  # the best of the runs before this one
        self.earlier_loss: Tensor
        self.converged: Tensor

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Nothing for Lightning to step: `training_step` does it by hand."""
        return []

    def on_fit_start(self) -> None:
        self._start(self.first)
        self.spent, self.made = torch.zeros_like(self.state.evaluations), torch.zeros_like(self.state.steps)
        if self.saved is not None:
            self._restore(self.saved)

    @property
    def n_parts(self) -> int:
        """The number of stages or rounds of a run."""
        return self.rounds.number if self.rounds else max(1, len(self.stages))

    @property
    def evaluations(self) -> Tensor:
        """(members,), of all stages and runs."""
        return self.spent + self.state.evaluations

    @property
    def steps(self) -> Tensor:
        """(members,), of all stages and runs."""
        return self.made + self.state.steps

    @property
    def stopped(self) -> list[str]:
        """Why each member ended: "converged", "no step helps" or "cap"."""
        pairs = zip(self.converged.tolist(), self.state.done.tolist(), strict=True)
        return ["converged" if each else "no step helps" if done else "cap" for each, done in pairs]

    @property
    def errors_at(self) -> list[dict[str, float | None]]:
        """The columns of each member that say its best validation error within 64, 128, .. evaluations."""
        return errors_at(self._best, self.curve.evaluations)

    @property
    def _best(self) -> Tensor:
        return best_errors(self.curve.validation, self.ensemble.loss)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        part, steps = self.plan[self.position]
        if part > self.part:
            self._begin_next()
        if self.rounds is not None:
            batch = self._of_round(self.rounds, batch)
        self.parts[part].advance(self.ensemble, self.state, *batch, steps)
        if self.statistics is not None:
            self._look_at_layers(self.statistics, *batch)

    def _look_at_layers(self, statistics: Statistics, x: Tensor, y: Tensor) -> None:
        for name, numbers in statistics(self.ensemble.members(self.state.theta), x, y).items():
            self.curve.layers.setdefault(name, []).append(numbers)

    def _of_round(self, rounds: Rounds, given: Batch) -> Batch:
        """Return the batch of the current round, which is made at its start."""
        if self.batch is None:
            self.batch = rounds.renew(self.part % rounds.number, self.ensemble, self.state.theta, given)
        return self.batch

    def _start(self, ensemble: Ensemble, theta: Tensor | None = None) -> None:
        """Begin the current part with an ensemble, at its start if no theta is given."""
        self.ensemble = ensemble
        theta = ensemble.start.to(self.rates.device) if theta is None else theta
        self.state = self.parts[self.part].start(ensemble, theta, self.rates, self.orders)

    def _begin_next(self) -> None:
        """Go on to the next stage or round, or to the first one of the next run."""
        spent, made = self.evaluations, self.steps
        self.part += 1
        self.batch = None
        self.began = self.curve.steps[-1]
        if self.part % self.n_parts == 0:
            self._begin_again()
        elif self.rounds:
            self._start(self.ensemble, self.state.theta)
        else:
            self._grow()
        self.spent, self.made = spent, made

    def _begin_again(self) -> None:
        """Begin a run from the start, and put aside what the runs before it reached."""
        self.earlier_theta, self.earlier_loss = self.best_theta, self.best_loss
        self.best_theta = self.first.start.to(self.best_theta.device, copy=True)
        self.best_loss = torch.full_like(self.best_loss, torch.inf)
        for order, start in zip(self.orders, self.order_starts, strict=True):
            order.set_state(start)
        self._start(self.first)

    def _grow(self) -> None:
        """Go on to the next stage."""
        size = self.stages[self.part % self.n_parts]
        self.best_theta = self.ensemble.extended(self.best_theta, size).start
        self._start(self.ensemble.extended(self.state.theta, size))

    @property
    def is_over(self) -> bool:
        return self.position == len(self.plan)

    def is_at(self, step: int | None) -> bool:
        """Return True at the end of the training, and at the first check after so many steps."""
        return self.is_over or (step is not None and self.curve.steps[-1:] >= [step])

    def pack(self) -> dict[str, Any]:
        """Return the state of training after a check, as plain data and tensors."""
        packed = {name: getattr(self, name) for name in (*TENSORS, *NUMBERS)}
        packed |= {} if self.batch is None else {"batch": self.batch}
        return packed | {"curve": asdict(self.curve), "state": self.state.pack()}

    def resume(self, saved: dict[str, Any]) -> None:
        """Let the fit go on from what `pack` gave, to the same numbers as if it had never stopped."""
        self.saved, self.curve, self.position = saved, Curve(**saved["curve"]), saved["position"]

    def _restore(self, saved: dict[str, Any]) -> None:
        self.part = saved["part"]
        for size in self.stages[1 : self.part % self.n_parts + 1]:
            self.ensemble = self.ensemble.extended(self.ensemble.start, size)  # whose knots do not depend on theta
        self._start(self.ensemble)
        self.state.unpack(saved["state"])
        self.began = saved["began"]
        if "batch" in saved:
            x, y = (part.to(self.state.theta.device) for part in saved["batch"])
            self.batch = x, y
        for name in TENSORS:
            setattr(self, name, saved[name].to(self.state.theta.device))
        for check in range(len(self.curve.steps)):  # loggers begin anew
            self._log(check)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        theta = self.state.theta
        losses = self.ensemble.losses(theta, *batch)
        better = losses < self.best_loss  # False for NaN
        self.best_theta[better] = theta[better]
        self.best_loss[better] = losses[better]
        self.curve.steps.append(sum(self.curve.steps[-1:]) + self.plan[self.position][1])
        self.curve.validation.append(losses.tolist())
        self.curve.evaluations.append(self.evaluations.tolist())
        self._end_members()
        self._plan_on()
        self._log(-1)

    def _end_members(self) -> None:
        """End the members that have converged, if they end one by one."""
        optimizer = self.parts[self.part]
        if isinstance(optimizer, Converging):
            over = has_converged(
                self._best,
                self.curve.steps,
                window=optimizer.window,
                least_gain=optimizer.least_gain,
                began=self.began,
            )
            self.converged = over.to(self.state.done.device) & (self.converged | ~self.state.done)
            self.state.done |= self.converged

    def _plan_on(self) -> None:
        """Choose the next check, and stop where there is none, or where the training pauses."""
        self.position += 1
        if self.state.done.all():
            self.position += sum(part == self.part for part, _ in self.plan[self.position :])
        is_end = self.is_over or self.plan[self.position][0] > self.part
        if is_end and (self.part + 1) % self.n_parts == 0:
            self._end_run()
        paused = self.until is not None and self.curve.steps[-1] >= self.until
        if self.is_over or paused:
            self.trainer.should_stop = True

    def _end_run(self) -> None:
        """Keep the best of all runs, and plan no further one if this one gained too little."""
        if (run := self.part // self.n_parts) == 0:
            return
        worse = self.earlier_loss < self.best_loss
        self.best_theta[worse], self.best_loss[worse] = self.earlier_theta[worse], self.earlier_loss[worse]
        before = sum(part < run * self.n_parts for part, _ in self.plan)
        if has_settled(self._best, before, self.rates.cpu(), self.parts[self.part].least_gain):
            self.converged[:] = True
            self.position = len(self.plan)

    def _log(self, check: int) -> None:
        for logger in self.trainer.loggers:
            logger.log_metrics(self.curve.metrics(check), self.curve.steps[check])
