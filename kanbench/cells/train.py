"""The work of a cell: its members are trained and graded, or its reference is fitted, and become a record."""

import math
import time
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from kanbench.cells.cell import Cell, Vary
from kanbench.cells.cost import forward_flops, peak_memory
from kanbench.cells.execution import Execution
from kanbench.cells.grading import grade_members, outcome
from kanbench.cells.resume import Resumption
from kanbench.cells.rows import environment, identity, size, storable
from kanbench.data import Dataset, Split, stream
from kanbench.interpret import LayerStatistics, median_statistics
from kanbench.methods import NetworkMethod, Reference
from kanbench.store.record import CellRecord
from kanbench.training.compiled import CompiledEnsemble
from kanbench.training.ensemble import Ensemble
from kanbench.training.looped import ensemble_of
from kanbench.training.losses import Loss
from kanbench.training.module import Batch, Curve, EnsembleModule, fit

ON_CPU = Execution()


def run_cell(cell: Cell, execution: Execution = ON_CPU) -> CellRecord:
    """Train all members of a cell and grade them. The test split is used once, after training.

    Members share their cell's wall-clock seconds and peak bytes equally. For a training that was interrupted, seconds
    are those of all its parts, and the peak is that of the last one.

    Args:
        cell: What is trained. A cell with a reference has nothing to train: the reference is fitted.
        execution: How it is trained.

    Raises:
        BudgetTooSmall: No width gives a model of the cell's budget.
        TooManyTerms: A polynomial reference of so many inputs is no simple predictor any more.
        ValueError: The task cannot be sampled.
    """
    if execution.threads is not None:
        torch.set_num_threads(execution.threads)
    if not cell.method.is_trained:
        return _fit_reference(cell, cast(Reference, cell.method))
    module, of_member, splits = prepare(cell, execution)
    accelerator, resume = execution.accelerator, execution.resume
    resumptions = [] if resume is None else [Resumption(resume, module, cell.code)]
    started = time.perf_counter()
    with peak_memory(torch.device(accelerator)) as memory:
        curve = fit(
            module,
            *splits,
            accelerator=accelerator,
            precision=cell.precision.lightning,
            logger=execution.logger,
            callbacks=resumptions,
        )
    seconds = time.perf_counter() - started + sum(each.earlier for each in resumptions)
    shared = identity(cell) | size(cell)
    shared |= {
        "flops": forward_flops(module.ensemble.members(module.best_theta[:1])[0].cpu(), cell.task.n_inputs),
        "seconds": seconds / len(cell.members),
        "peak_memory_bytes": memory.bytes // len(cell.members),
        "accelerator": accelerator,
        "threads": torch.get_num_threads(),
    }
    if cell.method.is_foreign:
        shared["batched"] = module.ensemble.is_batched
    return CellRecord(
        key=cell.key,
        members=[shared | member for member in _outcomes(cell, module, of_member)],
        curve=storable(curve),
        cell=cell.describe(),
        environment=environment(cell),
    )


def prepare(cell: Cell, execution: Execution = ON_CPU) -> tuple[EnsembleModule, list[Dataset], list[Batch]]:
    """A cell before its first step: what trains, the data of each member, and its training and validation splits."""
    method, datasets = cast(NetworkMethod, cell.method), cell.datasets()
    of_member = [datasets[seed] for seed, _ in cell.members]
    build, shape = method.first.build, (cell.task.n_inputs, cell.sizing.nodes)
    models = [build(*shape, *_start(cell, seed), cell.n_outputs) for seed, _ in cell.members]
    orders = [_generator(seed, Vary.order, cell) for seed, _ in cell.members]
    rates = torch.tensor([math.nan if rate is None else rate for _, rate in cell.members], dtype=cell.precision.dtype)
    look = partial(layer_medians, cell.loss) if execution.statistics else None
    ensemble = ensemble_of(models, cell.loss, CompiledEnsemble if execution.compiled else Ensemble)
    module = EnsembleModule(ensemble, cell.optimizer, rates, orders, method.stages, statistics=look)
    return module, of_member, [_batch(of_member, split, cell) for split in ("train", "validation")]


def layer_medians(loss: Loss, models: list[nn.Module], x: Tensor, y: Tensor) -> dict[str, list[float | None]]:
    """Medians over members of the statistics of every layer, by their names."""

    def of_member(outputs: Tensor, y: Tensor) -> Tensor:
        return loss.of(outputs.squeeze(-1).unsqueeze(0), y.unsqueeze(0)).squeeze(0)

    layers = median_statistics(models, x, y, of_member)
    return {each.name: [getattr(layer, each.name) for layer in layers] for each in fields(LayerStatistics)}


def _outcomes(cell: Cell, module: EnsembleModule, datasets: list[Dataset]) -> Iterator[dict[str, Any]]:
    """Yield the columns that say what each member reached."""
    grading = cell.task.grading

    def predict(x: np.ndarray) -> list[np.ndarray]:
        outputs = module.ensemble.predict(module.best_theta, _tensor(x, cell).to(module.best_theta.device))
        numbers = outputs.double().cpu().numpy()
        return [grading.predictions(dataset, y) for dataset, y in zip(datasets, numbers, strict=True)]

    losses, grades = module.best_loss.tolist(), grade_members(datasets, predict, grading)
    for member, ((seed, rate), loss, metrics) in enumerate(zip(cell.members, losses, grades, strict=True)):
        made = {
            "seed": seed,
            "lr": rate,
            "evaluations": module.evaluations[member].item(),
            "steps": module.steps[member].item(),
            "stopped": module.stopped[member],
        }
        yield made | outcome(metrics, grading.score, loss) | module.errors_at[member]


def _fit_reference(cell: Cell, reference: Reference) -> CellRecord:
    """The record of a reference, one member per seed; a closed form evaluates no loss step by step."""
    datasets, grading = list(cell.datasets().values()), cell.task.grading
    targets = grading.for_references
    started = time.perf_counter()
    fitted = [reference.fit(d.train.x, targets(d.train.y), d.validation.x, targets(d.validation.y)) for d in datasets]
    seconds = time.perf_counter() - started
    grades = grade_members(
        datasets, lambda x: [fit.predict(each) for fit, each in zip(fitted, x, strict=True)], grading
    )
    shared = identity(cell) | size(cell)
    shared |= {
        "flops": reference.flops(cell.task.n_inputs, cell.n_outputs),
        "seconds": seconds / len(fitted),
        "accelerator": "cpu",
    }
    return CellRecord(
        key=cell.key,
        members=[
            shared | {"seed": seed, "lr": None, "stopped": "", "ridge": fit.ridge} | outcome(metrics, grading.score)
            for seed, fit, metrics in zip(cell.seeds, fitted, grades, strict=True)
        ],
        curve=storable(Curve(loss=cell.loss.name)),
        cell=cell.describe(),
        environment=environment(cell),
    )


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
