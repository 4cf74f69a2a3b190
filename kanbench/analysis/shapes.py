"""The choice of shapes: of every search the best by validation, as a method of the search's name. Imports no torch."""

import logging

import numpy as np
import pandas as pd

from kanbench.analysis.check import not_chosen
from kanbench.analysis.curves import by_curve
from kanbench.analysis.load import relative_error
from kanbench.store.record import OUTRANKED

log = logging.getLogger(__name__)
GROUP = ["suite", "task", "budget", "protocol", "searched"]  # one search


def is_searched(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Return which rows are of a search of shapes."""
    if "searched" not in frame:
        return pd.Series(False, index=frame.index)
    return frame.searched.fillna("").astype(str) != ""


def choose_shapes(frame: pd.DataFrame) -> pd.DataFrame:
    """The members of the shape with the lowest median validation error of each search, called by the search's name.

    Only shapes that were trained to the end count, and of equal ones the first; each at its best learning rate. A shape
    without finite errors is chosen only where all are. `shape`, `trial` and `trials` stay; new columns are
    `shape_label` and `runner_up`, the labels of the best and the second-best shape, and `at_edge`, which marks a best
    one at an end of the list of depths or sizes: the best may lie beyond it. No network has less than one hidden layer,
    so that one is no end.

    Records outside a search pass as they are, and so do those that have been chosen before. The sizes of a shape that
    was given become one method, see `by_curve`.

    A search that lacks the record of its best shape, which alone is graded on test, is left out, and the log says
    so.

    Raises:
        ValueError: A method has records of a search and others of the same name without one.
    """
    frame = by_curve(frame)
    searched = is_searched(frame)
    if not searched.any() or "runner_up" in frame:
        return frame
    tried, others = frame[searched], frame[~searched]
    if both := set(tried.searched) & set(others.method):
        raise ValueError(
            f"these records cannot be compared: {sorted(both)[0]} was trained with a search of shapes and without one"
        )
    chosen = [_best(group) for _, group in tried.groupby(GROUP, sort=False, dropna=False)]
    return pd.concat([*chosen, others.assign(shape_label="", runner_up="", at_edge=False)]).sort_index()


def _best(group: pd.DataFrame) -> pd.DataFrame:
    """Return the members of the best shape of one search."""
    cells = group.drop_duplicates("cell").set_index("cell").sort_values("trial", kind="stable")
    finished = [cell for cell in cells.index if not _is_outranked(group[group.cell == cell])]
    errors = {cell: _error(group[group.cell == cell]) for cell in finished}
    ranked = sorted(finished, key=lambda cell: errors[cell])  # stable: the first of equal ones
    best = ranked[0]
    if not _is_graded(group[group.cell == best]):
        log.warning(
            "left out: the search of %s on %s lacks the record of its best shape", *group.iloc[0][["searched", "task"]]
        )
        return group[:0]
    runner_up = str(cells.method[ranked[1]]) if len(ranked) > 1 else ""
    return group[group.cell == best].assign(
        method=cells.searched[best],
        shape_label=cells.method[best],
        runner_up=runner_up,
        at_edge=_is_at_edge(cells, best),
    )


def _is_graded(members: pd.DataFrame) -> bool:
    return "chosen" not in members or not not_chosen(members).any()


def _is_outranked(members: pd.DataFrame) -> bool:
    return "stopped" in members and bool((members.stopped == OUTRANKED).any())


def _error(members: pd.DataFrame) -> float:
    """Return the median validation error over seeds at the best rate; infinite if it is not finite."""
    errors = relative_error(members, "val").fillna(np.inf)
    return float(errors.groupby(members.lr.fillna(0.0)).median().min())


def _is_at_edge(cells: pd.DataFrame, best: str) -> bool:
    depths, sizes = cells.depth.dropna(), cells.searched_size.dropna()
    deepest = len(set(depths)) > 1 and cells.depth[best] == depths.max()
    ends = len(set(sizes)) >= 3 and cells.searched_size[best] in (sizes.min(), sizes.max())
    return bool(deepest or ends)


def shapes_table(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per line, task and budget: the shape that was chosen, the runner-up, and the number of trials."""
    chosen = choose_shapes(frame)
    if "runner_up" not in chosen:
        return pd.DataFrame()
    rows = chosen[is_searched(chosen) & (chosen.status != "skipped")].drop_duplicates(GROUP)
    columns = [
        *("method", "suite", "task", "budget", "shape", "depth", "searched_size"),
        *("shape_label", "runner_up", "trials", "at_edge"),
    ]
    return rows[columns].sort_values(["method", "suite", "task", "budget"], ignore_index=True)


def trials_table(frame: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    """One row per shape that was tried: its median validation error at its best rate, its seeds, and its place.

    `place` is "chosen", "second", "later", or "outranked" for a shape that was not trained to the end; `at_edge` marks
    a chosen shape at an end of its list. `chosen` is what `choose_shapes` returns of the frame.
    """
    tried = frame[is_searched(frame) & (frame.status != "skipped")]
    tried = tried.assign(error=relative_error(tried, "val").fillna(np.inf), rate=tried.lr.fillna(0.0))
    errors = tried.groupby(["cell", "rate"]).error.median().groupby("cell").min()
    trials = tried.drop_duplicates("cell").drop(columns="error").merge(errors, left_on="cell", right_index=True)
    trials["seeds"] = trials.cell.map(tried.groupby("cell").seed.nunique())
    trials["outranked"] = trials.stopped == OUTRANKED if "stopped" in trials else False
    trials = trials.sort_values([*GROUP, "outranked", "error", "trial"], kind="stable", ignore_index=True)
    rank = trials.groupby(GROUP, dropna=False).cumcount().map({0: "chosen", 1: "second"}).fillna("later")
    edges = dict(zip(chosen.cell, chosen.at_edge, strict=True))
    return trials.assign(
        place=rank.mask(trials.outranked, OUTRANKED),
        at_edge=[bool(edges.get(cell, False)) for cell in trials.cell],
        shape_label=trials.method,
        method=trials.searched,
    )


def left_out(frame: pd.DataFrame) -> dict[int, int]:
    """Return how many tasks a search left out, by budget."""
    rows = frame[is_searched(frame) & (frame.status == "skipped")]
    return {int(budget): len(part.drop_duplicates(["suite", "task"])) for budget, part in rows.groupby("budget")}
