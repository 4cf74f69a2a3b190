"""The settings of runs on differential equations."""

from dataclasses import dataclass, replace
from typing import ClassVar

from kanbench.data.bundled import SuiteSettings
from kanbench.data.equations.renewal import Balance, Renewal, Rows
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
    rounds, rows, balance, causal: what is renewed in a training, see `Renewal`.
    """

    word: ClassVar[str] = "pde"

    weight: float = 1.0
    hard: bool = False
    rounds: int = 1
    rows: Rows = Rows.fixed
    balance: Balance = Balance.equal
    causal: float = 0.0

    def read(self) -> Suite:
        if not 0 < self.weight < LARGEST:
            raise ValueError(f"weight: must be a positive number, got {self.weight}")
        if self.balance is Balance.gradients and self.weight != 1.0:
            raise ValueError(f"weight: must be 1 with balance=gradients, which sets the weights, got {self.weight}")
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
        return self._renewed(chosen)

    def _renewed(self, chosen: tuple[Task, ...]) -> tuple[Task, ...]:
        """Return tasks with what is renewed in a training. Raises `ValueError` for those that lack what it needs."""
        renewal = Renewal(self.rounds, self.rows, self.balance, self.causal)
        renewed, faults = list[Task](), dict[str, ValueError]()
        for task in chosen:
            try:
                renewed.append(replace(task, renewal=renewal))  # type: ignore[type-var]
            except ValueError as error:
                faults[task.name] = error
        if faults:
            raise ValueError(f"tasks: {next(iter(faults.values()))}; leave out of data.tasks: {', '.join(faults)}")
        return tuple(renewed)

    def _weighted(self, task: EquationTask) -> EquationTask:
        weighted = tuple(replace(each, weight=each.weight * self.weight) for each in task.conditions)
        return replace(task, conditions=weighted, hard=task.form if self.hard else None)
