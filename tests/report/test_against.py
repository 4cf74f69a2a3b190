"""Figures of ratios to a baseline, of chosen shapes, and of few sizes show numbers that pandas finds as well."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from scipy.stats import gmean, mannwhitneyu

from kanbench.analysis.against import against, by_task
from kanbench.analysis.scores import Primary
from kanbench.analysis.significance import Refusal
from kanbench.errors import UnknownName
from kanbench.report.result import Result

NAMES = ["KAN BSpline", "KAN Chebyshev", "KAN Fourier", "KAN RBF", "KAN Taylor", "MLP bspline", "MLP tanh"]
FACTORS = dict(zip(NAMES, (9.0, 1.3, 60.0, 3.0, 0.5, 2.0, 1.0), strict=True))


def records(tasks=8, seeds=5, names=NAMES, budgets=(100, 300)):
    """Errors that scatter over tasks and seeds, with two marked tasks."""
    generator = np.random.default_rng(1)
    rows = []
    for method in names:
        for budget in budgets:
            for task in range(tasks):
                of_task = FACTORS[method] * 10 ** (generator.normal(0, 0.3) - task / 4) / budget
                rows += [
                    {
                        "suite": "s", "task": f"t{task}", "same_as": "", "method": method, "budget": budget,
                        "params": budget + 1, "basis": method.split()[1] if method.startswith("KAN") else "",
                        "seed": seed, "status": "ok", "lr": np.nan, "protocol": "p", "missed": False, "flops": 9.0,
                        "cell": f"{method}{budget}{task}", "seconds": 1.0, "aggregation": "", "val_rel_l2": 0.1,
                        "score": of_task * 10 ** generator.normal(0, 0.1), "heavy_tailed": task == 1,
                        "smooth": "no" if task == 2 else "yes",
                    }
                    for seed in range(seeds)
                ]  # fmt: skip
    return pd.DataFrame(rows)


FRAME = records()
RESULT = Result.of(FRAME, "T", "MLP tanh", Primary("KAN Taylor", "MLP tanh", 300))


def by_hand(method, budget):
    """The geometric-mean ratio, and wins, ties and losses, from the frame."""
    part = FRAME[FRAME.budget == budget]
    seeds = {name: part[part.method == name].groupby("task").score.apply(list) for name in (method, "MLP tanh")}
    ratios, sides = [], []
    for task in seeds[method].index:
        ours, theirs = seeds[method][task], seeds["MLP tanh"][task]
        ratio = np.median(ours) / np.median(theirs)
        is_apart = max(ratio, 1 / ratio) > 1.1 and mannwhitneyu(ours, theirs, method="exact").pvalue < 0.05
        ratios.append(ratio)
        sides.append(int(-np.sign(np.log(ratio))) * is_apart)
    return gmean(ratios), [sides.count(side) for side in (1, 0, -1)]


def test_ratios_and_wins_are_those_of_the_frame_and_the_interval_holds_the_ratio():
    table = RESULT.ratios.set_index(["budget", "method"])
    assert len(table) == 2 * (len(NAMES) - 1)
    for (budget, method), row in table.iterrows():
        ratio, counts = by_hand(method, budget)
        assert row.ratio == pytest.approx(ratio, rel=1e-12)
        assert [row.win, row.tie, row.loss] == counts
        assert row.ratio_low < ratio < row.ratio_high
    tests = RESULT.tests[RESULT.tests.budget == 300]
    pair = tests[tests[["first", "second"]].isin(["KAN RBF", "MLP tanh"]).all(axis=1)]
    assert table.loc[(300, "KAN RBF"), "p_holm"] == pair.p_holm.iloc[0]


def test_the_figure_of_ratios_has_a_row_for_each_method_with_its_numbers():
    axes = RESULT.plot("ratios").axes
    for budget, panel in zip((100, 300), axes, strict=True):
        at_budget = RESULT.ratios[RESULT.ratios.budget == budget].set_index("method")
        names = [label.get_text() for label in axes[0].get_yticklabels()]
        marks = {line.get_ydata()[0]: line for line in panel.get_lines() if line.get_marker() == "o"}
        bars = [line.get_xdata() for line in panel.get_lines() if len(line.get_xdata()) == 2][1:]
        assert names == RESULT.ratios[RESULT.ratios.budget == 300].method.tolist()  # the lowest ratio first
        said = {text.get_text() for text in panel.texts}
        for place, name in enumerate(names):
            row = at_budget.loc[name]
            assert marks[place].get_xdata()[0] == row.ratio
            np.testing.assert_allclose(bars[place], [row.ratio_low, row.ratio_high])
            is_hollow = marks[place].get_markerfacecolor() == "white"
            assert is_hollow == (row.ratio_low <= 1 <= row.ratio_high)
            assert f"{row.win:.0f} / {row.tie:.0f} / {row.loss:.0f}" in said
        assert panel.get_title(loc="left") == f"{budget} parameters, 8 tasks"
    bold = [label.get_text() for label in axes[0].get_yticklabels() if label.get_fontweight() == "bold"]
    assert bold == ["KAN Taylor"]


def test_ratios_need_a_baseline_and_another_method():
    alone = Result.of(FRAME[FRAME.method == "KAN RBF"])
    with pytest.raises(Refusal, match="no baseline was trained"):
        alone.plot("ratios")
    with pytest.raises(Refusal, match="no method was trained beside a baseline"):
        alone.plot("task_ratios")
    few = against(records(tasks=3, names=["KAN RBF", "MLP tanh"], budgets=(100,)), "MLP tanh")
    assert few.p_holm.isna().all()


def test_tasks_are_sorted_by_their_ratio_and_marked():
    table = by_task(RESULT, "KAN Taylor", "MLP tanh")
    medians = FRAME[FRAME.budget == 300].groupby(["method", "task"]).score.median()
    ratios = (medians["KAN Taylor"] / medians["MLP tanh"]).sort_values()
    np.testing.assert_allclose(table[table.budget == 300].set_index("task").ratio[ratios.index], ratios, rtol=1e-12)
    assert table[table.heavy_tailed].task.unique().tolist() == ["t1"]
    assert table[table.not_smooth].task.unique().tolist() == ["t2"]
    axes = RESULT.plot("task_ratios").axes
    marks = {"t1": "t1 *", "t2": "t2 +"}
    assert [label.get_text() for label in axes[0].get_yticklabels()] == [marks.get(task, task) for task in ratios.index]
    drawn = [line.get_xdata()[0] for line in axes[1].get_lines() if line.get_marker() == "o"]
    np.testing.assert_allclose(drawn, ratios, rtol=1e-12)
    colors = [line.get_color() for line in axes[1].get_lines() if line.get_marker() == "o"]
    wins, ties, losses = by_hand("KAN Taylor", 300)[1]
    assert [colors.count(color) for color in ("#0072b2", "0.6", "#d55e00")] == [wins, ties, losses]


def test_few_sizes_are_lines_with_names_at_their_ends_that_do_not_touch():
    axes = RESULT.plot("loss_vs_parameters").axes[0]
    lines = {line.get_label(): line for line in axes.get_lines()}
    medians = FRAME.groupby(["method", "budget", "task"]).score.median()
    for name in NAMES:
        np.testing.assert_allclose(lines[name].get_xdata(), [101, 301])
        expected = [gmean(medians[name, budget]) for budget in (100, 300)]
        np.testing.assert_allclose(lines[name].get_ydata(), expected, rtol=1e-12)
    wide = {name for name, line in lines.items() if line.get_linewidth() > 2}
    assert wide == {"KAN Taylor", "MLP tanh"}
    figure = axes.get_figure()
    figure.draw_without_rendering()
    boxes = sorted((Text.get_window_extent(text) for text in axes.texts), key=lambda box: box.y0)
    assert len(boxes) == len(NAMES)
    assert all(low.y1 <= high.y0 + 1.0 for low, high in pairwise(boxes))
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


def test_long_names_in_two_lines_do_not_touch_in_the_figure_of_ratios():
    long = {name: f"{name} initialisation=power_law gain=1.0" for name in NAMES if name.startswith("KAN")}
    figure = RESULT.choose(NAMES, names=long).plot("ratios")
    figure.draw_without_rendering()
    labels = figure.axes[0].get_yticklabels()
    assert max(label.get_text().count("\n") for label in labels) == 1
    boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 for low, high in pairwise(boxes))


@pytest.mark.parametrize("width", [3.4, 13.3])
def test_ratios_fit_a_phone_and_a_slide(width):
    figure = RESULT.plot("ratios", width=width)
    figure.draw_without_rendering()
    assert figure.get_figwidth() == width
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1
        assert axes.get_window_extent().width > 0.4 * figure.bbox.width / (1 if width < 5 else 2)


def searched():
    """Two searches on three tasks; depth 2 and the second size are best but on the last task."""
    rows = []
    for line, sizes in {"KAN Taylor": (3, 5, 8), "MLP tanh": (0.5, 1.0)}.items():
        for task in range(3):
            for depth in (1, 2):
                for size in sizes:
                    is_best = (depth, size) == ((2, sizes[1]) if task < 2 else (1, sizes[0]))
                    error = 0.1 if is_best else 0.2
                    rows.append(
                        {
                            "suite": "s", "task": f"t{task}", "same_as": "", "budget": 100, "protocol": "p",
                            "lr": np.nan, "params": 100, "status": "ok", "cell": f"{line}{task}{depth}{size}",
                            "seed": 0, "method": f"{line} {depth} {size}", "searched": line, "trial": len(rows),
                            "trials": 6, "depth": depth, "searched_size": float(size), "shape": "2-1",
                            "stopped": "converged",
                            "val_rel_l2": error, "test_rel_l2": error, "score": error, "aggregation": "", "basis": "",
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows)


def test_the_figure_of_shapes_counts_the_tasks_of_every_depth_and_size():
    tried = searched()
    of_reference = {"searched": "", "method": "linear", "cell": "linear", "depth": 0, "searched_size": np.nan}
    axes = Result.of(pd.concat([tried, tried[:1].assign(**of_reference)]), baseline="MLP tanh").plot("shapes").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["KAN Taylor", "MLP tanh"]
    rows = {0: [], 1: []}
    for text in sorted(axes.texts[:-2], key=lambda text: text.get_position()[0]):
        rows[round(text.get_position()[1])].append(text.get_text())
    dot = "\N{MIDDLE DOT}"
    assert rows[0] == ["1", "2", "1", "3", "2", "5", dot, "8"]  # depths 1 and 2; then counts and sizes
    assert rows[1] == ["1", "2", "1", "0.5", "2", "1"]


def test_a_table_is_latex_by_its_name():
    text = RESULT.latex("ratios")
    row = RESULT.ratios[RESULT.ratios.budget == 300].iloc[0]
    assert text.startswith(r"\begin{table}")
    assert f"{row.method} & " in text
    assert f"{row.ratio:.3g} ({row.ratio_low:.3g} .. {row.ratio_high:.3g}) {{[}}" in text
    assert r"\begin{tabular}{lrrrr}" in text
    assert "MLP tanh" in RESULT.latex("errors")
    with pytest.raises(UnknownName, match="unknown table 'ratio'; did you mean ratios"):
        RESULT.latex("ratio")
