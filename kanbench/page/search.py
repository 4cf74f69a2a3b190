"""The search of shapes as plain data for the page. Imports no torch."""

from typing import Any

import pandas as pd

from kanbench.page.results import plain_columns
from kanbench.report.result import Result

Plain = dict[str, Any]
COLUMNS = [
    *(
        "method",
        "task",
        "budget",
        "shape_label",
        "shape",
        "depth",
        "searched_size",
        "params",
        "error",
        "seeds",
        "place",
    ),
    "at_edge",
]


def plain_search(result: Result) -> Plain:
    """Return every shape that was tried, column by column as records are; nothing without a search."""
    if result.tried is None:
        return {}
    trials = result.trials
    at_edge = trials.at_edge.map({True: "yes", False: ""})
    return plain_columns(trials.assign(at_edge=at_edge)[COLUMNS], digits=3)


def plain_ratios(result: Result) -> list[Plain]:
    """Return the error ratios of the methods to the baseline, see `against`; nothing where there is none."""
    if len(result.levels) > 1 or not result.scores or result.mark is None:
        return []
    rows = result.ratios.astype(object).where(result.ratios.notna(), None)
    return [dict(row) for row in pd.DataFrame(rows).to_dict("records")]
