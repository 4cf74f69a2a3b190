"""Tables of pairs: the tests of methods, and aggregations against the sum."""

from kanbench.analysis.comparisons import best_of
from kanbench.analysis.wins import say_wins
from kanbench.errors import counted
from kanbench.report.folder import Folder
from kanbench.report.result import Result
from kanbench.report.typeset import Columns, error, p_value, plain_interval, tabulate, win_tie_loss


def add_tests(folder: Folder, result: Result) -> str:
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
        f"of the first one's error over the second's; {say_wins(shown.win)}; bold: they differ"
    )
    columns: Columns = {
        "first: first": str, "second: second": str, "ratio: ratio": lambda value: f"{value:.3g}",
        "p: p": p_value, "p, Holm: p_holm": p_value, "win / tie / loss: win, tie, loss": win_tie_loss,
    }  # fmt: skip
    shown = shown.sort_values(["p_holm", "p"])
    folder.table("tests", tidy, tabulate(shown, columns, caption, list(shown.differ)))
    best = best_of(result.scores[budget])
    caption = f"{title}: expected lowest error of n seeds, geometric mean over tasks"
    of_n: Columns = {"method: method": str} | {f"n = {n}: {n}": error for n in best.columns[1:]}
    folder.table("best_of", best, tabulate(best, of_n, caption))
    return ""


def add_aggregations(folder: Folder, result: Result) -> None:
    """Add the errors of other aggregations over those of the sum, where both were trained."""
    tidy = result.aggregations
    if tidy.empty:
        return
    columns: Columns = {
        "method: method": str, "against sum: aggregation": str,
        "error ratio: ratio, ratio_low, ratio_high": plain_interval,
        "win / tie / loss: win, tie, loss": win_tie_loss, "p, Holm: p_holm": p_value,
    }  # fmt: skip
    caption = (
        "Error of another aggregation over that of sum, geometric mean over tasks and budgets with its 95 % interval "
        "over tasks and seeds (above 1 sum is better); wins of the other over tasks and budgets: "
        f"{say_wins(tidy.win)}; Wilcoxon over tasks"
    )
    folder.table("aggregations", tidy, tabulate(tidy, columns, caption))
