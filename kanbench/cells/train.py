"""The work of a cell: its members are trained and graded, or its reference is fitted, and become a record."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from kanbench.cells.cell import Cell, Vary
from kanbench.cells.cost import forward_flops, peak_memory
from kanbench.cells.execution import Execution
from kanbench.cells.grading import PREFIXES, grade_members, outcome
from kanbench.cells.problems import outputs_of, problem_of
from kanbench.cells.references import record_of_reference
from kanbench.cells.resume import Resumption
from kanbench.cells.rounds import rounds_of
from kanbench.cells.rows import environment, identity, size, storable
from kanbench.data import Dataset, Split, stream
from kanbench.files.json_data import finite
from kanbench.interpret import LayerStatistics, median_statistics
from kanbench.methods import NetworkMethod
from kanbench.store.record import CellRecord
from kanbench.training import CompiledEnsemble, Ensemble, EnsembleModule, fit
from kanbench.training.curve import joined
from kanbench.training.looped import ensemble_of
from kanbench.training.losses import Loss
from kanbench.training.residual_ensemble import ResidualEnsemble
from kanbench.training.rounds import Batch

ON_CPU = Execution()


def run_cell(cell: Cell, execution: Execution = ON_CPU, keep: "Keep | None" = None) -> CellRecord:
    """Train all members of a cell and grade them. The test split is used once, after training.

    Members share their cell's wall-clock seconds and peak bytes equally. For a training that was interrupted, seconds
    are those of all its parts, and the peak is that of the last one.

    Args:
        cell: What is trained. A cell with a reference has nothing to train: the reference is fitted.
        execution: How it is trained.
        keep: Called with what was trained and its record, while the trained members are at hand.

    Raises:
        BudgetTooSmall: No width gives a model of the cell's budget.
        TooManyTerms: A polynomial reference of so many inputs is no simple predictor any more.
        ValueError: The task cannot be sampled.
    """
    if not cell.method.is_trained:
        return record_of_reference(cell)
    training = Training(cell, execution)
    training.go_on()
    record = record_of(cell, [training])
    if keep is not None:
        keep(cell, [training], record)
    return record


class Training:
    """The training of the members of some seeds of a cell; it may pause and go on.

    Args:
        cell: The cell.
        execution: How it is trained, and the file from which it goes on if it was interrupted.
        seeds: The seeds; all of them if None.
    """

    def __init__(self, cell: Cell, execution: Execution = ON_CPU, seeds: Sequence[int] | None = None) -> None:
        if execution.threads is not None:
            torch.set_num_threads(execution.threads)
        self.cell, self.execution = cell, execution
        self.members = cell.members_of(cell.seeds if seeds is None else seeds)
        self.module, self.datasets, self.splits = prepare(cell, execution, seeds)
        file = execution.resume
        self.resumption = None if file is None else Resumption(file, self.module, cell.code)
        self.seconds = self.resumption.earlier if self.resumption else 0.0
        self.bytes, self.is_whole = 0, False

    def go_on(self, until: int | None = None) -> None:
        """Train to the end, or to the first check after so many steps."""
        if self.is_whole and self.module.is_at(until):
            return
        self.is_whole = False
        started = time.perf_counter()
        if self.resumption:
            self.resumption.begin(self.seconds)
        with peak_memory(torch.device(self.execution.accelerator)) as memory:
            fit(
                self.module,
                *self.splits,
                accelerator=self.execution.accelerator,
                precision=self.cell.precision.lightning,
                logger=self.execution.logger,
                callbacks=[self.resumption] if self.resumption else [],
                until=until,
            )
        self.seconds += time.perf_counter() - started
        self.bytes = max(self.bytes, memory.bytes)
        self.module.resume(self.module.pack())  # what a further part begins with
        self.is_whole = True

    @property
    def is_due(self) -> bool:
        """True if its file is older than it may be."""
        return self.resumption is not None and self.resumption.is_due

    def save(self) -> None:
        """Write the state of the training to its file, if it has one, unless it was interrupted in a step."""
        if self.resumption and self.is_whole:
            self.resumption.save(self.module, self.seconds)

    def errors(self) -> list[float]:
        """Return the validation error of each member, infinite where it is not finite."""
        metric = f"val_{self.cell.task.grading.score.metric}"
        found = [each[metric] for each in self._grades(["validation"])]
        return [error if math.isfinite(error) else math.inf for error in found]

    def _grades(self, splits: Iterable[str]) -> list[dict[str, float]]:
        cell, module = self.cell, self.module

        def predict(x: np.ndarray) -> list[np.ndarray]:
            theta = module.best_theta
            outputs = outputs_of(module.ensemble, theta, _tensor(x, cell).to(theta.device))
            numbers = outputs.double().cpu().numpy()
            return [
                cell.task.grading.predictions(dataset, y) for dataset, y in zip(self.datasets, numbers, strict=True)
            ]

        return grade_members(self.datasets, predict, cell.task.grading, splits)

    def outcomes(self, splits: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Yield the columns that say what each member reached."""
        module, score, found = self.module, self.cell.task.grading.score, self._coefficients()
        made = zip(
            self.members,
            module.evaluations.tolist(),
            module.steps.tolist(),
            module.stopped,
            module.errors_at,
            strict=True,
        )
        reached = zip(module.best_loss.tolist(), self._grades(splits), strict=True)
        for ((seed, rate), evaluations, steps, stopped, errors), (loss, metrics) in zip(made, reached, strict=True):
            costs = {"seed": seed, "lr": rate, "evaluations": evaluations, "steps": steps, "stopped": stopped}
            yield costs | outcome(metrics, score, loss) | errors | next(found)

    def _coefficients(self) -> Iterator[dict[str, float | None]]:
        """Yield the coefficients that each member found in an equation, by the names of their columns."""
        ensemble, task = self.module.ensemble, self.cell.equation
        if task is None or not isinstance(ensemble, ResidualEnsemble):
            yield from ({} for _ in self.members)
            return
        for values in ensemble.coefficients(self.module.best_theta).tolist():
            named = zip(task.coefficients, values, strict=True)
            yield {f"coefficient_{each.name}": finite(value) for each, value in named}


