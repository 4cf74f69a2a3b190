"""Scores that can be compared: the members that count, and at each budget the errors on shared tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self, TypeAlias

import numpy as np
import pandas as pd

from kanbench.analysis.kinds import without_further_solvers
from kanbench.analysis.load import choose_rates
from kanbench.analysis.protocol import Level, check_protocol, levels
from kanbench.analysis.shapes import choose_shapes
from kanbench.analysis.significance import PairTests, Refusal, compare_pairs, correct_together
from kanbench.analysis.stats import Array

FAILURES = ("diverged", "failed")
TaskName = tuple[str, str]  # suite, task


@dataclass(frozen=True)
class Scores:
    """Errors at one budget, of the methods that are compared and on the tasks that each of them was trained on."""

    methods: list[str]
    tasks: list[TaskName]
    errors: Array  # (methods, tasks, seeds)

    @cached_property
    def medians(self) -> Array:
        """Over seeds: (methods, tasks)."""
        return np.median(self.errors, axis=-1)

    @property
    def by_method(self) -> dict[str, Array]:
        """Errors (tasks, seeds) of each method."""
        return dict(zip(self.methods, self.errors, strict=True))

    def place(self, method: str | None) -> int | None:
        """Return the place of a method; None if it was not trained here."""
        return self.methods.index(method) if method in self.methods else None

    def of(self, method: str) -> Array:
        """Errors of one method: (tasks, seeds)."""
        return self.errors[self.methods.index(method)]


@dataclass(frozen=True)
class Primary:
    """The one comparison that a study declares beforehand: its test stands alone, and all others are corrected.

    level: the values of the axes that differ in the study, such as {"train_size": 1000}; empty where none does.
    """

    method: str
    against: str
    budget: int
    level: Level = field(default_factory=dict)

    def among(self, methods: Sequence[str], names: Mapping[str, str]) -> "Primary | None":
        """Return the comparison under other names of its methods; None if one of them is not among those chosen."""
        if not {self.method, self.against} <= set(methods):
            return None
        method, against = (names.get(each, each) for each in (self.method, self.against))
        return replace(self, method=method, against=against)

    def is_in(self, frame: pd.DataFrame) -> bool:
        """Return whether the records hold both methods at this budget, each by itself or as a line of a search."""
        at_budget = frame[frame.budget == self.budget]
        return {self.method, self.against} <= {*at_budget.method, *at_budget.get("searched", ())}


@dataclass(frozen=True, eq=False)
class Compared:
    """Records with what every table asks of them; each part is computed when it is first asked for, and once.

    Reading a part raises `ValueError` for records that no one comparison may hold, and where there are none.
    """

    frame: pd.DataFrame
    known_levels: tuple[tuple[Level, Self], ...] = ()  # of parts of a frame whose levels were found before
    primary: Primary | None = None
    tried: pd.DataFrame | None = field(default=None, repr=False)  # all members, where shapes were searched
    _tested: dict[str | None, dict[int, PairTests | Refusal]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Take the chosen shape of every search, and keep all of them in `tried`."""
        chosen = choose_shapes(self.frame)
        if chosen is not self.frame:
            object.__setattr__(self, "tried", self.frame)
            object.__setattr__(self, "frame", chosen)

    @cached_property
    def chosen(self) -> pd.DataFrame:
        """The members that count, at the rates chosen on validation, each once."""
        if self.frame.empty:
            raise ValueError("there are no records to compare")
        check_protocol(self.frame)
        return choose_rates(without_further_solvers(self.frame.drop_duplicates(["cell", "seed", "lr"])))

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
        if len(apart) == 1:
            return [({}, self)]
        return [(level, replace(self, frame=part, primary=self._primary_at(level))) for level, part in apart]

    def _primary_at(self, level: Level) -> Primary | None:
        """Return the primary comparison at its own level of a sweep; elsewhere it is one comparison of many."""
        return self.primary if self.primary and self.primary.level == level else None

    def tests_at(self, budget: int, baseline: str | None = None) -> PairTests:
        """Test all pairs at a budget, or all methods against the baseline if it was trained there.

        Holm's correction is for the pairs of all budgets; the primary comparison is tested alone.

        Raises:
            Refusal: for fewer than six tasks or two methods.
        """
        if baseline not in self._tested:
            self._tested[baseline] = self._test_all(baseline)
        tests = self._tested[baseline][budget]
        if isinstance(tests, Refusal):
            raise tests
        return tests

    def _test_all(self, baseline: str | None) -> dict[int, PairTests | Refusal]:
        found: dict[int, PairTests] = {}
        refused: dict[int, PairTests | Refusal] = {}
        for budget, scores in self.by_budget.items():
            try:
                found[budget] = compare_pairs(scores.medians, scores.place(baseline))
            except Refusal as refusal:
                refused[budget] = refusal
        together = correct_together(found.values(), self._alone(list(found)))
        return refused | dict(zip(found, together, strict=True))

    def is_primary(self, budget: int, first: str, second: str) -> bool:
        """Return whether two methods at a budget are the primary comparison."""
        primary = self.primary
        return primary is not None and (primary.budget, {primary.method, primary.against}) == (budget, {first, second})

    def _alone(self, budgets: list[int]) -> tuple[int, int, int] | None:
        """Return where the primary comparison is among the tests: the place of its budget, and its methods."""
        if self.primary is None or self.primary.budget not in budgets:
            return None
        scores = self.by_budget[self.primary.budget]
        first, second = scores.place(self.primary.method), scores.place(self.primary.against)
        return None if first is None or second is None else (budgets.index(self.primary.budget), first, second)

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
    return records.chosen if isinstance(records, Compared) else choose_rates(choose_shapes(records))


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
