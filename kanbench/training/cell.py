"""A cell: the smallest unit of work that can be resumed, from its config to its record."""

import hashlib
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum, StrEnum, auto
from typing import Any

import numpy as np
import torch
from lightning.pytorch.loggers import Logger
from torch import Tensor

from kanbench import provenance
from kanbench.data import CLEAN, Conditions, Dataset, Shares, Split, SplitSizes, TableTask, Task, sample, stream
from kanbench.models import KANMethod, Method, MLPMethod, Reference, Sizing, solve_width
from kanbench.record import CellRecord
from kanbench.training.cost import forward_flops, peak_memory
from kanbench.training.ensemble import Ensemble, Loss
from kanbench.training.module import Batch, Curve, EnsembleModule, fit
from kanbench.training.optimizer import Optimizer
from kanbench.training.outcome import finite, grade_members, outcome
from kanbench.training.resume import ResumeFile, Resumption

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


class Vary(StrEnum):
    """What differs between the seeds of a cell; the rest is that of the first seed."""

    all = auto()
    data = auto()
    initialisation = auto()
    order = auto()  # of rows in mini-batches


@dataclass(frozen=True)
class Cell:
    """Method x task x budget with the training settings: seeds x trials members, trained at once.

    A reference in place of a method has no budget; it takes no part in training, and has one member per seed.
    """

    experiment: str
    suite: str
    task: Task | TableTask
    method: Method | Reference
    budget: int  # 0 for a reference
    seeds: tuple[int, ...]
    optimizer: Optimizer
    sizes: SplitSizes | Shares
    precision: Precision
    conditions: Conditions = CLEAN
    vary: Vary = Vary.all

    def describe(self) -> dict[str, Any]:
        """Everything that the numbers depend on, as plain data; where the cell is filed and annotated stays out.

        So does the machine: accelerator and number of threads change the last bits only. Fields with a default of the
        cell's own are left out where they have it, so that cells which are older than a field keep their keys.
        """
        plain = _plain(self)
        for each in fields(self):
            if getattr(self, each.name) == each.default:
                del plain[each.name]
        for annotation in ("experiment", "suite"):
            del plain[annotation]
        for annotation in ("source", "note"):
            del plain["task"][annotation]
        return {"results_version": RESULTS_VERSION, **plain}

    @property
    def key(self) -> str:
        """The hash of `describe()`: equal cells have equal keys, whatever run they are planned in."""
        return _hash(self.describe())

    @property
    def protocol(self) -> str:
        """The hash of what a comparison holds fixed: seeds, optimiser, splits, conditions and precision."""
        compared = ("task", "method", "budget")
        return _hash({name: value for name, value in self.describe().items() if name not in compared})

    @property
    def loss(self) -> Loss:
        """What training minimises."""
        return Loss.cross_entropy if self.task.n_classes else Loss.mse

    @property
    def n_outputs(self) -> int:
        """Of its models: one, or a logit for each class."""
        return self.task.n_classes or 1

    @property
    def sizing(self) -> Sizing:
        """Width 0 for a reference. Raises `BudgetTooSmall`."""
        if isinstance(self.method, Reference):
            return Sizing(0, self.method.count(self.task.n_inputs, self.n_outputs), 0.0)
        return solve_width(self.method, self.task.n_inputs, self.budget, self.n_outputs)

    @property
    def members(self) -> list[tuple[int, float | None]]:
        """(seed, learning rate) of each member."""
        trials = self.optimizer.trials if isinstance(self.method, Method) else (None,)
        return [(seed, rate) for seed in self.seeds for rate in trials]

    def seed_of(self, purpose: Vary, seed: int) -> int:
        """The seed that one purpose draws from in the members of `seed`."""
        return seed if self.vary in (Vary.all, purpose) else self.seeds[0]

    def datasets(self) -> dict[int, Dataset]:
        """By seed, in their order. Raises `ValueError` for a task that cannot be sampled."""
        of_data = [self.seed_of(Vary.data, seed) for seed in self.seeds]
        sampled = {seed: sample(self.task, seed, self.sizes, self.conditions) for seed in dict.fromkeys(of_data)}
        return {seed: sampled[drawn] for seed, drawn in zip(self.seeds, of_data, strict=True)}


