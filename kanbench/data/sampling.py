"""From a task and a seed to the three splits, on the scales that models train on."""

import numpy as np

from kanbench.data.splits import (
    CLEAN,
    LARGEST,
    MOST_NUMBERS,
    ROUNDING,
    Conditions,
    Dataset,
    Shares,
    Split,
    SplitSizes,
    stream,
)
from kanbench.data.table import TableTask
from kanbench.data.task import Task


def sample(task: Task | TableTask, seed: int, sizes: SplitSizes | Shares, conditions: Conditions = CLEAN) -> Dataset:
    """The data of a task for one seed; the same seed gives the same data to every method.

    Raises `ValueError` if the training target is constant or if any target is not finite, for a table with too few
    rows, and for conditions that the task cannot be put under.
    """
    clean = (
        _deal(task, seed, sizes, conditions)
        if isinstance(task, TableTask)
        else _draw(task, seed, sizes, conditions.extrapolation)
    )
    _check_targets(task.name, clean)
    if not conditions.noise:
        return clean
    generator = np.random.default_rng(stream(seed, "noise", task.name))
    errors = conditions.noise * clean.y_std * generator.standard_normal(len(clean.train.y))
    return Dataset(Split(clean.train.x, clean.train.y + errors), clean.validation, clean.test)


def _check_targets(name: str, data: Dataset) -> None:
    """Raise `ValueError` for targets that cannot be scaled: constant ones, and those whose squares are not finite."""
    largest = max(float(np.abs(split.y).max()) for split in (data.train, data.validation, data.test))
    if largest > LARGEST:
        raise ValueError(f"task {name}: the target reaches {largest:g}, and must be within {LARGEST:g}")
    spread = float(np.ptp(data.train.y))
    if spread == 0.0:
        raise ValueError(f"task {name}: the target is constant on the training split")
    if spread < max(ROUNDING * float(np.abs(data.train.y).max()), 1.0 / LARGEST):
        raise ValueError(
            f"task {name}: the target varies by {spread:.1e} on the training split, about {data.y_mean:g}, "
            "which may be no more than rounding"
        )


def _draw(task: Task, seed: int, sizes: SplitSizes | Shares, extrapolation: float) -> Dataset:
    """Uniform points on the ranges of the task, those of the test on wider ones if they are to extrapolate.

    Each split has a stream of its own, so the size of one does not change the points of another, and a smaller split
    is the beginning of a larger one.
    """
    if isinstance(sizes, Shares):
        raise ValueError(f"task {task.name}: shares are of the rows of a table, and a formula has none")
    rows = sizes.train + sizes.validation + sizes.test
    if rows * task.n_inputs > MOST_NUMBERS:
        raise ValueError(
            f"task {task.name}: {rows:,} rows of {task.n_inputs} inputs are too many; at most {MOST_NUMBERS:,} numbers "
            "can be drawn"
        )

    def split(purpose: str, n: int, width: float = 1.0) -> Split:
        generator = np.random.default_rng(stream(seed, purpose, task.name))
        x = width * generator.uniform(-1.0, 1.0, size=(n, task.n_inputs))
        y = task.target(x)
        if not np.isfinite(y).all():
            where = f" on a range {100 * extrapolation:g} % wider" if width > 1 else ""
            raise ValueError(
                f"task {task.name}: {(~np.isfinite(y)).sum()} of {n} {purpose} targets are not finite{where}"
            )
        return Split(x, y)

    return Dataset(
        split("train", sizes.train),
        split("validation", sizes.validation),
        split("test", sizes.test, 1.0 + extrapolation),
    )


def _deal(task: TableTask, seed: int, sizes: SplitSizes | Shares, conditions: Conditions) -> Dataset:
    """The rows of a table in an order that the seed draws: first those of the test, then validation, then training.

    So the number of training rows changes no other split. Inputs are mapped to [-1, 1] by their range on the
    training rows; one that is constant there is 0 everywhere. Classes have nearly equal shares in all splits.
    """
    if conditions.extrapolation:
        raise ValueError(f"task {task.name}: a table says nothing off its rows, so extrapolation must be 0")
    if conditions.noise and task.n_classes:
        raise ValueError(f"task {task.name}: noise is added to numbers, and the target is a class")
    counts = Shares.from_sizes(sizes).of(task.n_rows)
    order = _order(task, np.random.default_rng(stream(seed, "rows", task.name)))
    test, validation, train, _ = np.split(order, np.cumsum([counts.test, counts.validation, counts.train]))
    low, high = task.x[train].min(axis=0), task.x[train].max(axis=0)
    varies = high > low
    width = np.where(varies, high - low, 1.0)

    def split(rows: np.ndarray) -> Split:
        return Split(np.where(varies, 2.0 * (task.x[rows] - low) / width - 1.0, 0.0), task.y[rows])

    return Dataset(split(train), split(validation), split(test))


def _order(task: TableTask, generator: np.random.Generator) -> np.ndarray:
    """All rows in a random order of which any stretch holds each class in nearly its share."""
    rows = generator.permutation(task.n_rows)
    if not task.n_classes:
        return rows
    position = np.empty(task.n_rows)
    for label in range(task.n_classes):
        members = task.y[rows] == label
        position[members] = (np.arange(members.sum()) + generator.uniform()) / members.sum()
    return rows[np.argsort(position, kind="stable")]
