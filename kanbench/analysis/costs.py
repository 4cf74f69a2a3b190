"""Measured times of methods, from the record of a benchmark, joined to tables by method and budget."""

from pathlib import Path

import numpy as np
import pandas as pd

from kanbench.analysis.spreadsheet import read_marked

TIMES = ("forward_ms", "step_ms")  # of one model on 1,000 rows, and of one step of one member
MACHINE = ("cpu", "threads", "device", "commit")  # what the times depend on
COLUMNS = ("method", "budget", "n_inputs", "params", *TIMES, *MACHINE)


def read_costs(path: Path) -> pd.DataFrame:
    """Return a table that the benchmark `costs` wrote.

    Raises:
        ValueError: for a file that is no such table; the message names it.
    """
    try:
        table = read_marked(pd.read_csv(path))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: not a table of costs ({error})") from None
    if missing := [name for name in ("method", "budget", *TIMES) if name not in table]:
        raise ValueError(f"{path}: not a table of costs, it has no column {missing[0]!r}")
    for name in ("budget", *TIMES):
        numbers = pd.to_numeric(table[name], errors="coerce")
        if bad := [row for row, number in enumerate(numbers, start=2) if not 0 < number < np.inf]:
            raise ValueError(f"{path}: {name} must be a number above 0, got {table[name][bad[0] - 2]!r} (row {bad[0]})")
    return table


def with_costs(ranked: pd.DataFrame, costs: pd.DataFrame, labels: dict[str, str]) -> pd.DataFrame:
    """Return a ranking with the measured times of each method at each budget; NaN where none was measured.

    Args:
        ranked: one row per budget and method, as `ranking` returns it.
        costs: as `read_costs` returns it; times with several numbers of inputs become their geometric mean.
        labels: the label of each method that has another name.
    """
    logs = costs.assign(**{name: np.log(costs[name].astype(float)) for name in TIMES})
    means = np.exp(logs.groupby(["method", "budget"])[list(TIMES)].mean())
    keys = pd.MultiIndex.from_arrays([ranked.method.map(lambda name: labels.get(name, name)), ranked.budget])
    return ranked.assign(**{name: means[name].reindex(keys).to_numpy() for name in TIMES})
