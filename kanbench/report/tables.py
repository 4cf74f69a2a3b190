"""`python -m kanbench tables SOURCE --out DIR`: every table and figure of a folder of records. Imports no torch.

Records that cannot share a table, of several suites or protocols, get a folder each, named by what differs.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from kanbench.analysis import answers, say, summarize
from kanbench.analysis.answer import digits
from kanbench.analysis.axes import AXIS_NAMES, along, along_axes
from kanbench.analysis.comparisons import (
    COSTS,
    aggregations,
    best_of,
    exponents,
    failures,
    fronts,
    not_worse,
    pair_tests,
    ranking,
)
from kanbench.analysis.parts import split
from kanbench.analysis.protocol import Level, levels, say_level
from kanbench.analysis.scores import Compared, Records, Scores, compared
from kanbench.analysis.spreadsheet import write_csv
from kanbench.report.figures.along import loss_along
from kanbench.report.figures.charts import critical_difference, exponent_chart, heat_map, sum_against
from kanbench.report.figures.costs import best_mlp, loss_vs_cost, profile
from kanbench.report.figures.curves import loss_vs_parameters, small_multiples
from kanbench.report.figures.style import error_name, ordered_methods, save
from kanbench.report.typeset import (
    NOTHING,
    Columns,
    Table,
    axis_table,
    count,
    error,
    error_table,
    interval,
    p_value,
    plain_interval,
    share,
    tabulate,
)

EMBOLDENED = "bold: the best mean rank, and those not found to differ from it (Friedman, Wilcoxon with Holm, 5 %)"


@dataclass(frozen=True)
class Written:
    """The tables and figures of one part: what they are called, what they say, and their folder below the others."""

    heading: str
    said: str
    folder: str


def write_tables(frame: pd.DataFrame, out: Path, baseline: str | None = None, title: str = "") -> list[Written]:
    """Write the tables and figures of every part of the frame."""
    written = []
    parts = split(frame)
    for name, part in parts.items():
        words = [title or ", ".join(part.suite.unique()), name if len(parts) > 1 else ""]
        heading = " ".join(" ".join(words).split())
        folder = name if len(parts) > 1 else ""
        write = write_part if len(levels(part)) == 1 else write_levels
        written.append(Written(heading, write(part, out / folder, baseline, heading), folder))
    return written


def print_tables(written: list[Written], out: Path) -> None:
    """Say of every part its answer first, then where its tables are."""
    for part in written:
        print(f"{part.heading}\n{part.said}tables    {out / part.folder / 'tables.md'}\n")


@dataclass
class Folder:
    """The folder of the tables and figures of one part. It remembers the tables, to make one page of all."""

    path: Path
    page: list[str]

    def table(self, name: str, tidy: pd.DataFrame, table: Table) -> None:
        """name.csv, name.md and name.tex."""
        write_csv(tidy, self.path / f"{name}.csv")
        (self.path / f"{name}.md").write_text(table.markdown(), encoding="utf-8")
        (self.path / f"{name}.tex").write_text(table.latex(), encoding="utf-8")
        self.page.append(table.markdown())

    def figure(self, name: str, figure: Figure) -> None:
        """name.png and name.svg."""
        save(figure, self.path / name)


def write_part(frame: pd.DataFrame, path: Path, baseline: str | None, title: str) -> str:
    """All tables and figures of one protocol; returns the answer, and what could not be said."""
    records = compared(frame)
    by_budget = records.by_budget
    if not by_budget:
        return "no two methods were trained on the same tasks: nothing to compare\n"
    path.mkdir(parents=True, exist_ok=True)
    sentence = say(answers(records, baseline))
    folder = Folder(path, [f"# {title}\n", f"{sentence}\n"] if sentence else [f"# {title}\n"])
    ranked = ranking(records)
    last = max(by_budget)
    mark = baseline or best_mlp(ranked, frame)
    at = f"{title}, {last:,} parameters"
    _errors(folder, ranked, by_budget, error_name(frame))
    _accuracy(folder, frame)
    remark = _significance(folder, records, last, baseline, at)
    _exponents(folder, records, title)
    _failures(folder, records)
    _aggregations(folder, records, title)
    _costs(folder, ranked, frame, title, mark)
    folder.figure("performance_profile", profile(by_budget[last], frame, at, mark))
    folder.figure("heat_map", heat_map(by_budget[last], at))
    folder.figure("tasks", small_multiples(frame, title, ordered_methods(ranked)))
    (path / "tables.md").write_text("\n".join(folder.page), encoding="utf-8")
    return "".join(f"{line}\n" for line in (sentence, remark) if line)


def _errors(folder: Folder, ranked: pd.DataFrame, by_budget: dict[int, Scores], measure: str) -> None:
    best = {budget: not_worse(scores) for budget, scores in by_budget.items()}
    what = (
        f"{measure[0].upper()}{measure[1:]}"
        + " by parameter budget, {} over tasks of medians over seeds, 95 % bootstrap interval, members that failed "
        + "(scored as a constant predictor); "
    )
    for name, column, mean in (
        ("errors", "error", "geometric mean"),
        ("ranking", "iqm", "interquartile mean of logarithms"),
    ):
        folder.table(name, ranked, error_table(ranked, best, column, what.format(mean) + EMBOLDENED))


def _accuracy(folder: Folder, frame: pd.DataFrame) -> None:
    """Add the accuracy of classifications, the highest at the largest budget first."""
    if "test_accuracy" not in frame or frame.test_accuracy.isna().all():
        return
    tidy = summarize(frame)[["budget", "method", "tasks", "accuracy"]].dropna()
    if tidy.empty:
        return
    wide = tidy.pivot_table(index="method", columns="budget", values="accuracy")
    wide = wide.sort_values(wide.columns[-1], ascending=False).add_prefix("at ").reset_index()
    columns: Columns = {"method: method": str} | {
        f"{int(name.removeprefix('at ')):,}: {name}": lambda value: f"{100 * value:.1f} %" for name in wide.columns[1:]
    }
    caption = "Accuracy on test by parameter budget, mean over tasks of medians over seeds"
    folder.table("accuracy", tidy, tabulate(wide, columns, caption))


def _significance(folder: Folder, records: Compared, budget: int, baseline: str | None, title: str) -> str:
    """The pairwise tests at the largest budget and their diagram, or why there are none."""
    scores = records.by_budget[budget]
    tidy = pair_tests(records, baseline)
    shown = tidy[(tidy.budget == budget) & (tidy.reason == "")]
    if shown.empty:
        return f"no tests: {tidy[tidy.budget == budget].reason.iloc[0]}"
    caption = (
        f"{title}: pairs of methods on {shown.tasks.iloc[0]:.0f} tasks. Friedman p {p_value(shown.p_all.iloc[0])}; "
        f"p of pairs: Wilcoxon signed-rank, Holm for {len(shown)} pair(s); ratio: median over tasks "
        "of the first one's error over the second's; bold: they differ"
    )
    columns: Columns = {
        "first: first": str, "second: second": str, "ratio: ratio": lambda value: f"{value:.3g}",
        "p: p": p_value, "p, Holm: p_holm": p_value, "win / tie / loss: win, tie, loss": _counts,
    }  # fmt: skip
    shown = shown.sort_values(["p_holm", "p"])
    folder.table("tests", tidy, tabulate(shown, columns, caption, list(shown.differ)))
    folder.figure("critical_difference", critical_difference(scores, records.frame, title))
    best = best_of(scores)
    caption = f"{title}: expected lowest error of n seeds, geometric mean over tasks"
    of_n: Columns = {"method: method": str} | {f"n = {n}: {n}": error for n in best.columns[1:]}
    folder.table("best_of", best, tabulate(best, of_n, caption))
    return ""


def _counts(win: float, tie: float, loss: float) -> str:
    return f"{win:.0f} / {tie:.0f} / {loss:.0f}"


def _exponents(folder: Folder, records: Compared, title: str) -> None:
    tidy = exponents(records)
    columns: Columns = {
        "method: method": str, "sizes: sizes": count, "from: smallest": count, "to: largest": count,
        "exponent: exponent, exponent_low, exponent_high": plain_interval, "floor: floor": error,
        "why not: reason": str,
    }  # fmt: skip
    caption = (
        "Scaling exponents alpha of A N^-alpha + E, N parameters, fitted to geometric means over tasks; 95 % bootstrap "
        "interval over seeds and sizes"
    )
    folder.table("exponents", tidy, tabulate(tidy, columns, caption))
    if tidy.exponent.notna().any():
        folder.figure("exponents", exponent_chart(tidy, records.frame, title))


def _failures(folder: Folder, records: Records) -> None:
    tidy = failures(records)
    columns: Columns = {
        "method: method": str, "trained: members": count, "failed: failed": count,
        "rate: rate, rate_low, rate_high": share, "skipped: skipped": count, "budget missed: missed": count,
    }  # fmt: skip
    caption = "Members that diverged or failed, with the 95 % Wilson interval; members skipped, cells off their budget"
    folder.table("failures", tidy, tabulate(tidy, columns, caption))


def _aggregations(folder: Folder, records: Compared, title: str) -> None:
    tidy = aggregations(records)
    if tidy.empty:
        return
    columns: Columns = {
        "method: method": str, "against sum: aggregation": str,
        "error ratio: ratio, ratio_low, ratio_high": plain_interval,
        "win / tie / loss: win, tie, loss": _counts, "p, Holm: p_holm": p_value,
    }  # fmt: skip
    caption = (
        "Error of another aggregation over that of sum, geometric mean over tasks and budgets with its 95 % bootstrap "
        "interval (above 1 sum is better); wins of the other over tasks and budgets; Wilcoxon over tasks"
    )
    folder.table("aggregations", tidy, tabulate(tidy, columns, caption))
    folder.figure("aggregations", sum_against(tidy, records, title))


def _costs(folder: Folder, ranked: pd.DataFrame, frame: pd.DataFrame, title: str, mark: str | None) -> None:
    for cost in COSTS:
        if not (ranked[cost] > 0).any():
            continue
        tidy = fronts(ranked[~ranked.reference.astype(bool)], cost)
        shown = tidy[tidy.on_front].sort_values(cost)
        columns: Columns = {
            "method: method": str, "budget: budget": count, f"{cost}: {cost}": digits,
            "error: error, error_low, error_high": interval, "hypervolume: hypervolume": lambda value: f"{value:.2f}",
        }  # fmt: skip
        caption = f"Least {cost} and error: nothing is below one of these in both; hypervolume in square decades"
        folder.table(f"front_{cost}", tidy, tabulate(shown, columns, caption))
        if cost == "params" and len(ranked.budget.unique()) == 1:
            folder.figure("loss_vs_parameters", loss_vs_parameters(ranked, frame, title))
            continue
        name = "parameters" if cost == "params" else cost
        folder.figure(f"loss_vs_{name}", loss_vs_cost(ranked, frame, cost, title, mark))


def write_levels(frame: pd.DataFrame, path: Path, baseline: str | None, title: str) -> str:
    """Ranks at every level of the axes and, along each axis, tables and a figure; returns the answer at every level."""
    apart = [(level, found) for level, part in levels(frame) if (found := compared(part)).by_budget]
    if not apart:
        return "no two methods were trained on the same tasks: nothing to compare\n"
    path.mkdir(parents=True, exist_ok=True)
    said = {say_level(level): say(answers(found, baseline)) for level, found in apart}
    lines = [f"{level}: {sentence}\n" for level, sentence in said.items() if sentence]
    folder = Folder(path, [f"# {title}\n", "".join(f"- {line}" for line in lines)])
    _ranks(folder, apart)
    for axis, held, part in along_axes(frame):
        _along(folder, axis, part, baseline, title, say_level(held))
    _failures(folder, frame)
    (path / "tables.md").write_text("\n".join(folder.page), encoding="utf-8")
    return "".join(lines)


def _ranks(folder: Folder, apart: list[tuple[Level, Compared]]) -> None:
    """Add the ranks of every level at its largest budget; the CSV holds errors and costs at all budgets as well."""
    each = [(level, ranking(found), found.by_budget) for level, found in apart]
    tidy = pd.concat([ranked.assign(**level) for level, ranked, _ in each], ignore_index=True)
    of_level = {say_level(level): ranked[ranked.budget == ranked.budget.max()] for level, ranked, _ in each}
    best = {say_level(level): not_worse(by_budget[max(by_budget)]) for level, _, by_budget in each}
    ranks = pd.DataFrame({name: ranked.set_index("method").mean_rank for name, ranked in of_level.items()})
    ranks = ranks.dropna(how="all").loc[lambda table: table.mean(axis=1).sort_values().index]
    bold = {(i, j) for j, name in enumerate(ranks, start=1) for i, m in enumerate(ranks.index) if m in best[name]}
    rows = [[method, *map(_rank, values)] for method, *values in ranks.itertuples()]
    caption = f"Mean rank over tasks at {tidy.budget.max():,} parameters, 1 is the lowest error; {EMBOLDENED}"
    folder.table("ranking", tidy, Table(caption, ["method", *ranks], rows, frozenset(bold)))


def _rank(value: float) -> str:
    return NOTHING if pd.isna(value) else f"{value:.1f}"


def _along(folder: Folder, axis: str, frame: pd.DataFrame, baseline: str | None, title: str, held: str) -> None:
    """Errors along an axis and, with a baseline, ratios to its errors; the figure is of the largest budget."""
    tidy = along(frame, axis, baseline)
    if tidy.empty:
        return
    last = tidy[tidy.budget == tidy.budget.max()]
    at = ", ".join(filter(None, [held, f"{tidy.budget.max():,} parameters"]))
    intervals = "geometric mean over {} tasks of medians over seeds, with its 95 % bootstrap interval, by {}"
    of = intervals.format(last.tasks.iloc[0], AXIS_NAMES[axis])
    folder.table(axis, tidy, axis_table(last, axis, "error", f"{title}, {at}: {error_name(frame)}, {of}"))
    if tidy.ratio.notna().any():
        others = last[last.method != baseline]
        caption = f"{title}, {at}: error over that of {baseline}, {of}; below 1 {baseline} is worse"
        folder.table(f"{axis}_ratios", tidy, axis_table(others, axis, "ratio", caption))
    folder.figure(f"loss_vs_{axis}", loss_along(last, frame, axis, f"{title}\n{at}", baseline))
