"""The shapes that a search chose."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kanbench.errors import UsageError
from kanbench.report.figures.canvas import blank, is_narrow, points, styled
from kanbench.report.figures.style import label_below, put_title, readable

ROW, COLUMN, GAP = 0.42, 0.5, 0.4  # inches; the gap in columns
PALE, DARK = (0.95, 0.97, 1.0), (0.42, 0.68, 0.84)  # on which black text is read


def chosen_shapes(chosen: pd.DataFrame, tried: pd.DataFrame, title: str, ax: Axes | None = None) -> Figure:
    """Draw on how many tasks each depth and each size was chosen: a row per search, a panel per budget.

    Sizes are in the order of the list of their search, and stand small below the counts.

    Args:
        chosen: from `shapes_table`.
        tried: all members, with `searched`, `depth` and `searched_size`; those of the searches count.
    """
    if ax is not None:
        raise UsageError("shapes: this figure has a panel for every budget, so it is drawn without ax")
    lines = sorted(chosen.method.unique())
    budgets = sorted(chosen.budget.unique())
    depths = sorted(tried.depth[tried.searched.isin(lines)].dropna().unique())
    sizes = {line: sorted(tried.searched_size[tried.searched == line].dropna().unique()) for line in lines}
    n_columns = len(depths) + max(map(len, sizes.values()))
    with styled(font_size=9, axes_titlesize=10, axes_grid=False):
        height = 0.7 + ROW * len(lines)
        figure = blank(1.9 + (COLUMN * (n_columns + GAP) + 0.3) * len(budgets), 1.0 + height, is_rows=True)
        at = (len(budgets), 1) if is_narrow(figure) else (1, len(budgets))
        if is_narrow(figure):
            figure.set_figheight(points(1.0) * (1.0 + height * len(budgets)))
        panels = figure.subplots(*at, squeeze=False).flat
        for axes, budget in zip(panels, budgets, strict=True):
            _panel(axes, chosen[chosen.budget == budget], lines, depths, sizes)
            axes.set_title(f"{budget:,} parameters", loc="left", pad=points(34))
            if axes.get_subplotspec().is_first_col():
                axes.set_yticks(range(len(lines)), [readable(line) for line in lines])
        said = "tasks on which a depth and a size was chosen; small: the size, of the basis or the gain of an MLP"
        label_below(figure, said, 9)
        put_title(figure, title)
    return figure


def _panel(
    axes: Axes, part: pd.DataFrame, lines: list[str], depths: list[float], sizes: dict[str, list[float]]
) -> None:
    n_sizes = max(map(len, sizes.values()))
    start = len(depths) + GAP
    for row, line in enumerate(lines):
        of_line = part[part.method == line]
        for column, depth in enumerate(depths):
            _cell(axes, column, row, int((of_line.depth == depth).sum()), len(of_line))
        for column, size in enumerate(sizes[line]):
            _cell(axes, start + column, row, int((of_line.searched_size == size).sum()), len(of_line), f"{size:g}")
    axes.set(xlim=(-0.5, start + n_sizes - 0.5), ylim=(len(lines) - 0.5, -0.5))
    axes.set_yticks([])
    axes.set_xticks(range(len(depths)), [f"{depth:.0f}" for depth in depths])
    axes.xaxis.tick_top()
    axes.tick_params(length=0, top=False)
    axes.spines[:].set_visible(False)
    for words, middle in (("depth", (len(depths) - 1) / 2), ("size", start + (n_sizes - 1) / 2)):
        axes.annotate(
            words, (middle, 1.0), (0, points(18)), xycoords=axes.get_xaxis_transform(), textcoords="offset points",
            ha="center", fontsize=points(9), annotation_clip=False,
        )  # fmt: skip


def _cell(axes: Axes, column: float, row: int, count: int, tasks: int, size: str = "") -> None:
    """Draw a count in a square that is the darker the larger its share is of the tasks; 0 is a dot."""
    share = count / tasks if tasks else 0.0
    color = [pale + share * (dark - pale) for pale, dark in zip(PALE, DARK, strict=True)]
    axes.add_patch(Rectangle((column - 0.47, row - 0.46), 0.94, 0.92, color=color, linewidth=0))
    lift = -0.13 if size else 0.0
    text = f"{count}" if count else "\N{MIDDLE DOT}"
    axes.text(column, row + lift, text, ha="center", va="center", fontsize=points(10), color="0.1")
    if size:
        axes.text(column, row + 0.27, size, ha="center", va="center", fontsize=points(7), color="0.35")
