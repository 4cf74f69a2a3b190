"""The settings of runs on differential equations."""

from dataclasses import dataclass, replace
from typing import ClassVar

from kanbench.data.bundled import SuiteSettings
from kanbench.data.equations.task import EquationTask
from kanbench.data.splits import LARGEST
from kanbench.data.task import Suite


@dataclass(frozen=True)
class EquationSettings(SuiteSettings):
    """A suite of equations by its name or its file, the tasks of it that are trained, and the weight of conditions.

    weight: the factor of the mean square of every condition in the loss, times the weight that it may have of its own;
    that of the equation is 1.
    """

    word: ClassVar[str] = "pde"

    weight: float = 1.0

    def read(self) -> Suite:
        if not 0 < self.weight < LARGEST:
            raise ValueError(f"weight: must be a positive number, got {self.weight}")
        suite = super().read()
        if not all(isinstance(task, EquationTask) for task in suite.tasks):
            raise ValueError(f"suite: must be of differential equations, and {suite.name} is not; each has a residual")
        return replace(suite, tasks=tuple(self._weighted(task) for task in suite.tasks))

    def _weighted(self, task: EquationTask) -> EquationTask:
        weighted = tuple(replace(each, weight=each.weight * self.weight) for each in task.conditions)
        return replace(task, conditions=weighted)
