"""Sampling: from a task and a seed to its three splits, with noise on the targets of training."""

import numpy as np

from kanbench.data.randomness import stream
from kanbench.data.splits import (
    CLEAN,
    LARGEST,
    ROUNDING,
    Conditions,
    Dataset,
    Shares,
    Split,
    SplitSizes,
)
from kanbench.data.task import Task


def sample(task: Task, seed: int, sizes: SplitSizes | Shares, conditions: Conditions = CLEAN) -> Dataset:
    """Return the data of a task for one seed; the same seed gives the same data to every method.

    Raises `ValueError` if the training target is constant or if any target is not finite, for a table with too few
    rows, and for conditions that the task does not support.
    """
    clean = task.split(seed, sizes, conditions)
    _check_targets(task.name, clean)
    if not conditions.noise:
        return clean
    generator = np.random.default_rng(stream(seed, "noise", task.name))
    errors = conditions.noise * clean.train.y.std(axis=0) * generator.standard_normal(clean.train.y.shape)
    return Dataset(Split(clean.train.x, clean.train.y + errors), clean.validation, clean.test)


def _check_targets(name: str, data: Dataset) -> None:
    """Raise `ValueError` for targets that cannot be scaled: constant ones, and those whose squares overflow."""
    largest = max(float(np.abs(split.y).max()) for split in (data.train, data.validation, data.test))
    if largest > LARGEST:
        raise ValueError(f"task {name}: the target reaches {largest:g}, and must be within {LARGEST:g}")
    columns = data.train.y.reshape(len(data.train.y), -1).T
    for number, y in enumerate(columns, start=1):
        target = "the target" if len(columns) == 1 else f"target {number} of {len(columns)}"
        spread = float(np.ptp(y))
        if spread == 0.0:
            raise ValueError(f"task {name}: {target} is constant on the training split")
        if spread < max(ROUNDING * float(np.abs(y).max()), 1.0 / LARGEST):
            raise ValueError(
                f"task {name}: {target} varies by {spread:.1e} on the training split, about {y.mean():g}, "
                "which may be no more than rounding"
            )
