"""The work of a cell: its members are trained and graded, or its reference is fitted, and become a record."""

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from lightning.pytorch.loggers import Logger
from torch import Tensor

from kanbench.data import Dataset, Split, stream
from kanbench.models import Method, Reference
from kanbench.record import CellRecord
from kanbench.training.cell import Cell, Vary
from kanbench.training.compiled import CompiledEnsemble
from kanbench.training.cost import forward_flops, peak_memory
from kanbench.training.ensemble import Ensemble
from kanbench.training.module import Batch, Curve, EnsembleModule, fit
from kanbench.training.outcome import grade_members, outcome
from kanbench.training.resume import ResumeFile, Resumption
from kanbench.training.rows import environment, identity, size, storable


def run_cell(
    cell: Cell,
    *,
    accelerator: str = "cpu",
    logger: Logger | None = None,
    resume: ResumeFile | None = None,
    statistics: bool = False,
    compiled: bool = False,
) -> CellRecord:
    """Train all members of a cell and grade them; the test split is used once, after training.

    A training that stopped before its end goes on from the file `resume`, and is saved there. Members share their
    cell's wall-clock seconds and peak bytes equally; the peak is of the process that came to the end. With `statistics`
    the curve holds those of every layer, at some cost in seconds. With `compiled` gradients go through torch.compile.

    Raises `BudgetTooSmall` or `TooManyTerms`, and `ValueError` for a task that cannot be sampled.
    """
    if isinstance(cell.method, Reference):
        return _fit_reference(cell, cell.method)
    module, of_member, splits = prepare(cell, statistics=statistics, compiled=compiled)
    resumptions = [] if resume is None else [Resumption(resume, module, cell.code)]
    precision = cell.precision.lightning
    started = time.perf_counter()
    with peak_memory(torch.device(accelerator)) as memory:
        curve = fit(module, *splits, accelerator=accelerator, precision=precision, logger=logger, callbacks=resumptions)
    seconds = time.perf_counter() - started + sum(each.earlier for each in resumptions)
    shared = identity(cell) | size(cell)
    shared |= {
        "flops": forward_flops(module.ensemble.members(module.best_theta[:1])[0].cpu(), cell.task.n_inputs),
        "seconds": seconds / len(cell.members),
        "peak_memory_bytes": memory.bytes // len(cell.members),
        "accelerator": accelerator,
        "threads": torch.get_num_threads(),
    }
    return CellRecord(
        key=cell.key,
        members=[shared | member for member in _outcomes(cell, module, of_member)],
        curve=storable(curve),
        cell=cell.describe(),
        environment=environment(cell),
    )


def prepare(
    cell: Cell, *, statistics: bool = False, compiled: bool = False
) -> tuple[EnsembleModule, list[Dataset], list[Batch]]:
    """A cell before its first step: what trains, the data of each member, and its training and validation splits."""
    assert isinstance(cell.method, Method)  # references are not trained
    datasets = cell.datasets()
    of_member = [datasets[seed] for seed, _ in cell.members]
    build, shape = cell.method.first.build, (cell.task.n_inputs, cell.sizing.width)
    models = [build(*shape, *_start(cell, seed), cell.n_outputs) for seed, _ in cell.members]
    orders = [_generator(seed, Vary.order, cell) for seed, _ in cell.members]
    rates = torch.tensor([math.nan if rate is None else rate for _, rate in cell.members], dtype=cell.precision.dtype)
    ensemble = (CompiledEnsemble if compiled else Ensemble)(models, cell.loss)
    module = EnsembleModule(ensemble, cell.optimizer, rates, orders, cell.method.stages, statistics=statistics)
    return module, of_member, [_batch(of_member, split, cell) for split in ("train", "validation")]


def _outcomes(cell: Cell, module: EnsembleModule, datasets: list[Dataset]) -> Iterator[dict[str, Any]]:
    """What each member reached."""

    def predict(x: np.ndarray) -> list[np.ndarray]:
        outputs = module.ensemble.predict(module.best_theta, _tensor(x, cell).to(module.best_theta.device))
        numbers = outputs.double().cpu().numpy()
        if cell.task.n_classes:
            return list(numbers)
        return [dataset.restore(y) for dataset, y in zip(datasets, numbers, strict=True)]

    evaluations, losses = module.evaluations.tolist(), module.best_loss.tolist()
    grades = grade_members(datasets, predict, cell.task.n_classes)
    for (seed, rate), cost, loss, metrics in zip(cell.members, evaluations, losses, grades, strict=True):
        yield {"seed": seed, "lr": rate, "evaluations": cost} | outcome(metrics, loss)


def _fit_reference(cell: Cell, reference: Reference) -> CellRecord:
    """The record of a reference, one member per seed; a closed form evaluates no loss step by step."""
    datasets = list(cell.datasets().values())
    started = time.perf_counter()
    fitted = [
        reference.fit(d.train.x, _targets(cell, d.train.y), d.validation.x, _targets(cell, d.validation.y))
        for d in datasets
    ]
    seconds = time.perf_counter() - started
    grades = grade_members(
        datasets, lambda x: [fit.predict(each) for fit, each in zip(fitted, x, strict=True)], cell.task.n_classes
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
            shared | {"seed": seed, "lr": None, "ridge": fit.ridge} | outcome(metrics)
            for seed, fit, metrics in zip(cell.seeds, fitted, grades, strict=True)
        ],
        curve=storable(Curve(loss=cell.loss.value)),
        cell=cell.describe(),
        environment=environment(cell),
    )


def _targets(cell: Cell, y: np.ndarray) -> np.ndarray:
    """As references take them: numbers, or classes as rows of zeros with a one."""
    return np.eye(cell.task.n_classes)[y.astype(int)] if cell.task.n_classes else y


def _start(cell: Cell, seed: int) -> tuple[torch.Generator, torch.dtype]:
    return _generator(seed, Vary.initialisation, cell), cell.precision.dtype


def _generator(seed: int, purpose: Vary, cell: Cell) -> torch.Generator:
    state = stream(cell.seed_of(purpose, seed), purpose.value, cell.task.name).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> 1))


def _batch(datasets: list[Dataset], split: str, cell: Cell) -> Batch:
    """Every member's split as tensors: x (members, n, n_in), y (members, n) standardised or indices of classes."""
    parts: list[Split] = [getattr(dataset, split) for dataset in datasets]
    x = np.stack([part.x for part in parts])
    pairs = zip(datasets, parts, strict=True)
    y = np.stack([part.y if cell.task.n_classes else dataset.standardise(part.y) for dataset, part in pairs])
    return _tensor(x, cell), _tensor(y, cell)


def _tensor(array: np.ndarray, cell: Cell) -> Tensor:
    return torch.from_numpy(array).to(cell.precision.dtype)
