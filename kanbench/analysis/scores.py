"""Scores that can be compared: the members that count, and at each budget the errors on shared tasks."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self, TypeAlias

import numpy as np
import pandas as pd

from kanbench.analysis.load import choose_rates
from kanbench.analysis.protocol import Level, check_protocol, levels
from kanbench.analysis.significance import PairTests, compare_pairs
from kanbench.analysis.stats import Array

FAILURES = ("diverged", "failed")
TaskName = tuple[str, str]  # suite, task


@dataclass(frozen=True)
class Scores:
    """Errors at one budget, of the methods that are compared and on the tasks that each of them was trained on."""

    methods: list[str]
    tasks: list[TaskName]
    errors: Array  # (methods, tasks, seeds)
    _tested: dict[int | None, PairTests] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def medians(self) -> Array:
        """Over seeds: (methods, tasks)."""
        return np.median(self.errors, axis=-1)

    def tests(self, baseline: str | None = None) -> PairTests:
        """Test all pairs, or all methods against the baseline if it was trained. Raises `Refusal`."""
        index = self.methods.index(baseline) if baseline in self.methods else None
        if index not in self._tested:
            self._tested[index] = compare_pairs(self.medians, index)
        return self._tested[index]

    @property
    def by_method(self) -> dict[str, Array]:
        """Errors (tasks, seeds) of each method."""
        return dict(zip(self.methods, self.errors, strict=True))

    def of(self, method: str) -> Array:
        """Errors of one method: (tasks, seeds)."""
        return self.errors[self.methods.index(method)]


@dataclass(frozen=True, eq=False)
class Compared:
    """Records with what every table asks of them; each part is computed when it is first asked for, and once.

    Reading a part raises `ValueError` for records that no one comparison may hold, and where there are none.
    """

    frame: pd.DataFrame
    known_levels: tuple[tuple[Level, Self], ...] = ()  # of parts of a frame whose levels were found before

    @cached_property
    def chosen(self) -> pd.DataFrame:
        """The members that count, at the rates chosen on validation, each once."""
        if self.frame.empty:
            raise ValueError("there are no records to compare")
        check_protocol(self.frame)
        return choose_rates(self.frame.drop_duplicates(["cell", "seed", "lr"]))

    @cached_property
    def by_budget(self) -> dict[int, Scores]:
        """The scores that can be compared, the smallest budget first; budgets without any are left out."""
        found = {int(budget): comparable(part) for budget, part in self.chosen.groupby("budget")}
        return {budget: scores for budget, scores in found.items() if scores.tasks}

    @cached_property
    def levels(self) -> list[tuple[Level, Self]]:
        """The records apart by training rows, noise and extrapolation; itself where none of them differs."""
        if self.known_levels:
            return list(self.known_levels)
        apart = levels(self.frame)
        return [(level, replace(self, frame=part)) for level, part in apart] if len(apart) > 1 else [({}, self)]

    def held(self, held: Level) -> Self:
        """Return the records of the levels that have these values on these axes."""
        part = self.frame[(self.frame[list(held)] == pd.Series(held, dtype=float)).all(axis=1)]
        kept = [(level, of) for level, of in self.levels if all(level[axis] == value for axis, value in held.items())]
        return replace(self, frame=part, known_levels=tuple(kept))


Records: TypeAlias = pd.DataFrame | Compared


def compared(records: Records) -> Compared:
    """Return the records of a frame as an object that computes each part once; such an object comes back as it is."""
    return records if isinstance(records, Compared) else Compared(records)


def scores_by_budget(records: Records) -> dict[int, Scores]:
    """Return the comparable scores of each budget, the smallest first. Budgets without any are left out."""
    return compared(records).by_budget


def chosen_members(records: Records) -> pd.DataFrame:
    """Return the members that count, see `Compared.chosen`."""
    return compared(records).chosen


def at_best_rates(records: Records) -> pd.DataFrame:
    """Return the members at the rates chosen on validation; of a frame, which may be of any protocol, with repeats."""
    return records.chosen if isinstance(records, Compared) else choose_rates(records)


def comparable(at_budget: pd.DataFrame) -> Scores:
    """Return the comparable scores of the chosen members at one budget; they may be empty."""
    methods = _compared_methods(at_budget)
    tasks = _shared_tasks(at_budget, methods)
    scores = score_matrices(at_budget[at_budget.method.isin(methods)], tasks)
    return Scores(list(scores), tasks, np.stack(list(scores.values())) if scores else np.empty((0, 0, 0)))


def _compared_methods(at_budget: pd.DataFrame) -> list[str]:
    """Methods that were trained on at least half of the tasks on which any was; others would take tasks away."""
    trained = at_budget[at_budget.status != "skipped"].drop_duplicates(["method", "suite", "task"])
    if trained.empty:
        return []
    n_tasks = trained.groupby("method").size()
    return [str(m) for m in n_tasks[n_tasks >= len(trained.drop_duplicates(["suite", "task"])) / 2].index]


def _shared_tasks(at_budget: pd.DataFrame, methods: list[str]) -> list[TaskName]:
    """Tasks on which every one of `methods` was trained; one task of each class of duplicates."""
    trained = at_budget[(at_budget.status != "skipped") & at_budget.method.isin(methods)]
    n_methods = trained.groupby(["suite", "task"]).method.nunique()
    complete = n_methods[n_methods == len(methods)].index
    twin = at_budget.drop_duplicates(["suite", "task"]).set_index(["suite", "task"]).same_as.fillna("")
    first: dict[TaskName, TaskName] = {}
    for suite, task in complete:
        first.setdefault((suite, twin[suite, task] or task), (suite, task))
    return sorted(first.values())


def score_matrices(members: pd.DataFrame, tasks: list[TaskName]) -> dict[str, Array]:
    """Scores (tasks, seeds) of each method that has every task; a protocol has the same seeds everywhere."""
    if not tasks:
        return {}
    ordered = of_tasks(members, tasks).dropna(subset="score").sort_values(["suite", "task", "seed"])
    return {
        str(method): part.score.to_numpy(dtype=float).reshape(len(tasks), -1)
        for method, part in ordered.groupby("method")
        if len(part.drop_duplicates(["suite", "task"])) == len(tasks)
    }


def failed_of_each(members: pd.DataFrame, tasks: list[TaskName]) -> dict[str, dict[str, int]]:
    """Count the members of each method on these tasks, and those of them that diverged or failed.

    A median over seeds does not show them: two of five members may fail, and the error be that of a success.
    """
    part = of_tasks(members, tasks)
    bad = part.status.isin(FAILURES)
    return {
        str(method): {"members": len(of_method), "failed": int(of_method.sum())}
        for method, of_method in bad.groupby(part.method)
    }


def of_tasks(members: pd.DataFrame, tasks: list[TaskName]) -> pd.DataFrame:
    """The members on these tasks."""
    return members[pd.MultiIndex.from_frame(members[["suite", "task"]]).isin(tasks)]
