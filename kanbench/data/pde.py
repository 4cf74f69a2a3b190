"""The settings of runs on differential equations."""

from dataclasses import dataclass, replace
from typing import ClassVar

from kanbench.data.bundled import SuiteSettings
from kanbench.data.equations.task import EquationTask
from kanbench.data.splits import LARGEST
from kanbench.data.task import Suite, Task
from kanbench.errors import are


@dataclass(frozen=True)
class EquationSettings(SuiteSettings):
    """A suite of equations by its name or its file, the tasks of it that are trained, and the weight of conditions.

    weight: the factor of the mean square of every condition in the loss, times the weight that it may have of its own;
    that of the equation is 1.
    hard: whether u has the hard form of its equation, which keeps conditions exactly.
    """

    word: ClassVar[str] = "pde"

    weight: float = 1.0
    hard: bool = False

    def read(self) -> Suite:
        if not 0 < self.weight < LARGEST:
            raise ValueError(f"weight: must be a positive number, got {self.weight}")
        suite = super().read()
        if not all(isinstance(task, EquationTask) for task in suite.tasks):
            raise ValueError(f"suite: must be of differential equations, and {suite.name} is not; each has a residual")
        return replace(suite, tasks=tuple(self._weighted(task) for task in suite.tasks))

    def choose(self, suite: Suite) -> tuple[Task, ...]:
        chosen = super().choose(suite)
        if self.hard and (without := [task.name for task in chosen if not getattr(task, "form", None)]):
            raise ValueError(
                f"hard: {', '.join(without)} {are(len(without))} without a hard form; leave out of data.tasks"
            )
        return chosen

    def _weighted(self, task: EquationTask) -> EquationTask:
        weighted = tuple(replace(each, weight=each.weight * self.weight) for each in task.conditions)
        return replace(task, conditions=weighted, hard=task.form if self.hard else None)
