"""The best validation error reached within so many evaluations, from the columns val_at_64 and so on."""

import re

import numpy as np
import pandas as pd

from kanbench.analysis.load import CONSTANT_PREDICTOR
from kanbench.analysis.scores import FAILURES, Records, Scores, compared, of_tasks
from kanbench.analysis.significance import Refusal
from kanbench.analysis.stats import geometric_mean

REACHED = re.compile(r"val_at_(\d+)")


def along_evaluations(records: Records, scores: Scores, budget: int) -> pd.DataFrame:
    """Return the error within each number of evaluations: one row per method and number, at one budget.

    `error` is the geometric mean over the tasks of `scores` of the median over seeds. A training that ended earlier
    keeps its last error, and a member that failed has that of the constant predictor. Numbers before the first look
    at the validation split have no row, and neither have those at which all members had ended.

    Raises:
        Refusal: for records without these columns, which older ones are.
    """
    found = compared(records)
    counts = sorted(int(match[1]) for name in found.frame if (match := REACHED.fullmatch(str(name))))
    members = of_tasks(found.chosen, scores.tasks)
    members = members[(members.budget == budget) & members.method.isin(scores.methods)]
    columns = [f"val_at_{count}" for count in counts]
    own = members[columns].astype(float)
    reached = own.ffill(axis=1)
    if not counts or reached.isna().all(axis=None):
        raise Refusal("the records do not say which errors were reached within how many evaluations (val_at_64, ..)")
    reached[members.status.isin(FAILURES)] = CONSTANT_PREDICTOR
    rows = []
    for method, of_method in reached.groupby(members.method):
        medians = of_method.groupby([members.suite, members.task]).median()
        shown = of_method.notna().all() & own.loc[of_method.index].notna().any()
        errors = geometric_mean(medians.to_numpy(), axis=0)
        rows += [
            {"method": str(method), "evaluations": count, "error": float(error)}
            for count, error, is_shown in zip(counts, errors, shown, strict=True)
            if is_shown
        ]
    table = pd.DataFrame(rows, columns=["method", "evaluations", "error"])
    return table.assign(error_low=np.nan, error_high=np.nan)
