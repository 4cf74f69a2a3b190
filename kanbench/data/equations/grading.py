"""The grading of solutions of equations: residuals on training and validation rows, u on the test grid."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kanbench.data.formula import Array
from kanbench.data.grading import Grading, Score
from kanbench.data.metrics import grade
from kanbench.data.splits import Dataset


@dataclass(frozen=True)
class Solution(Grading):
    """Grading of u, trained by least squares of its residual.

    The targets of training and validation rows are what a network that is 0 leaves of the equation and its conditions,
    so that the relative error of a residual is 1 for it, as the relative error of u is for u = 0 on the test grid.
    """

    loss: ClassVar[str] = "mse"
    references: ClassVar[str] = "equation"
    score: ClassVar[Score] = Score("rel_l2", "relative L2 error of u on the test grid", "relative L2 of u", "u = 0")

    @property
    def n_outputs(self) -> int:
        return 1

    def targets(self, dataset: Dataset, y: Array) -> Array:
        """Return zeros, which are the targets of residuals."""
        return np.zeros_like(y)

    def predictions(self, dataset: Dataset, outputs: Array) -> Array:
        return outputs

    def for_references(self, y: Array) -> Array:
        return y

    def grade(self, dataset: Dataset, predictions: Array, y: Array) -> dict[str, float]:
        """Grade u against y on the test split, and residuals by their size over that of y on the other two."""
        is_of_u = y is dataset.test.y
        return grade(predictions if is_of_u else predictions + y, y, 0.0)
