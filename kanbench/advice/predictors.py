"""Predictors that may be advised: the best network of each kind by validation, and the references; and their file."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import nn

from kanbench.advice.plan import Trials, table_of
from kanbench.analysis.stats import Array
from kanbench.cells import Cell, trained_again
from kanbench.checkpoint import Names, Units, save
from kanbench.config.config import Config
from kanbench.data import Dataset, TableTask
from kanbench.methods import REFERENCES, KANMethod, MLPMethod
from kanbench.models import MLP
from kanbench.store.record import CellRecord, RecordStore

MOST_TERMS = 1_000  # of a polynomial, whose fit takes seconds beyond them
RANGE = (-1.0, 1.0)  # of the training rows as networks see them
EMPTY = 1e300  # the spread of an input that is constant in training: whatever it is later, the network sees 0


@dataclass(frozen=True)
class Network:
    """The shape of one family at one budget that validation chose, and its best start.

    validation: the median of the validation error over starts.   test: the test error that its record holds.
    members: the number of trainings that the search began.
    """

    trials: Trials
    cell: Cell
    seed: int
    rate: float | None
    validation: float
    test: float | None
    members: int

    @property
    def name(self) -> str:
        """The name of its family."""
        return self.trials.family

    @property
    def is_mlp(self) -> bool:
        return isinstance(self.cell.method, MLPMethod)

    @property
    def shape(self) -> list[int]:
        """The widths of all layers."""
        return list(self.cell.sizing.shape)

    @property
    def params(self) -> int:
        return self.cell.sizing.params

    def __str__(self) -> str:
        return f"{self.name} {self.shape} with {self.params:,} parameters"


@dataclass(frozen=True)
class Predictor:
    """A fitted model, as a map from scaled rows to predictions; `module` is what can be saved of it.

    `is_scaled` says that the module predicts standardized targets, and `limits` where its inputs are kept: beyond the
    range of training a KAN predicts as at its end, as that of `KANRegressor` does, because most bases end there.
    """

    name: str
    predict: Callable[[Array], Array]
    params: int
    module: nn.Module | None = None
    is_scaled: bool = False
    limits: tuple[float, float] | None = None


def chosen_network(trials: Trials, store: RecordStore) -> Network | None:
    """Return the network that a finished search chose, or None where it is not finished or has none."""
    records = [record for cell in trials.cells if (record := store.find(cell.key)) and not record.failed]
    if len(records) < len(trials.cells):
        return None
    members = sum(len(record.members) for record in records)
    for cell, record in zip(trials.cells, records, strict=True):
        if record.members[0].get("chosen"):
            return _network(trials, cell, record, members)
    return None


def _network(trials: Trials, cell: Cell, record: CellRecord, members: int) -> Network | None:
    """Return the best start of a shape; None if no start has a finite error."""
    metric = cell.task.grading.score.metric
    errors = {
        (member["seed"], member["lr"]): member[f"val_{metric}"]
        for member in record.members
        if member.get(f"val_{metric}") is not None
    }
    if not errors:
        return None
    (seed, rate), _ = min(errors.items(), key=lambda pair: pair[1])
    at_rate = [error for (_, other), error in errors.items() if other == rate]
    (test,) = (m.get(f"test_{metric}") for m in record.members if (m["seed"], m["lr"]) == (seed, rate))
    return Network(trials, cell, seed, rate, median(at_rate), test, members)


def best(networks: Iterable[Network]) -> Network | None:
    """Return the network with the least validation error, or None of none."""
    return min(networks, key=lambda each: each.validation, default=None)


def fitted_network(network: Network, dataset: Dataset) -> Predictor:
    """Train the network of a choice again, because records hold no parameters."""
    cell = network.cell
    module = trained_again(cell, network.seed, network.rate).double().cpu()
    grading = cell.task.grading
    limits = RANGE if isinstance(cell.method, KANMethod) else None

    @torch.no_grad()
    def predict(x: Array) -> Array:
        outputs = module(torch.from_numpy(np.clip(x, *limits) if limits else x)).numpy()
        return grading.predictions(dataset, outputs[:, 0] if grading.n_outputs == 1 else outputs)

    return Predictor(network.name, predict, network.params, module, is_scaled=True, limits=limits)


def fitted_references(task: TableTask, dataset: Dataset) -> list[Predictor]:
    """Fit the references, the simplest first; a polynomial of too many terms is left out."""
    grading, fitted = task.grading, list[Predictor]()
    train, validation = dataset.train, dataset.validation
    targets = [grading.for_references(split.y) for split in (train, validation)]
    for reference in REFERENCES[grading.references]:
        params = reference.size(task.n_inputs, 0, grading.n_outputs).params
        if params <= MOST_TERMS * grading.n_outputs:
            fit = reference.fit(train.x, targets[0], validation.x, targets[1])
            module = _affine(fit.predict, task.n_inputs)
            fitted.append(Predictor(reference.label, fit.predict, params, module))
    return fitted


def _affine(predict: Callable[[Array], Array], n_in: int) -> nn.Module | None:
    """Return an affine map as a network without hidden layers, or None for another function."""
    corners = np.concatenate([np.zeros((1, n_in)), np.eye(n_in), np.full((1, n_in), 0.5), -np.eye(n_in)])
    values = predict(corners).reshape(len(corners), -1)
    bias, weight = values[0], values[1 : n_in + 1] - values[0]
    if not np.allclose(values, corners @ weight + bias, atol=1e-9 * (1.0 + np.abs(values).max())):
        return None
    module = MLP([n_in, values.shape[1]], generator=torch.Generator(), dtype=torch.float64)
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), (weight, bias), strict=True):
            parameter.copy_(torch.from_numpy(value))
    return module


def save_predictor(predictor: Predictor, config: Config, dataset: Dataset, path: Path) -> None:
    """Write a network or an affine reference to a file that `KANRegressor.load` or `KANClassifier.load` reads."""
    assert predictor.module is not None
    task = table_of(config)
    units = Units(
        inputs=_input_units(task, config),
        outputs=() if task.classes else _output_units(dataset, predictor.is_scaled),
        limits=predictor.limits,
        classes=_classes(task.classes),
        is_flat=isinstance(task.target, str),
    )
    outputs = task.classes or ((task.target,) if isinstance(task.target, str) else task.target)
    save(predictor.module, path, names=Names(task.inputs, outputs), units=units)


def _input_units(task: TableTask, config: Config) -> tuple[tuple[float, float], ...]:
    """Return the center and the half width of each input on the training rows, as `TableTask.split` maps them."""
    x = task.x[task.dealt(config.seeds[0], config.sizes)[0]]
    low, high = x.min(axis=0), x.max(axis=0)
    spread = np.where(high > low, (high - low) / 2.0, EMPTY)
    return tuple(zip(((low + high) / 2.0).tolist(), spread.tolist(), strict=True))


def _output_units(dataset: Dataset, is_scaled: bool) -> tuple[tuple[float, float], ...]:
    """Return the mean and the deviation of each target on the training rows, or 0 and 1 for unscaled predictions."""
    y = dataset.train.y.reshape(len(dataset.train.y), -1)
    center, spread = (y.mean(axis=0), y.std(axis=0)) if is_scaled else (np.zeros(y.shape[1]), np.ones(y.shape[1]))
    return tuple(zip(center.tolist(), spread.tolist(), strict=True))


def _classes(names: tuple[str, ...]) -> tuple[str | float, ...]:
    """Return classes as the user has them: numbers where all names are numbers as Python writes them."""
    for kind in (int, float):
        try:
            found = tuple(kind(name) for name in names)
        except ValueError:
            continue
        if tuple(map(str, found)) == names and all(map(math.isfinite, found)):
            return found
    return names
