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
    return pd.concat([_best(tried), others.assign(shape_label="", runner_up="", at_edge=False)]).sort_index()


def _best(tried: pd.DataFrame) -> pd.DataFrame:
    """Return the members of the best shape of each search."""
    search = tried.groupby(GROUP, sort=False, dropna=False).ngroup()
    shapes = _shapes(tried, search)
    finished = shapes[~shapes.outranked].sort_values("error", kind="stable")  # the first of equal ones
    best = finished.drop_duplicates("search").set_index("search")
    for row in best[~best.graded].sort_index().itertuples():
        log.warning("left out: the search of %s on %s lacks the record of its best shape", row.searched, row.task)
    best = best[best.graded]
    members = tried[tried.cell == search.map(best.cell)]
    second = finished[finished.groupby("search").cumcount() == 1].set_index("search")
    of = search[members.index]
    return members.assign(
        method=members.searched,
        shape_label=members.method,
        runner_up=of.map(second.method).astype(object).fillna("").astype(str),
        at_edge=of.map(_is_at_edge(shapes, best)).astype(bool),
    )


def _shapes(tried: pd.DataFrame, search: "pd.Series[int]") -> pd.DataFrame:
    """Return one row per shape that was tried, in the order of trials, with its error and its state.

    `error` is the median validation error over seeds at the best rate; infinite if it is not finite.
    """
    shape = ["search", "cell"]
    members = tried[["cell", "method", "searched", "task", "trial", "depth", "searched_size"]].assign(
        search=search,
        error=relative_error(tried, "val").fillna(np.inf),
        rate=tried.lr.fillna(0.0),
        outranked=tried.stopped == OUTRANKED if "stopped" in tried else False,
        graded=~not_chosen(tried),
    )
    facts = members.groupby(shape).agg(outranked=("outranked", "any"), graded=("graded", "all"))
    facts["error"] = members.groupby([*shape, "rate"]).error.median().groupby(shape).min()
    named = members.drop_duplicates(shape).drop(columns=facts.columns)
    return named.merge(facts, left_on=shape, right_index=True).sort_values("trial", kind="stable")


def _is_at_edge(shapes: pd.DataFrame, best: pd.DataFrame) -> "pd.Series[bool]":
    """Return which searches have their best shape at an end of the depths or the sizes that were tried."""
    of, ends = shapes.groupby("search"), ["min", "max", "nunique"]
    depths, sizes = (of[name].agg(ends).loc[best.index] for name in ("depth", "searched_size"))
    deepest = (depths["nunique"] > 1) & (best.depth == depths["max"])
    at_end = (best.searched_size == sizes["min"]) | (best.searched_size == sizes["max"])
    return deepest | (at_end & (sizes["nunique"] >= 3))


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
