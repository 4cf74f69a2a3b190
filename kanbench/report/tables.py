"""`python -m kanbench tables SOURCE --out DIR`: every table and figure of a folder of records. Imports no torch.

Records that cannot share a table, of several suites or protocols, get a folder each, named by what differs.
"""

from contextlib import suppress
from pathlib import Path

import pandas as pd

from kanbench.analysis.comparisons import best_of, not_worse
from kanbench.analysis.kinds import is_of_solutions, trivial
from kanbench.analysis.significance import Refusal
from kanbench.analysis.summary import OF_OUTPUT
from kanbench.analysis.wins import NOT_COUNTED, WIN
from kanbench.errors import counted
from kanbench.report.against import add_ratios
from kanbench.report.figures.gallery import FIGURES, draw
from kanbench.report.figures.solutions import SOLUTION, draw_solutions
from kanbench.report.folder import USUAL, Folder, Look, Written
from kanbench.report.levels import add_axis, add_ranks
from kanbench.report.result import Result
from kanbench.report.shapes import add_shapes, say_left_out
from kanbench.report.solvers import add_solvers
from kanbench.report.typeset import (
    EMBOLDENED,
    NOTHING,
    Columns,
    Table,
    count,
    error,
    error_table,
    interval,
    p_value,
    percent,
    plain_interval,
    ratio,
    share,
    sources,
    tabulate,
)

OUTCOME_COLUMNS: Columns = {
    "training: train": error, "test / training: gap": ratio,
    "R^2 > .999: solved, solved_low, solved_high": share, "at cap: at_cap": percent, "stuck: stuck": percent,
}  # fmt: skip
NOTHING_TO_COMPARE = "no two methods were trained on the same tasks: nothing to compare\n"


def write_tables(
    records: pd.DataFrame | Result,
    out: Path,
    baseline: str | None = None,
    title: str = "",
    look: Look = USUAL,
) -> list[Written]:
    """Write the tables and figures of every part of some records, or of a result, which has its baseline and title."""
    result = Result.of(records, title, baseline)
    written = []
    for name, part in result.parts.items():
        folder = name if len(result.parts) > 1 else ""
        heading = " ".join(part.heading.split())
        written.append(Written(heading, write_part(part, out / folder, look), folder))
    return written


def print_tables(written: list[Written], out: Path) -> None:
    """Say of every part its answer first, then where its tables are."""
    for part in written:
        print(f"{part.heading}\n{part.said}tables    {out / part.folder / 'tables.md'}\n")


def write_part(result: Result, path: Path, look: Look = USUAL) -> str:
    """Write all tables and figures of one protocol; return the answer, and what could not be said."""
    if not any(part.scores for _, part in result.levels):
        return NOTHING_TO_COMPARE
    path.mkdir(parents=True, exist_ok=True)
    said = [f"{level}{': ' * bool(level)}{sentence}\n" for level, sentence in result.sentences.items() if sentence]
    is_sweep = len(result.levels) > 1
    answer = "".join(f"- {line}" if is_sweep else line for line in said)
    folder = Folder(path, [f"# {result.heading}\n", *([answer] if answer else [])], look, say_left_out(result))
    if result.chosen_from > len(result.methods):
        folder.page.append(
            f"{len(result.methods)} of {counted(result.chosen_from, 'method')} were chosen; tests count these alone.\n"
        )
    said += add_tables(folder, result)
    for name in FIGURES:
        with suppress(Refusal):
            folder.figure(name, draw(result, name, width=look.width))
    for solved in result.solutions:
        folder.figure(f"{SOLUTION}{solved.task}", draw_solutions(solved, result.styles))
    folder.close()
    return "".join(said)


def add_tables(folder: Folder, result: Result) -> list[str]:
    """Add every table of a result; return what could not be said."""
    return _tables_of_levels(folder, result) if len(result.levels) > 1 else _tables(folder, result)


def _tables_of_levels(folder: Folder, result: Result) -> list[str]:
    add_ranks(folder, result)
    for axis in result.along:
        add_axis(folder, result, axis)
    _failures(folder, result)
    return []


def _tables(folder: Folder, result: Result) -> list[str]:
    """Write the tables of one level; return what could not be said."""
    _errors(folder, result)
    add_ratios(folder, result)
    _outcomes(folder, result)
    _costs(folder, result)
    _accuracy(folder, result)
    _outputs(folder, result)
    remark = _significance(folder, result)
    _slopes_by_task(folder, result)
    _slopes(folder, result)
    _failures(folder, result)
    add_shapes(folder, result)
    add_solvers(folder, result)
    _aggregations(folder, result)
    return [remark] if remark else []


def _errors(folder: Folder, result: Result) -> None:
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


def _outcomes(folder: Folder, result: Result) -> None:
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


def _costs(folder: Folder, result: Result) -> None:
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


def _accuracy(folder: Folder, result: Result) -> None:
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


def _outputs(folder: Folder, result: Result) -> None:
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


