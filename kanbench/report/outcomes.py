"""Tables of what methods reached at each budget: errors, shares of exact answers, accuracy, times and failures."""

from kanbench.analysis.comparisons import not_worse
from kanbench.analysis.kinds import is_of_solutions, trivial
from kanbench.analysis.summary import OF_OUTPUT
from kanbench.report.folder import Folder
from kanbench.report.result import Result
from kanbench.report.typeset import (
    EMBOLDENED,
    Columns,
    Table,
    count,
    error,
    error_table,
    interval,
    percent,
    ratio,
    share,
    sources,
    tabulate,
)

OUTCOME_COLUMNS: Columns = {
    "training: train": error, "test / training: gap": ratio,
    "R^2 > .999: solved, solved_low, solved_high": share, "at cap: at_cap": percent, "stuck: stuck": percent,
}  # fmt: skip


def add_errors(folder: Folder, result: Result) -> None:
    """Add the error of every method at every budget, as geometric and as interquartile means over tasks."""
    best = {budget: not_worse(result, budget) for budget in result.scores}
    what = (
        f"{result.measure[0].upper()}{result.measure[1:]}"
        + " by parameter budget, {} over tasks of medians over seeds, 95 % bootstrap interval over seeds, members "
        + f"that failed (scored as {trivial(result.frame)}), "
        + "share of members still improving at their last step; " * ("at_cap" in result.ranking)
    )
    for name, column, mean in (
        ("errors", "error", "geometric mean"),
        ("ranking", "iqm", "interquartile mean of logarithms"),
    ):
        table = error_table(result.ranking, best, column, what.format(mean) + EMBOLDENED, result.order)
        folder.table(name, result.ranking, table)


def add_outcomes(folder: Folder, result: Result) -> None:
    """Add the training error, and the shares of exact answers, of members at the cap and of stuck ones."""
    tidy = result.ranking
    known: Columns = {heading: write for heading, write in OUTCOME_COLUMNS.items() if sources(heading)[0] in tidy}
    if not known:
        return
    columns: Columns = {"method: method": str, "budget: budget": count, "test: error": error, **known}
    ordered = tidy.sort_values(["budget", "error"], ascending=[False, True])
    of_u = is_of_solutions(result.frame)
    splits = "of u on test and of the residual on training rows" if of_u else "on test and on training"
    caption = (
        f"Errors {splits}, geometric means over tasks of medians over seeds, and their ratio"
        + "; R^2 > .999: share of tasks whose median member is above it, with its 95 % Wilson interval"
        * ("solved" in tidy)
        + "; at cap: share of members that were still improving when their steps were used up" * ("at_cap" in tidy)
        + f"; stuck: share of members that end above half the error of {trivial(result.frame, 'the')}"
        * ("stuck" in tidy)
    )
    folder.table("outcomes", tidy, tabulate(ordered, columns, caption))


def add_costs(folder: Folder, result: Result) -> None:
    """Add the measured times of each method at each size, where a benchmark measured some."""
    if result.costs is None or result.ranking.step_ms.isna().all():
        return
    tidy = result.ranking.dropna(subset=["step_ms"])
    columns: Columns = {
        "method: method": str, "budget: budget": count, "parameters: params": count,
        "error: error, error_low, error_high": interval, "forward, ms: forward_ms": ratio, "step, ms: step_ms": ratio,
    }  # fmt: skip
    caption = (
        "Errors and measured times: a prediction of 1,000 rows by one model, and a training step of one model, medians "
        "of one interleaved run"
    )
    ordered = tidy.sort_values(["budget", "step_ms"], ascending=[False, True])
    folder.table("costs", tidy, tabulate(ordered, columns, caption))


def add_accuracy(folder: Folder, result: Result) -> None:
    """Add the accuracy of classifications, the highest at the largest budget first."""
    if "test_accuracy" not in result.records or result.records.test_accuracy.isna().all():
        return
    tidy = result.summary[["budget", "method", "tasks", "accuracy"]].dropna()
    if tidy.empty:
        return
    wide = tidy.pivot_table(index="method", columns="budget", values="accuracy")
    wide = wide.sort_values(wide.columns[-1], ascending=False).add_prefix("at ").reset_index()
    columns: Columns = {"method: method": str} | {
        f"{int(name.removeprefix('at ')):,}: {name}": lambda value: f"{100 * value:.1f} %" for name in wide.columns[1:]
    }
    caption = "Accuracy on test by parameter budget, mean over tasks of medians over seeds"
    folder.table("accuracy", tidy, tabulate(wide, columns, caption))


def add_outputs(folder: Folder, result: Result) -> None:
    """Add the error of each output where models have several: a row for each method at the largest budget."""
    columns = [name for name in result.summary if name.startswith(OF_OUTPUT)]
    tidy = result.summary[["budget", "method", "tasks", "error", *columns]].dropna()
    if not columns or tidy.empty:
        return
    last = tidy[tidy.budget == tidy.budget.max()].sort_values("error")
    rows = [
        [method, *map(error, errors)] for method, *errors in last[["method", "error", *columns]].itertuples(index=False)
    ]
    caption = (
        f"{result.measure[0].upper()}{result.measure[1:]}, and the error of each output, mean over tasks of medians "
        f"over seeds, at {tidy.budget.max():,} parameters"
    )
    folder.table("outputs", tidy, Table(caption, ["method", "mean", *columns], rows))


def add_failures(folder: Folder, result: Result) -> None:
    """Add the members of each method that diverged or failed, were skipped or missed their budget."""
    tidy = result.failures
    columns: Columns = {
        "method: method": str, "trained: members": count, "failed: failed": count,
        "rate: rate, rate_low, rate_high": share, "skipped: skipped": count, "budget missed: missed": count,
    }  # fmt: skip
    caption = "Members that diverged or failed, with the 95 % Wilson interval; members skipped, cells off their budget"
    folder.table("failures", tidy, tabulate(tidy, columns, caption))
