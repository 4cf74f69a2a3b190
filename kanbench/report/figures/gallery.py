"""Every figure by its name. A figure is a function of a result and of axes, which are None for a figure of its own.

It raises `Refusal` where there is nothing to draw. Whatever writes or plots figures takes them from `FIGURES`.
"""

from collections.abc import Callable
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kanbench.analysis.against import by_task
from kanbench.analysis.axes import AXIS_NAMES
from kanbench.analysis.evaluations import along_evaluations
from kanbench.analysis.protocol import say_level
from kanbench.analysis.scores import Scores
from kanbench.analysis.significance import Refusal
from kanbench.errors import UnknownName, UsageError
from kanbench.report.figures.along import loss_along
from kanbench.report.figures.canvas import figures_of
from kanbench.report.figures.charts import critical_difference, heat_map, sum_against
from kanbench.report.figures.costs import loss_vs_cost, profile
from kanbench.report.figures.course import error_against_evaluations, slopes_against_size
from kanbench.report.figures.curves import loss_vs_parameters, small_multiples
from kanbench.report.figures.ends import has_named_ends, loss_with_named_ends
from kanbench.report.figures.forest import ratios, task_ratios
from kanbench.report.figures.shapes import chosen_shapes
from kanbench.report.figures.style import ordered_methods
from kanbench.report.result import Result

Draw = Callable[[Result, Axes | None], Figure]


def draw(
    result: Result, name: str, ax: Axes | None = None, width: float | None = None, height: float | None = None
) -> Figure:
    """Draw a figure; see `Result.plot`."""
    if name not in FIGURES:
        raise UnknownName("figure", name, FIGURES)
    with figures_of(width):
        figure = FIGURES[name](result, ax)
    if height is not None and ax is None:
        figure.set_figheight(height)
    return figure


def _last(result: Result) -> tuple[str, Scores]:
    """Return the largest budget as part of a title, and its scores."""
    if len(result.levels) > 1:
        names = " or ".join(f"loss_vs_{axis}" for axis in result.levels[0][0])
        raise Refusal(f"several levels share no such figure: draw {names}, or one of the results in `levels`")
    if not result.scores:
        raise Refusal("no two methods were trained on the same tasks")
    return f"{result.heading}, {max(result.scores):,} parameters", result.scores[max(result.scores)]


def _loss_vs_parameters(result: Result, ax: Axes | None) -> Figure:
    _last(result)
    ranked = result.ranking
    if len(ranked.budget.unique()) == 1 or ranked.reference.any():
        return loss_vs_parameters(ranked, result, result.heading, ax)
    if has_named_ends(ranked, result):
        return loss_with_named_ends(ranked, result, result.mark, ax)
    return loss_vs_cost(ranked, result, "params", result.heading, result.mark, ax)


def _ratios(result: Result, ax: Axes | None) -> Figure:
    _last(result)
    if result.mark is None or result.ratios.empty:
        raise Refusal("no baseline was trained beside other methods")
    return ratios(result, result.mark, ax)


def _task_ratios(result: Result, ax: Axes | None) -> Figure:
    _last(result)
    method, baseline = result.best_kan, result.mark
    table = by_task(result, method, baseline) if method and baseline else None
    if table is None or table.empty:
        raise Refusal("no method was trained beside a baseline on the same tasks")
    assert method
    assert baseline
    return task_ratios(table, result, method, baseline, ax)


def _error_against_step_time(result: Result, ax: Axes | None) -> Figure:
    _last(result)
    if result.costs is None or result.ranking.step_ms.isna().all():
        raise Refusal("no time of these methods was measured: --costs FILE joins the table of `make bench`")
    return loss_vs_cost(result.ranking, result, "step_ms", result.heading, result.mark, ax)


def _profile(result: Result, ax: Axes | None) -> Figure:
    at, scores = _last(result)
    return profile(scores, result, at, result.mark, ax)


def _critical_difference(result: Result, ax: Axes | None) -> Figure:
    at, scores = _last(result)
    return critical_difference(scores, result.tests_at(max(result.scores)), result, at, ax)


def _heat_map(result: Result, ax: Axes | None) -> Figure:
    at, scores = _last(result)
    return heat_map(scores, at, ax, result.order)


def _slopes(result: Result, ax: Axes | None) -> Figure:
    _last(result)
    if result.slopes.slope.isna().all():
        raise Refusal(f"no method has a slope: {result.slopes.reason.iloc[0]}")
    return slopes_against_size(result.slopes, result, result.heading, result.mark, ax)


def _error_against_evaluations(result: Result, ax: Axes | None) -> Figure:
    at, scores = _last(result)
    found = along_evaluations(result, scores, max(result.scores))
    return error_against_evaluations(found, result, at, result.mark, ax)


def _aggregations(result: Result, ax: Axes | None) -> Figure:
    _last(result)
    if result.aggregations.empty:
        raise Refusal("no method was trained with sum and with another aggregation")
    return sum_against(result.aggregations, result, result.heading, ax)


def _tasks(result: Result, ax: Axes | None) -> Figure:
    if ax is not None:
        raise UsageError("tasks: this figure has a panel for every task, so it is drawn without ax")
    _last(result)
    return small_multiples(result, result.heading, result.order or ordered_methods(result.ranking))


def _shapes(result: Result, ax: Axes | None) -> Figure:
    if result.shapes.empty:
        raise Refusal("no shapes were searched")
    return chosen_shapes(result.shapes, result.records, result.heading, ax)


def _along(axis: str, result: Result, ax: Axes | None) -> Figure:
    if axis not in result.along:
        raise Refusal(f"all records have the same {AXIS_NAMES[axis].partition(',')[0]}")
    held, table = result.along[axis]
    if table.empty:
        raise Refusal("no task was trained by every method at every value")
    last = table[table.budget == table.budget.max()]
    at = ", ".join(filter(None, [say_level(held), f"{table.budget.max():,} parameters"]))
    return loss_along(last, result, axis, f"{result.heading}\n{at}", result.baseline, ax)


FIGURES: dict[str, Draw] = {
    "ratios": _ratios,
    "task_ratios": _task_ratios,
    "loss_vs_parameters": _loss_vs_parameters,
    "error_against_step_time": _error_against_step_time,
    "error_against_evaluations": _error_against_evaluations,
    "critical_difference": _critical_difference,
    "slopes": _slopes,
    "aggregations": _aggregations,
    "performance_profile": _profile,
    "heat_map": _heat_map,
    "tasks": _tasks,
    "shapes": _shapes,
    **{f"loss_vs_{axis}": partial(_along, axis) for axis in AXIS_NAMES},
}
