"""A cell: the smallest unit of work that can be resumed, from its config to its record."""

import hashlib
import json
import math
import time
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum, StrEnum, auto
from typing import Any

import numpy as np
import torch
from lightning.pytorch.loggers import Logger
from torch import Tensor

from kanbench import provenance
from kanbench.data import Dataset, Split, SplitSizes, Task, grade, sample, stream
from kanbench.models import KANMethod, Method, MLPMethod, Sizing, solve_width
from kanbench.record import CellRecord
from kanbench.training.cost import forward_flops, peak_memory
from kanbench.training.ensemble import Ensemble
from kanbench.training.module import Batch, EnsembleModule, fit
from kanbench.training.optimizer import Optimizer

RESULTS_VERSION = 1  # part of every cell's key: raise it when a change of the code changes results


class Precision(StrEnum):
    """Of parameters, data and arithmetic."""

    single = auto()
    double = auto()

    @property
    def dtype(self) -> torch.dtype:
        return torch.float64 if self is Precision.double else torch.float32

    @property
    def lightning(self) -> str:
        return "64-true" if self is Precision.double else "32-true"


@dataclass(frozen=True)
class Cell:
    """Method x task x budget with the training settings: seeds x trials members, trained at once."""

    experiment: str
    suite: str
    task: Task
    method: Method
    budget: int
    seeds: tuple[int, ...]
    optimizer: Optimizer
    sizes: SplitSizes
    precision: Precision

    def describe(self) -> dict[str, Any]:
        """Everything that the numbers depend on, as plain data; where the cell is filed and annotated stays out."""
        plain = _plain(self)
        for annotation in ("experiment", "suite"):
            del plain[annotation]
        for annotation in ("source", "note", "same_as"):
            del plain["task"][annotation]
        return {"results_version": RESULTS_VERSION, **plain}

    @property
    def key(self) -> str:
        """The hash of `describe()`: equal cells have equal keys, whatever run they are planned in."""
        canonical = json.dumps(self.describe(), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:24]

    @property
    def sizing(self) -> Sizing:
        """Raises `BudgetTooSmall`."""
        return solve_width(self.method, self.task.n_inputs, self.budget)

    @property
    def members(self) -> list[tuple[int, float | None]]:
        """(seed, learning rate) of each member."""
        return [(seed, rate) for seed in self.seeds for rate in self.optimizer.trials]


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {"type": type(value).__name__} | {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def run_cell(cell: Cell, *, accelerator: str = "cpu", logger: Logger | None = None) -> CellRecord:
    """Train all members of a cell and grade them; the test split is used once, after training.

    Raises `BudgetTooSmall`, and `ValueError` for a task that cannot be sampled.
    """
    width = cell.sizing.width
    datasets = {seed: sample(cell.task, seed, cell.sizes) for seed in cell.seeds}
    of_member = [datasets[seed] for seed, _ in cell.members]
    models = [cell.method.build(cell.task.n_inputs, width, *_start(cell, seed)) for seed, _ in cell.members]
    flops = forward_flops(models[0], cell.task.n_inputs)
    module = EnsembleModule(
        Ensemble(models),
        cell.optimizer,
        rates=torch.tensor(
            [math.nan if rate is None else rate for _, rate in cell.members], dtype=cell.precision.dtype
        ),
        orders=[_generator(seed, "order", cell) for seed, _ in cell.members],
    )
    device = torch.device("cuda" if accelerator == "cuda" else "cpu")
    train, validation = (_batch(of_member, split, cell) for split in ("train", "validation"))
    started = time.perf_counter()
    with peak_memory(device) as memory:
        curve = fit(
            module, train, validation, accelerator=accelerator, precision=cell.precision.lightning, logger=logger
        )
    seconds = time.perf_counter() - started

    grades = _grade(cell, module, of_member)
    shared = (
        identity(cell)
        | _size(cell)
        | {
            "flops": flops,
            "peak_memory_bytes": memory.bytes,
            "seconds": seconds / len(cell.members),
        }
    )
    evaluations = module.state.evaluations.tolist()
    rows = [
        shared | {"seed": seed, "lr": rate, "evaluations": cost} | _verdict(metrics) | _finite(metrics)
        for (seed, rate), cost, metrics in zip(cell.members, evaluations, grades, strict=True)
    ]
    mse = [[value if math.isfinite(value) else None for value in check] for check in curve.validation_mse]
    return CellRecord(
        key=cell.key,
        members=rows,
        curve={"steps": curve.steps, "validation_mse": mse},
        cell=cell.describe(),
        environment=provenance.environment() | {"accelerator": accelerator, "threads": str(torch.get_num_threads())},
    )


def unfinished(cell: Cell, status: str, reason: str, traceback: str = "") -> CellRecord:
    """The record of a cell that was not trained to the end: "skipped" for want of a width, or "failed"."""
    shared = identity(cell) | {"status": status, "reason": reason}
    if status == "failed":
        shared |= _size(cell)
    return CellRecord(
        key=cell.key,
        members=[shared | {"seed": seed, "lr": rate} for seed, rate in cell.members],
        curve={"steps": [], "validation_mse": []},
        cell=cell.describe(),
        environment=provenance.environment(),
        traceback=traceback,
    )


def identity(cell: Cell) -> dict[str, Any]:
    """The columns that say what a member is."""
    method = cell.method
    return {
        "experiment": cell.experiment,
        "suite": cell.suite,
        "task": cell.task.name,
        "same_as": cell.task.same_as,
        "method": method.label,
        "basis": type(method.basis).__name__ if isinstance(method, KANMethod) else "",
        "aggregation": method.aggregation.value if isinstance(method, KANMethod) else "",
        "activation": method.activation.value if isinstance(method, MLPMethod) else "",
        "depth": method.depth,
        "budget": cell.budget,
        "optimizer": type(cell.optimizer).__name__,
        "n_train": cell.sizes.train,
        "cell": cell.key,
        "commit": provenance.commit(),
    }


def _size(cell: Cell) -> dict[str, Any]:
    sizing = cell.sizing
    return {"width": sizing.width, "params": sizing.params, "budget_miss": sizing.miss}


def _start(cell: Cell, seed: int) -> tuple[torch.Generator, torch.dtype]:
    return _generator(seed, "initialisation", cell), cell.precision.dtype


def _generator(seed: int, purpose: str, cell: Cell) -> torch.Generator:
    state = stream(seed, purpose, cell.task.name).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> 1))


