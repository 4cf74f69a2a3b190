"""Networks beside classical solvers of differential equations, at equal unknowns and at equal seconds."""

from collections.abc import Hashable
from typing import Any

import pandas as pd

from kanbench.analysis.scores import Records, compared

NO_SOLVER = {"solver": "", "unknowns": None, "error": None, "seconds": None}


def beside_solvers(records: Records) -> pd.DataFrame:
    """One row per task, budget and network with the best solver of as many unknowns, and the best that is as fast.

    A solver is as fast if it took no longer than the median member of the network, in seconds of the records. More
    unknowns than networks have parameters are among the records where a run had them in `unknowns`. Errors and seconds
    are medians over seeds. Columns that begin with equal_ are of the solver at equal unknowns, those with timed_ of the
    solver at equal seconds. Empty without solvers or without networks.
    """
    facts = compared(records)
    chosen, solved = facts.chosen, facts.frame
    if "unknowns" not in solved:
        return pd.DataFrame()
    solved = solved[solved.unknowns.notna() & (solved.status == "ok")]
    solved = solved.groupby(["suite", "task", "method", "unknowns"], as_index=False)[["score", "seconds"]].median()
    trained = chosen[chosen.budget.notna() & chosen.score.notna()]
    medians = trained.groupby(["suite", "task", "budget", "method"], as_index=False)[["score", "seconds"]].median()
    rows = []
    for row in medians.rename(columns={"score": "error"}).to_dict("records"):
        of_task = solved[(solved.suite == row["suite"]) & (solved.task == row["task"])]
        if len(of_task):
            rows.append(row | _best("equal", of_task[of_task.unknowns == row["budget"]])
                        | _best("timed", of_task[of_task.seconds <= row["seconds"]]))  # fmt: skip
    return pd.DataFrame(rows)


def _best(name: str, solved: pd.DataFrame) -> dict[Hashable, Any]:
    """Return the most accurate solve as columns that begin with a name."""
    found: dict[Any, Any] = NO_SOLVER
    if len(solved):
        best = solved.loc[solved.score.idxmin()]
        found = {"solver": best.method, "unknowns": best.unknowns, "error": best.score, "seconds": best.seconds}
    return {f"{name}_{each}": value for each, value in found.items()}