def _significance(folder: Folder, result: Result) -> str:
    """Add the pairwise tests at the largest budget, or return why there are none."""
    budget = max(result.scores)
    tidy = result.tests
    shown = tidy[(tidy.budget == budget) & (tidy.reason == "")]
    if shown.empty:
        return f"no tests: {tidy[tidy.budget == budget].reason.iloc[0]}\n"
    title = f"{result.heading}, {budget:,} parameters"
    caption = (
        f"{title}: pairs of methods on {shown.tasks.iloc[0]:.0f} tasks. Friedman p {p_value(shown.p_all.iloc[0])}; "
        f"p of pairs: Wilcoxon signed-rank, Holm for {counted(shown.comparisons.max(), 'comparison')} at all budgets"
        f"{', but for the primary one' * bool(result.primary)}; ratio: median over tasks "
        f"of the first one's error over the second's; {_wins(shown)}; bold: they differ"
    )
    columns: Columns = {
        "first: first": str, "second: second": str, "ratio: ratio": lambda value: f"{value:.3g}",
        "p: p": p_value, "p, Holm: p_holm": p_value, "win / tie / loss: win, tie, loss": _counts,
    }  # fmt: skip
    shown = shown.sort_values(["p_holm", "p"])
    folder.table("tests", tidy, tabulate(shown, columns, caption, list(shown.differ)))
    best = best_of(result.scores[budget])
    caption = f"{title}: expected lowest error of n seeds, geometric mean over tasks"
    of_n: Columns = {"method: method": str} | {f"n = {n}: {n}": error for n in best.columns[1:]}
    folder.table("best_of", best, tabulate(best, of_n, caption))
    return ""


def _counts(win: float, tie: float, loss: float) -> str:
    return NOTHING if pd.isna(win) else f"{win:.0f} / {tie:.0f} / {loss:.0f}"


def _wins(tidy: pd.DataFrame) -> str:
    """Say what a win is, or that none are counted."""
    return WIN if tidy.win.notna().any() else NOT_COUNTED


def _slopes(folder: Folder, result: Result) -> None:
    tidy = result.slopes
    columns: Columns = {
        "method: method": str, "from: smaller": count, "to: larger": count,
        "test: slope, slope_low, slope_high": plain_interval,
        "training: train_slope, train_slope_low, train_slope_high": plain_interval,
        "test / training: gap": ratio, "why not: reason": str,
    }  # fmt: skip
    caption = (
        "Slopes alpha of N^-alpha between neighboring sizes of N parameters, of the errors on test and on training, "
        "means over tasks of medians over seeds; 95 % bootstrap interval over tasks and seeds"
    )
    folder.table("slopes", tidy, tabulate(tidy, columns, caption))


def _slopes_by_task(folder: Folder, result: Result) -> None:
    """Add the slopes of each task by itself, where shapes were given and the numbers of parameters differ by task."""
    if (tidy := result.slopes_by_task).empty:
        return
    columns: Columns = {
        "task: task": str, "method: method": str, "from: smaller": count, "to: larger": count,
        "test error: error": error, "training: train": error, "test / training: gap": ratio,
        "slope, test: slope, slope_low, slope_high": plain_interval,
        "slope, training: train_slope, train_slope_low, train_slope_high": plain_interval, "bound by: bound": str,
    }  # fmt: skip
    caption = (
        "Errors of given shapes at the larger of two neighboring sizes of N parameters, medians over seeds, and their "
        "slopes alpha of N^-alpha from the smaller one on, with 95 % bootstrap intervals over seeds; bound by: what "
        "keeps the test error from falling at the larger size, where the records tell"
    )
    folder.table("slopes_by_task", tidy, tabulate(tidy, columns, caption))


def _failures(folder: Folder, result: Result) -> None:
    tidy = result.failures
    columns: Columns = {
        "method: method": str, "trained: members": count, "failed: failed": count,
        "rate: rate, rate_low, rate_high": share, "skipped: skipped": count, "budget missed: missed": count,
    }  # fmt: skip
    caption = "Members that diverged or failed, with the 95 % Wilson interval; members skipped, cells off their budget"
    folder.table("failures", tidy, tabulate(tidy, columns, caption))


def _aggregations(folder: Folder, result: Result) -> None:
    tidy = result.aggregations
    if tidy.empty:
        return
    columns: Columns = {
        "method: method": str, "against sum: aggregation": str,
        "error ratio: ratio, ratio_low, ratio_high": plain_interval,
        "win / tie / loss: win, tie, loss": _counts, "p, Holm: p_holm": p_value,
    }  # fmt: skip
    caption = (
        "Error of another aggregation over that of sum, geometric mean over tasks and budgets with its 95 % interval "
        f"over tasks and seeds (above 1 sum is better); wins of the other over tasks and budgets: {_wins(tidy)}; "
        "Wilcoxon over tasks"
    )
    folder.table("aggregations", tidy, tabulate(tidy, columns, caption))
