"""The table of networks beside classical solvers, at equal unknowns and at equal seconds."""

import pandas as pd

from kanbench.analysis.solvers import beside_solvers
from kanbench.report.folder import Folder
from kanbench.report.result import Result
from kanbench.report.typeset import NOTHING, Columns, count, error, tabulate


def add_solvers(folder: Folder, result: Result) -> None:
    """Add a row per equation at the largest budget: its best network, and the best solvers beside it."""
    if (tidy := beside_solvers(result)).empty:
        return
    last = tidy[tidy.budget == tidy.groupby(["suite", "task"]).budget.transform("max")]
    best = last.loc[last.groupby(["suite", "task"], sort=False).error.idxmin()]
    columns: Columns = {
        "equation: task": str, "network: method": str, "error: error": error, "s: seconds": _seconds,
        "equal unknowns: equal_solver": _name, "its error: equal_error": error, "its s: equal_seconds": _seconds,
        "equal seconds: timed_solver": _name, "of unknowns: timed_unknowns": count,
        "error then: timed_error": error, "s then: timed_seconds": _seconds,
    }  # fmt: skip
    low, high = (f"{value:,.0f}" for value in (last.budget.min(), last.budget.max()))
    at = f"{high} parameters" if low == high else f"the largest budget of each equation, {low} to {high} parameters"
    caption = (
        f"The network with the lowest test error at {at}, and the best classical solver "
        "with as many unknowns, and with as many as are solved for in no more seconds than the training of the median "
        "member took, among the numbers of unknowns that were run; medians over seeds, by the wall clock of the run"
    )
    folder.table("solvers", tidy, tabulate(best, columns, caption))


def _seconds(value: float) -> str:
    return NOTHING if pd.isna(value) else f"{value:.2g}"


def _name(value: str) -> str:
    return value or NOTHING
