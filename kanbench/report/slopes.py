"""Tables of slopes: how fast errors fall with the number of parameters."""

from kanbench.report.folder import Folder
from kanbench.report.result import Result
from kanbench.report.typeset import Columns, count, error, plain_interval, ratio, tabulate


def add_slopes(folder: Folder, result: Result) -> None:
    """Add the slopes of each method between neighboring budgets, means over tasks."""
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


def add_slopes_by_task(folder: Folder, result: Result) -> None:
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
