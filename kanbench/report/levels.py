"""Tables of records whose training rows, noise or extrapolation differ: ranks at each level, errors along each axis."""

import numpy as np
import pandas as pd

from kanbench.analysis.axes import AXIS_NAMES
from kanbench.analysis.comparisons import not_worse
from kanbench.analysis.protocol import say_level
from kanbench.report.folder import Folder
from kanbench.report.result import Result
from kanbench.report.typeset import EMBOLDENED, NOTHING, Table, axis_table


def add_ranks(folder: Folder, result: Result) -> None:
    """Add the ranks of every level at its largest budget; the CSV holds errors and costs at all budgets as well."""
    apart = [(level, part) for level, part in result.levels if part.scores]
    tidy = pd.concat([part.ranking.assign(**level) for level, part in apart], ignore_index=True)
    last = {say_level(level): part.ranking[part.ranking.budget == max(part.scores)] for level, part in apart}
    best = {say_level(level): not_worse(part, max(part.scores)) for level, part in apart}
    ranks = pd.DataFrame({name: ranked.set_index("method").mean_rank for name, ranked in last.items()})
    ranks = ranks.dropna(how="all").loc[lambda table: table.mean(axis=1).sort_values().index]
    bold = {(i, j) for j, name in enumerate(ranks, start=1) for i, m in enumerate(ranks.index) if m in best[name]}
    rows = [[method, *map(_rank, values)] for method, *values in ranks.itertuples()]
    caption = f"Mean rank over tasks at {tidy.budget.max():,} parameters, 1 is the lowest error; {EMBOLDENED}"
    folder.table("ranking", tidy, Table(caption, ["method", *ranks], rows, frozenset(bold)))


def _rank(value: float) -> str:
    return NOTHING if pd.isna(value) else f"{value:.1f}"


def add_axis(folder: Folder, result: Result, axis: str) -> None:
    """Add the errors along an axis at the largest budget, over those of a baseline, and over training errors."""
    held, tidy = result.along[axis]
    if tidy.empty:
        return
    last = tidy[tidy.budget == tidy.budget.max()]
    at = ", ".join(filter(None, [say_level(held), f"{tidy.budget.max():,} parameters"]))
    intervals = "geometric mean over {} tasks of medians over seeds, with its 95 % interval over {{}}, by {}"
    of = intervals.format(last.tasks.iloc[0], AXIS_NAMES[axis])
    what = f"{result.heading}, {at}: {result.measure}, {of.format('seeds')}"
    folder.table(axis, tidy, axis_table(last, axis, "error", what))
    if tidy.ratio.notna().any():
        others = last[last.method != result.baseline]
        caption = (
            f"{result.heading}, {at}: error over that of {result.baseline}, {of.format('tasks and seeds')}; "
            f"below 1 {result.baseline} is worse"
        )
        folder.table(f"{axis}_ratios", tidy, axis_table(others, axis, "ratio", caption))
    if "gap" in tidy:
        both = intervals.partition(",")[0].format(last.tasks.iloc[0])
        caption = f"{result.heading}, {at}: error on test over that on training, both {both}, by {AXIS_NAMES[axis]}"
        alone = last.assign(gap_low=np.nan, gap_high=np.nan)
        folder.table(f"{axis}_gap", tidy, axis_table(alone, axis, "gap", caption))
