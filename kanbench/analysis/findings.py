"""The findings of a comparison: every table and the answer, each computed once, for whoever shows them."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import pandas as pd

from kanbench.analysis.against import against
from kanbench.analysis.answer import Answer, answers, say
from kanbench.analysis.axes import along, along_axes
from kanbench.analysis.comparisons import aggregations, best_mlp, failures, pair_tests, ranking
from kanbench.analysis.costs import with_costs
from kanbench.analysis.curves import is_of_curve
from kanbench.analysis.kinds import families, measure
from kanbench.analysis.parts import in_words, split
from kanbench.analysis.protocol import Level, say_level
from kanbench.analysis.scaling import slopes
from kanbench.analysis.scores import Compared, Scores
from kanbench.analysis.shapes import GROUP, left_out, shapes_table, trials_table
from kanbench.analysis.summary import summarize
from kanbench.analysis.task_scaling import slopes_by_task


@dataclass(frozen=True, eq=False)
class Findings(Compared):
    """Records with their title and baseline, and what analysis finds in them.

    Each part is computed when it is first asked for, and once; the frame is never changed. The parts of a frame that no
    single table can hold, of several suites or protocols, are in `parts`; the answers and scores are then theirs.
    """

    title: str = ""
    baseline: str | None = None
    order: tuple[str, ...] = ()
    chosen_from: int = 0
    costs: pd.DataFrame | None = None

    @property
    def records(self) -> pd.DataFrame:
        """One row per member; of a search of shapes, all that were tried of what the frame holds."""
        if self.tried is None:
            return self.frame
        place = [name for name in (*GROUP, "curve") if name in self.tried]
        kept = self.frame[place].drop_duplicates()
        rows = self.tried.reset_index().merge(kept, on=place)["index"]
        return self.tried.loc[sorted(rows)]

    @property
    def scores(self) -> dict[int, Scores]:
        """The scores that can be compared, by budget."""
        return self.by_budget

    @cached_property
    def methods(self) -> list[str]:
        """The labels of the methods, in the chosen order or by name."""
        return list(self.order) or sorted(self.frame.method.unique())

    @cached_property
    def heading(self) -> str:
        """The title, or the names of the suites."""
        return self.title or ", ".join(self.frame.suite.unique())

    @cached_property
    def measure(self) -> str:
        """The name of the score."""
        return measure(self.frame)

    @cached_property
    def family(self) -> dict[str, str]:
        """The family of each method."""
        return dict(zip(self.frame.method, families(self.frame), strict=True))

    @cached_property
    def parts(self) -> dict[str, Self]:
        """The parts that can share tables, by a name that says what differs; itself where there is one."""
        parts = split(self.frame)
        if len(parts) == 1:
            return dict.fromkeys(parts, self)
        titles = {name: self.title or ", ".join(part.suite.unique()) for name, part in parts.items()}
        return {
            name: replace(self, frame=part, primary=None, title=f"{titles[name]}, {in_words(name)}")
            for name, part in parts.items()
        }

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row per budget and method, see `summarize`."""
        return summarize(self, self.baseline)

    @cached_property
    def ranking(self) -> pd.DataFrame:
        """One row per budget and method with ranks and costs, see `ranking` and `with_costs`."""
        if self.costs is None:
            return ranking(self)
        labels = dict(zip(self.frame.method, self.frame.label, strict=True)) if "label" in self.frame else {}
        return with_costs(ranking(self), self.costs, labels)

    @cached_property
    def shapes(self) -> pd.DataFrame:
        """One row per search, task and budget with the chosen shape, see `shapes_table`; empty without a search."""
        return shapes_table(self.frame)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row per shape that a search tried, see `trials_table`; empty without a search."""
        return trials_table(self.records, self.frame) if self.tried is not None else pd.DataFrame()

    @cached_property
    def left_out(self) -> dict[int, int]:
        """The number of tasks that a search left out, by budget."""
        return left_out(self.frame)

    @cached_property
    def answers(self) -> list[Answer]:
        """One answer per budget; where axes differ, every level has its own."""
        return answers(self, self.baseline)

    @cached_property
    def sentences(self) -> dict[str, str]:
        """The sentence of the answer by level; the level is "" where no axis differs, the sentence where none is."""
        return {say_level(level): say(part.answers) for level, part in self.levels}

    @property
    def answer(self) -> str:
        """The better method, by how much, and how sure that is; one line per level or part."""
        lines = [
            f"{name}{': ' * bool(name)}{sentence}"
            for part_name, part in self.parts.items()
            for level, sentence in part.sentences.items()
            if sentence
            for name in [", ".join(filter(None, [part_name * (len(self.parts) > 1), level]))]
        ]
        return "\n".join(lines)

    @cached_property
    def ratios(self) -> pd.DataFrame:
        """One row per budget and method with its error ratio to `mark`, see `against`; empty without a `mark`."""
        return against(self, self.mark) if self.mark else pd.DataFrame()

    @cached_property
    def tests(self) -> pd.DataFrame:
        """One row per budget and pair of methods, see `pair_tests`."""
        return pair_tests(self, self.baseline)

    @cached_property
    def slopes(self) -> pd.DataFrame:
        """One row per method and pair of neighboring sizes with the slopes of its errors, see `slopes`."""
        return slopes(self)

    @cached_property
    def slopes_by_task(self) -> pd.DataFrame:
        """One row per task, method and pair of neighboring sizes of given shapes; empty where no shape was given."""
        return slopes_by_task(self) if is_of_curve(self.frame).any() else pd.DataFrame()

    @cached_property
    def failures(self) -> pd.DataFrame:
        """One row per method with what failed, see `failures`."""
        return failures(self)

    @cached_property
    def aggregations(self) -> pd.DataFrame:
        """Sum against other aggregations, see `aggregations`."""
        return aggregations(self)

    @cached_property
    def along(self) -> dict[str, tuple[Level, pd.DataFrame]]:
        """For each axis that differs, where the others are held, and the errors along it, see `along`."""
        return {axis: (held, along(part, axis, self.baseline)) for axis, held, part in along_axes(self)}

    @cached_property
    def mark(self) -> str | None:
        """The method that every panel of a figure shows: the baseline, or the best MLP."""
        return self.baseline or best_mlp(self.ranking, self.frame)
