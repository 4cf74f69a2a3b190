"""From a task and a seed to the three splits, on the scales that models train on."""

import zlib
from dataclasses import dataclass

import numpy as np

from kanbench.data.formula import Array
from kanbench.data.task import Task

STREAMS = ("train", "validation", "test", "initialisation", "order")


def stream(seed: int, purpose: str, label: str = "") -> np.random.SeedSequence:
    """An independent source of randomness for one purpose of one seed; `label` separates tasks.

    Purposes never share numbers, so a seed's data stay the same whatever the model draws.
    """
    return np.random.SeedSequence([seed, STREAMS.index(purpose), zlib.crc32(label.encode())])


@dataclass(frozen=True)
class Split:
    """Points on the unit cube, x (n, n_inputs) in [-1, 1], with targets y (n,) in the units of the formula."""

    x: Array
    y: Array


@dataclass(frozen=True)
class SplitSizes:
    """Rows of each split."""

    train: int = 1_000
    validation: int = 1_000
    test: int = 10_000


@dataclass(frozen=True)
class Dataset:
    """The three splits of one task for one seed; the scale of the targets is fitted on the training split only."""

    train: Split
    validation: Split
    test: Split

    @property
    def y_mean(self) -> float:
        return float(self.train.y.mean())

    @property
    def y_std(self) -> float:
        return float(self.train.y.std())

    def standardise(self, y: Array) -> Array:
        return (y - self.y_mean) / self.y_std

    def restore(self, y: Array) -> Array:
        return y * self.y_std + self.y_mean


def sample(task: Task, seed: int, sizes: SplitSizes) -> Dataset:
    """Uniform points on the ranges of the task; the same seed gives the same points to every method.

    Each split has a stream of its own, so the size of one does not change the points of another.

    Raises `ValueError` if the target is constant or not finite anywhere on the sample.
    """

    def split(purpose: str, n: int) -> Split:
        generator = np.random.default_rng(stream(seed, purpose, task.name))
        x = generator.uniform(-1.0, 1.0, size=(n, task.n_inputs))
        y = task.target(x)
        if not np.isfinite(y).all():
            raise ValueError(f"task {task.name}: {(~np.isfinite(y)).sum()} of {n} {purpose} targets are not finite")
        return Split(x, y)

    dataset = Dataset(split("train", sizes.train), split("validation", sizes.validation), split("test", sizes.test))
    if np.ptp(dataset.train.y) == 0.0:
        raise ValueError(f"task {task.name}: the target is constant on the training split")
    return dataset
