"""The table of error ratios to the baseline; and any table as LaTeX."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from kanbench.analysis.wins import say_wins
from kanbench.errors import UnknownName
from kanbench.report.folder import USUAL, Folder
from kanbench.report.result import Result
from kanbench.report.typeset import NOTHING, Table, p_value, plain_interval, win_tie_loss


def add_ratios(folder: Folder, result: Result) -> None:
    """Add a row per method, the lowest ratio at the largest budget first, and two columns per budget."""
    if (tidy := result.ratios).empty:
        return
    budgets = sorted(tidy.budget.unique())
    methods = tidy[tidy.budget == budgets[-1]].method
    ordered = [method for method in result.order if method in set(methods)] or list(methods)
    held = {(row["budget"], row["method"]): row for row in tidy.to_dict("records")}
    rows = [
        [method, *[text for budget in budgets for text in _cells(held.get((budget, method)))]] for method in ordered
    ]
    headings = [f"{what} {budget:,}" for budget in budgets for what in ("ratio at", "won / tied / lost at")]
    caption = (
        f"{result.heading}: error over that of {result.mark}, geometric mean over {tidy.tasks.max()} tasks of medians "
        "over seeds, with its 95 % interval over tasks and seeds; below 1 the method is better; in brackets Wilcoxon's "
        f"p over tasks, Holm{', but for the primary comparison' * bool(result.primary)}; "
        f"{say_wins(tidy.win)}"
    )
    folder.table("ratios", tidy, Table(caption, ["method", *headings], rows))


def _cells(row: dict[Hashable, Any] | None) -> list[str]:
    """Return the ratio with its interval and p, and the counts, as text."""
    if row is None:
        return [NOTHING, NOTHING]
    ratio = plain_interval(row["ratio"], row["ratio_low"], row["ratio_high"])
    p = "" if pd.isna(row["p_holm"]) else f" [{p_value(row['p_holm'])}]"
    return [ratio + p, win_tie_loss(row["win"], row["tie"], row["loss"])]


class Kept(Folder):
    """A folder that keeps its tables and writes nothing."""

    def __init__(self) -> None:
        super().__init__(Path(), [], USUAL)
        self.tables: dict[str, Table] = {}

    def table(self, name: str, tidy: pd.DataFrame, table: Table) -> None:
        """Keep a table."""
        self.tables[name] = table


def latex_of(result: Result, name: str) -> str:
    r"""Return a table as LaTeX for \usepackage{booktabs}. Raises `UnknownName` for a name that no table has."""
    from kanbench.report.tables import add_tables  # here, because that module adds the ratios

    kept = Kept()
    add_tables(kept, result)
    if name not in kept.tables:
        raise UnknownName("table", name, kept.tables)
    return kept.tables[name].latex()
