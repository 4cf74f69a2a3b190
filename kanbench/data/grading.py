"""What is asked of predictions: the loss, the outputs, the grades, and the score that methods are compared by."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kanbench.data.formula import Array
from kanbench.data.metrics import class_prior, grade, grade_classes
from kanbench.data.splits import Dataset


@dataclass(frozen=True)
class Score:
    """The metric that members are compared by: a relative error, 1 for the predictor that knows the targets alone.

    metric: its name among the grades; records hold it as train_, val_ and test_<metric>.
    name: what tables and figures call it, such as "relative L2 error on test".
    short: what a sentence about one member calls it, such as "relative L2".
    trivial: the predictor whose score is 1, such as "a constant".
    """

    metric: str
    name: str
    short: str
    trivial: str


class Grading(ABC):
    """How the predictions of a task are trained and graded.

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
        """Return targets as models are trained on them: (n,) or (n, n_outputs), for y of one of the splits."""

    @abstractmethod
    def predictions(self, dataset: Dataset, outputs: Array) -> Array:
        """Return the outputs of a model in the units of the target, the inverse of `targets`."""

    @abstractmethod
    def for_references(self, y: Array) -> Array:
        """Return targets as references are fitted to them: (n,) or (n, n_outputs)."""

    @abstractmethod
    def grade(self, dataset: Dataset, predictions: Array, y: Array) -> dict[str, float]:
        """Return the metrics of predictions against y by name, the score among them; NaN and infinity pass through."""


@dataclass(frozen=True)
class Regression(Grading):
    """Predictions of one number, trained by least squares on the standardized target."""

    loss: ClassVar[str] = "mse"
    references: ClassVar[str] = "regression"
    score: ClassVar[Score] = Score("rel_l2", "relative L2 error on test", "relative L2", "a constant")

    @property
    def n_outputs(self) -> int:
        return 1

    def targets(self, dataset: Dataset, y: Array) -> Array:
        return dataset.standardize(y)

    def predictions(self, dataset: Dataset, outputs: Array) -> Array:
        return dataset.restore(outputs)

    def for_references(self, y: Array) -> Array:
        return y

    def grade(self, dataset: Dataset, predictions: Array, y: Array) -> dict[str, float]:
        return grade(predictions, y, dataset.y_mean)


@dataclass(frozen=True)
class Classification(Grading):
    """Predictions of a class, as one logit for each, trained by the cross-entropy."""

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
