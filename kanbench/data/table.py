"""Tasks given by tables: numbers in memory."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kanbench.data.formula import Array
from kanbench.data.grading import Classification, Grading, Regression, SeveralOutputs
from kanbench.data.randomness import stream
from kanbench.data.splits import Conditions, Dataset, Shares, Split, SplitSizes
from kanbench.data.task import Task
from kanbench.errors import counted, shown

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class TableTask(Task):
    """A target column and the columns to predict it from; `digest` is the hash of their content.

    Several targets are predicted by one model, and `target` is the tuple of their names. For a classification `classes`
    names the classes, and y holds their indices. x and y are left out of comparisons, because the digest stands for
    them.
    """

    name: str
    target: str | tuple[str, ...]
    inputs: tuple[str, ...]
    digest: str
    x: Array = field(compare=False, repr=False)  # (n_rows, n_inputs), in the units of the table
    y: Array = field(compare=False, repr=False)  # (n_rows,), or of several targets (n_rows, n_targets)
    classes: tuple[str, ...] = ()
    same_as: str = ""
    source: str = ""
    note: str = ""
    splits: ClassVar[type] = Shares
    remark: str = field(default="", compare=False, repr=False)  # a warning about the rows that a run prints

    def __post_init__(self) -> None:
        """Check the arrays. Raises `ValueError` for shapes that do not match the names, and for invalid values."""
        n = len(self.y)
        shape = (n,) if isinstance(self.target, str) else (n, len(self.target))
        if self.x.shape != (n, len(self.inputs)) or self.y.shape != shape:
            numbers = "one number" if isinstance(self.target, str) else counted(len(self.target), "number")
            raise ValueError(
                f"table {shown(self.name)}: x must be rows times {counted(len(self.inputs), 'input')} and y {numbers} "
                f"a row, got shapes {self.x.shape} and {self.y.shape}"
            )
        if self.classes and not isinstance(self.target, str):
            raise ValueError(f"table {shown(self.name)}: only one target can be a class")
        if not (np.isfinite(self.x).all() and np.isfinite(self.y).all()):
            raise ValueError(f"table {shown(self.name)}: x and y must be finite")
        if self.classes and not np.isin(self.y, np.arange(len(self.classes))).all():
            raise ValueError(f"table {shown(self.name)}: y must be indices of its {len(self.classes)} classes")

    @property
    def n_inputs(self) -> int:
        return len(self.inputs)

    @property
    def n_rows(self) -> int:
        return len(self.y)

    @property
    def grading(self) -> Grading:
        if self.classes:
            return Classification(len(self.classes))
        return Regression() if isinstance(self.target, str) else SeveralOutputs(self.target)

    def may_fail(self, conditions: Conditions) -> bool:
        return True

    def rows(self, sizes: SplitSizes | Shares) -> SplitSizes:
        return Shares.from_sizes(sizes).of(self.n_rows)

    def dealt(self, seed: int, sizes: SplitSizes | Shares) -> tuple[Rows, Rows, Rows]:
        """Return the indices of the rows of training, validation and test that the seed deals."""
        counts = self.rows(sizes)
        order = _order(self, np.random.default_rng(stream(seed, "rows", self.name)))
        test, validation, train, _ = np.split(order, np.cumsum([counts.test, counts.validation, counts.train]))
        return train, validation, test

    def split(self, seed: int, sizes: SplitSizes | Shares, conditions: Conditions) -> Dataset:
        """Split the rows in an order drawn by the seed: first the test rows, then validation, then training.

        So the number of training rows changes no other split. Inputs are mapped to [-1, 1] by their range on the
        training rows; an input that is constant there becomes 0. For classes all splits are stratified.

        Raises `ValueError` for conditions that a table cannot have, and for a split that lacks a class.
        """
        if conditions.extrapolation:
            raise ValueError(f"task {self.name}: a table says nothing off its rows, so extrapolation must be 0")
        if conditions.noise and self.classes:
            raise ValueError(f"task {self.name}: noise is added to numbers, and the target is a class")
        train, validation, test = self.dealt(seed, sizes)
        for split_name, rows in (("training", train), ("validation", validation), ("test", test)):
            _require_classes(self, rows, f"{split_name} split of seed {seed}")
        low, high = self.x[train].min(axis=0), self.x[train].max(axis=0)
        varies = high > low
        width = np.where(varies, high - low, 1.0)

        def split(rows: np.ndarray) -> Split:
            return Split(np.where(varies, 2.0 * (self.x[rows] - low) / width - 1.0, 0.0), self.y[rows])

        return Dataset(split(train), split(validation), split(test))


def table_task(
    name: str,
    inputs: Sequence[str],
    x: Array,
    target: str | Sequence[str],
    y: Array,
    classes: Sequence[str] = (),
    **about: str,
) -> TableTask:
    """Make a task from arrays.

    Args:
        name: The name of the task.
        inputs: The names of the inputs.
        x: The inputs, (n_rows, n_inputs).
        target: The name of the target, or the names of several.
        y: The numbers of the target, (n_rows,), of several (n_rows, n_targets), or the indices of classes, (n_rows,).
        classes: The names of the classes; () for a regression.
        about: Its source, a note and a remark.

    Raises:
        ValueError: The shapes do not fit, or the values are not finite.
    """
    target = target if isinstance(target, str) else tuple(target)
    digest = hashlib.sha256(repr((tuple(inputs), target, tuple(classes), x.shape)).encode())
    for array in (x, y):
        digest.update(np.ascontiguousarray(array, dtype="<f8").data)
    return TableTask(name, target, tuple(inputs), digest.hexdigest()[:24], x, y, tuple(classes), **about)


def _order(task: TableTask, generator: np.random.Generator) -> np.ndarray:
    """Return all rows in a random order in which every stretch holds each class in nearly its share."""
    rows = generator.permutation(task.n_rows)
    if not task.classes:
        return rows
    position = np.empty(task.n_rows)
    for label in range(len(task.classes)):
        members = task.y[rows] == label
        position[members] = (np.arange(members.sum()) + generator.uniform()) / members.sum()
    return rows[np.argsort(position, kind="stable")]


def _require_classes(task: TableTask, rows: np.ndarray, split: str) -> None:
    """Raise `ValueError` if a class has no row in a split."""
    there = np.bincount(task.y[rows].astype(int), minlength=len(task.classes)) if task.classes else np.ones(0)
    if not there.all():
        lacking = int(np.argmin(there))
        of_all = counted(int((task.y == lacking).sum()), "row")
        raise ValueError(
            f"task {task.name}: the class {shown(task.classes[lacking])} has {of_all} and none of them is in the "
            f"{split}; take larger splits, add rows of the class, or leave it out"
        )
