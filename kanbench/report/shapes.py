"""The table of the shapes that a search chose, and the remark on tasks that it left out."""

from kanbench.errors import counted
from kanbench.report.folder import Folder
from kanbench.report.result import Result
from kanbench.report.typeset import Columns, count, tabulate


def add_shapes(folder: Folder, result: Result) -> None:
    """Add a row per search, task and budget: the shape that was chosen, the second-best one, and the trials."""
    if (tidy := result.shapes).empty:
        return
    columns: Columns = {
        "method: method": str, "task: task": str, "budget: budget": count, "shape: shape": str,
        "chosen: shape_label": str, "runner-up: runner_up": str, "trials: trials": count, "at an end: at_edge": _mark,
    }  # fmt: skip
    caption = (
        "Shapes with the lowest median validation error, of as many trials for every method; at an end: the depth or "
        "the size is the last one of its list, and the best may lie beyond it"
    )
    folder.table("shapes", tidy, tabulate(tidy, columns, caption))


def say_left_out(result: Result) -> str:
    """Say how many tasks the search left out, by budget; "" if it left out none."""
    if not (tasks := result.left_out):
        return ""
    counts = ", ".join(f"{counted(n, 'task')} at {budget:,} parameters" for budget, n in tasks.items())
    return f"The search left out {counts}, where a method had too few shapes near the budget."


def _mark(value: bool) -> str:
    return "yes" if value else ""
