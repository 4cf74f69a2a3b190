"""The grading of a task: its loss, the outputs of its models, its metrics, and the score that ranks methods."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kanbench.data.formula import Array
from kanbench.data.metrics import class_prior, grade, grade_classes, grade_outputs
from kanbench.data.splits import Dataset


@dataclass(frozen=True)
class Score:
    """The metric that ranks methods: an error relative to a predictor that ignores the inputs, which scores 1.

    metric: its key among the grades; records hold it as train_, val_ and test_<metric>.
    name: its name in tables and figures, such as "relative L2 error on test".
    short: its name in a sentence about one member, such as "relative L2".
    trivial: the predictor with score 1, such as "a constant".
    """

    metric: str
    name: str
    short: str
    trivial: str


class Grading(ABC):
    """The loss, the outputs and the metrics of a task.

    `loss` names one of `kanbench.training.LOSSES`, and `references` one of the lists in `kanbench.methods.REFERENCES`.
    """

    loss: ClassVar[str]
    references: ClassVar[str]
    score: ClassVar[Score]

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """The number of outputs of a model."""

    @abstractmethod
    def targets(self, dataset: Dataset, y: Array) -> Array:
        """Convert targets y of one of the splits to those that models are trained on: (n,) or (n, n_outputs)."""

    @abstractmethod
    def predictions(self, dataset: Dataset, outputs: Array) -> Array:
        """Convert outputs of a model to the units of the target, the inverse of `targets`."""

    @abstractmethod
    def for_references(self, y: Array) -> Array:
        """Convert targets to those that references are fitted to: (n,) or (n, n_outputs)."""

    @abstractmethod
    def grade(self, dataset: Dataset, predictions: Array, y: Array) -> dict[str, float]:
        """Return the metrics of predictions against y by name, including the score; NaN and infinity pass through."""


class LeastSquares(Grading):
    """Grading of numbers that a model is trained on by least squares, each target standardized by itself."""

    loss: ClassVar[str] = "mse"
    references: ClassVar[str] = "regression"

    def targets(self, dataset: Dataset, y: Array) -> Array:
        return dataset.standardize(y)

    def predictions(self, dataset: Dataset, outputs: Array) -> Array:
        return dataset.restore(outputs)

    def for_references(self, y: Array) -> Array:
        return y


@dataclass(frozen=True)
class Regression(LeastSquares):
    """Regression of one number."""

    score: ClassVar[Score] = Score("rel_l2", "relative L2 error on test", "relative L2", "a constant")

    @property
    def n_outputs(self) -> int:
        return 1

    def grade(self, dataset: Dataset, predictions: Array, y: Array) -> dict[str, float]:
        return grade(predictions, y, dataset.y_mean)


@dataclass(frozen=True)
class SeveralOutputs(LeastSquares):
    """Regression of several numbers by one model.

    Each metric is the mean over the outputs, and beside it stands that of every output, such as rel_l2_y1.
    """

    names: tuple[str, ...]
    score: ClassVar[Score] = Score(
        "rel_l2", "relative L2 error on test, mean over outputs", "mean relative L2", "a constant"
    )

    @property
    def n_outputs(self) -> int:
        return len(self.names)

    def grade(self, dataset: Dataset, predictions: Array, y: Array) -> dict[str, float]:
        return grade_outputs(predictions, y, dataset.train.y.mean(axis=0), self.names)


@dataclass(frozen=True)
class Classification(Grading):
    """Classification by one logit per class, trained by the cross-entropy."""

    n_classes: int
    loss: ClassVar[str] = "cross_entropy"
    references: ClassVar[str] = "classification"
    score: ClassVar[Score] = Score(
        "rel_cross_entropy",
        "cross-entropy on test over that of the class prior",
        "relative cross-entropy",
        "the class prior",
    )

    @property
    def n_outputs(self) -> int:
        return self.n_classes

    def targets(self, dataset: Dataset, y: Array) -> Array:
        return y

    def predictions(self, dataset: Dataset, outputs: Array) -> Array:
        return outputs

    def for_references(self, y: Array) -> Array:
        return np.eye(self.n_classes)[y.astype(int)]

    def grade(self, dataset: Dataset, predictions: Array, y: Array) -> dict[str, float]:
        return grade_classes(predictions, y, class_prior(dataset.train.y, self.n_classes))