def _hash(plain: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:24]


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        compared = [each.name for each in fields(value) if each.compare]
        return {"type": type(value).__name__} | {name: _plain(getattr(value, name)) for name in compared}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def run_cell(
    cell: Cell,
    *,
    accelerator: str = "cpu",
    logger: Logger | None = None,
    resume: ResumeFile | None = None,
    statistics: bool = False,
) -> CellRecord:
    """Train all members of a cell and grade them; the test split is used once, after training.

    A training that stopped before its end goes on from the file `resume`, and is saved there. Members share their
    cell's wall-clock seconds and peak bytes equally; the peak is of the process that came to the end. With `statistics`
    the curve holds those of every layer, at some cost in seconds.

    Raises `BudgetTooSmall` or `TooManyTerms`, and `ValueError` for a task that cannot be sampled.
    """
    if isinstance(cell.method, Reference):
        return _fit_reference(cell, cell.method)
    module, of_member, splits = prepare(cell, statistics=statistics)
    resumptions = [] if resume is None else [Resumption(resume, module)]
    precision = cell.precision.lightning
    started = time.perf_counter()
    with peak_memory(torch.device(accelerator)) as memory:
        curve = fit(module, *splits, accelerator=accelerator, precision=precision, logger=logger, callbacks=resumptions)
    seconds = time.perf_counter() - started + sum(each.earlier for each in resumptions)
    shared = identity(cell) | _size(cell)
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
        curve=_storable(curve),
        cell=cell.describe(),
        environment=provenance.environment(),
    )


def prepare(cell: Cell, *, statistics: bool = False) -> tuple[EnsembleModule, list[Dataset], list[Batch]]:
    """A cell before its first step: what trains, the data of each member, and its training and validation splits."""
    assert isinstance(cell.method, Method)  # references are not trained
    datasets = cell.datasets()
    of_member = [datasets[seed] for seed, _ in cell.members]
    build, shape = cell.method.first.build, (cell.task.n_inputs, cell.sizing.width)
    models = [build(*shape, *_start(cell, seed), cell.n_outputs) for seed, _ in cell.members]
    orders = [_generator(seed, Vary.order, cell) for seed, _ in cell.members]
    rates = torch.tensor([math.nan if rate is None else rate for _, rate in cell.members], dtype=cell.precision.dtype)
    ensemble = Ensemble(models, cell.loss)
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
    shared = identity(cell) | _size(cell)
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
        curve=_storable(Curve(loss=cell.loss.value)),
        cell=cell.describe(),
        environment=provenance.environment(),
    )


def _targets(cell: Cell, y: np.ndarray) -> np.ndarray:
    """As references take them: numbers, or classes as rows of zeros with a one."""
    return np.eye(cell.task.n_classes)[y.astype(int)] if cell.task.n_classes else y


def unfinished(cell: Cell, status: str, reason: str, traceback: str = "") -> CellRecord:
    """The record of a cell that was not trained to the end: "skipped" for want of a width, or "failed"."""
    shared = identity(cell) | {"status": status, "reason": reason}
    if status == "failed":
        shared |= _size(cell)
    return CellRecord(
        key=cell.key,
        members=[shared | {"seed": seed, "lr": rate} for seed, rate in cell.members],
        curve=_storable(Curve(loss=cell.loss.value)),
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
        "depth": method.depth if isinstance(method, Method) else 0,
        "budget": cell.budget or None,
        "optimizer": type(cell.optimizer).__name__,
        "precision": cell.precision.value,
        **_protocol(cell),
        "protocol": cell.protocol,
        "cell": cell.key,
        "commit": provenance.commit(),
    }


def _protocol(cell: Cell) -> dict[str, Any]:
    """The columns that say what a comparison holds fixed; `data` is the hash of the task itself."""
    rows = Shares.from_sizes(cell.sizes).of(cell.task.n_rows) if isinstance(cell.task, TableTask) else cell.sizes
    settings = {each.name: getattr(cell.optimizer, each.name) for each in fields(cell.optimizer)}
    return {
        "data": _hash(cell.describe()["task"]),
        "train_size": cell.sizes.train,
        "validation_size": cell.sizes.validation,
        "test_size": cell.sizes.test,
        "n_train": rows.train,
        "noise": cell.conditions.noise,
        "extrapolation": cell.conditions.extrapolation,
        "vary": cell.vary.value,
        "settings": "; ".join(f"{name}={_plain(value)}" for name, value in settings.items()),
        "results_version": RESULTS_VERSION,
    }


def _size(cell: Cell) -> dict[str, Any]:
    sizing = cell.sizing
    return {"width": sizing.width, "params": sizing.params, "budget_miss": sizing.miss, "missed": sizing.is_marked}


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


def _storable(curve: Curve) -> dict[str, Any]:
    losses = [[finite(loss) for loss in check] for check in curve.validation]
    stored = {"steps": curve.steps, f"validation_{curve.loss}": losses}
    if not curve.layers:
        return stored
    layers = {
        name: [[None if number is None else finite(number) for number in check] for check in checks]
        for name, checks in curve.layers.items()
    }
    return stored | {"layers": layers}