def _batch(datasets: list[Dataset], split: str, cell: Cell) -> Batch:
    """Every member's split as tensors: x (members, n, n_in), standardised y (members, n)."""
    parts: list[Split] = [getattr(dataset, split) for dataset in datasets]
    x = np.stack([part.x for part in parts])
    y = np.stack([dataset.standardise(part.y) for dataset, part in zip(datasets, parts, strict=True)])
    return _tensor(x, cell), _tensor(y, cell)


def _tensor(array: np.ndarray, cell: Cell) -> Tensor:
    return torch.from_numpy(array).to(cell.precision.dtype)


def _grade(cell: Cell, module: EnsembleModule, datasets: list[Dataset]) -> list[dict[str, float]]:
    """Metrics of every member on all three splits, prefixed by the split: {"train_rel_l2": ..., ...}."""
    graded: list[dict[str, float]] = [{} for _ in datasets]
    for split, prefix in (("train", "train"), ("validation", "val"), ("test", "test")):
        parts: list[Split] = [getattr(dataset, split) for dataset in datasets]
        x = _tensor(np.stack([part.x for part in parts]), cell).to(module.best_theta.device)
        predictions = module.ensemble.predict(module.best_theta, x).double().cpu().numpy()
        for row, dataset, part, prediction in zip(graded, datasets, parts, predictions, strict=True):
            metrics = grade(dataset.restore(prediction), part.y, dataset.y_mean)
            row.update({f"{prefix}_{name}": value for name, value in metrics.items()})
    return graded


def _verdict(metrics: dict[str, float]) -> dict[str, str]:
    if not all(math.isfinite(value) for value in metrics.values()):
        return {"status": "diverged", "reason": "predictions are not finite"}
    if metrics["test_rel_l2"] > 1.0:
        return {"status": "diverged", "reason": f"worse than a constant: relative L2 {metrics['test_rel_l2']:.3g}"}
    return {"status": "ok", "reason": ""}


def _finite(metrics: dict[str, float]) -> dict[str, float | None]:
    """JSON has no NaN and no infinity."""
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}