Keep = Callable[[Cell, Sequence[Training], CellRecord], None]


def record_of(cell: Cell, trainings: Sequence[Training], splits: Iterable[str] = PREFIXES, **said: Any) -> CellRecord:
    """Return the record of a cell whose members were trained together or in groups, graded on some splits.

    `said` are further columns, which replace those of the trainings.
    """
    first, n_members = trainings[0], sum(len(each.members) for each in trainings)
    shared = identity(cell) | size(cell)
    shared |= {
        "flops": forward_flops(first.module.ensemble.members(first.module.best_theta[:1])[0].cpu(), cell.task.n_inputs),
        "seconds": sum(each.seconds for each in trainings) / n_members,
        "peak_memory_bytes": max(each.bytes for each in trainings) // n_members,
        "accelerator": first.execution.accelerator,
        "threads": torch.get_num_threads(),
    }
    if cell.method.is_foreign:
        shared["batched"] = first.module.ensemble.is_batched
    return CellRecord(
        key=cell.key,
        members=[shared | member | said for each in trainings for member in each.outcomes(splits)],
        curve=storable(joined([each.module.curve for each in trainings])),
        cell=cell.describe(),
        environment=environment(cell),
    )


def prepare(
    cell: Cell, execution: Execution = ON_CPU, seeds: Sequence[int] | None = None
) -> tuple[EnsembleModule, list[Dataset], list[Batch]]:
    """A cell before its first step: what trains, the data of each member, and its training and validation splits.

    The members are those of all seeds, or of some.
    """
    method, datasets = cast(NetworkMethod, cell.method), cell.datasets()
    members = cell.members_of(cell.seeds if seeds is None else seeds)
    of_member = [datasets[seed] for seed, _ in members]
    build, shape = method.first.build, (cell.task.n_inputs, cell.sizing.nodes)
    models = [build(*shape, *_start(cell, seed), cell.n_outputs) for seed, _ in members]
    orders = [_generator(seed, Vary.order, cell) for seed, _ in members]
    rates = torch.tensor([math.nan if rate is None else rate for _, rate in members], dtype=cell.precision.dtype)
    look = partial(layer_medians, cell.loss) if execution.statistics and cell.equation is None else None
    ensemble = _ensemble(models, cell, execution)
    rounds = rounds_of(cell, [seed for seed, _ in members])
    module = EnsembleModule(ensemble, cell.optimizer, rates, orders, method.stages, statistics=look, rounds=rounds)
    return module, of_member, [_batch(of_member, split, cell) for split in ("train", "validation")]


def _ensemble(models: Sequence[nn.Module], cell: Cell, execution: Execution) -> Ensemble:
    if cell.equation is not None:
        return ResidualEnsemble(models, problem_of(cell.equation))
    return ensemble_of(models, cell.loss, CompiledEnsemble if execution.compiled else Ensemble)


def layer_medians(loss: Loss, models: list[nn.Module], x: Tensor, y: Tensor) -> dict[str, list[float | None]]:
    """Medians over members of the statistics of every layer, by their names."""

    def of_member(outputs: Tensor, y: Tensor) -> Tensor:
        return loss.of(outputs.squeeze(-1).unsqueeze(0), y.unsqueeze(0)).squeeze(0)

    layers = median_statistics(models, x, y, of_member)
    return {each.name: [getattr(layer, each.name) for layer in layers] for each in fields(LayerStatistics)}


def _start(cell: Cell, seed: int) -> tuple[torch.Generator, torch.dtype]:
    return _generator(seed, Vary.initialization, cell), cell.precision.dtype


def _generator(seed: int, purpose: Vary, cell: Cell) -> torch.Generator:
    state = stream(cell.seed_of(purpose, seed), purpose.name, cell.task.name).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> 1))


def _batch(datasets: list[Dataset], split: str, cell: Cell) -> Batch:
    """Every member's split as tensors: x (members, n, n_in), y (members, n, ..) as the task
    wants them."""
    parts: list[Split] = [getattr(dataset, split) for dataset in datasets]
    x = np.stack([part.x for part in parts])
    pairs = zip(datasets, parts, strict=True)
    y = np.stack([cell.task.grading.targets(dataset, part.y) for dataset, part in pairs])
    return _tensor(x, cell), _tensor(y, cell)


def _tensor(array: np.ndarray, cell: Cell) -> Tensor:
    return torch.from_numpy(array).to(cell.precision.dtype)
