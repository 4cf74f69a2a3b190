"""The pieces that figures are made of, by hand."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kanbench.analysis.comparisons import best_mlp
from kanbench.analysis.kinds import measure
from kanbench.report.figures import style as plots
from kanbench.report.figures.colors import COLORS


@pytest.fixture
def figure():
    return Figure(figsize=(6.0, 4.0), layout="constrained")


def shown(axis, low, high):
    """The labels of the ticks that are seen between two values."""
    axis.axes.set_xlim(low, high)
    axis.axes.figure.draw_without_rendering()
    places = zip(axis.get_majorticklocs(), [text.get_text() for text in axis.get_majorticklabels()], strict=True)
    return {round(float(place), 12): label for place, label in places if low <= place <= high}


def test_sizes_are_ticked_in_plain_digits_and_none_touches_its_neighbor(figure):
    axes = figure.subplots()
    axes.set_xscale("log")
    plots.tick_budgets(axes, [1000.0, 50.0, 100.0, 110.0, 200.0])
    assert shown(axes.xaxis, 40, 2000) == {50: "50", 100: "100", 200: "200", 1000: "1,000"}
    assert len(axes.xaxis.get_minorticklocs()) == 0


def test_of_many_sizes_seven_are_ticked_at_most(figure):
    axes = figure.subplots()
    axes.set_xscale("log")
    plots.tick_budgets(axes, [7, 9, 14, 20, 26, 39, 51, 71, 104, 141, 200, 300, 600])
    seen = list(shown(axes.xaxis, 5, 700))
    assert 4 <= len(seen) <= 7
    assert seen[0] == 7


def test_errors_are_ticked_by_decades_and_short_axes_more_finely(figure):
    axes = figure.subplots()
    axes.set_xscale("log")
    plots.tick_decades(axes.xaxis, 2e-6, 2e-2)
    assert list(shown(axes.xaxis, 2e-6, 2e-2)) == [1e-5, 1e-4, 1e-3, 1e-2]
    assert len(axes.xaxis.get_minorticklocs()) == 0
    plots.tick_decades(axes.xaxis, 0.15, 3.0)
    assert shown(axes.xaxis, 0.15, 3.0) == {0.2: "0.2", 0.5: "0.5", 1: "1", 2: "2"}


@pytest.mark.parametrize(("low", "high"), [(0.1, 1.0), (0.15, 0.75), (0.55, 0.95), (2.1, 4.9), (1e-7, 1.0)])
def test_every_axis_of_errors_has_two_ticks_at_least(figure, low, high):
    axes = figure.subplots()
    axes.set_xscale("log")
    plots.tick_decades(axes.xaxis, low, high)
    ticks = shown(axes.xaxis, low, high)
    assert 2 <= len(ticks) <= 9
    assert all(ticks.values())


def test_a_long_title_takes_lines_at_the_left_and_says_how_high_it_is(figure):
    one, two = plots.put_title(figure, "short"), plots.put_title(figure, "long " * 20)
    assert two == pytest.approx(2 * one)
    assert (figure.get_suptitle().count("\n"), figure._suptitle.get_position()[0]) == (1, 0.01)
    assert figure.get_suptitle().split() == ["long"] * 20


def test_the_legend_of_a_figure_leaves_its_width_to_it(figure):
    figure.subplots()
    lines = {"KAN X sum_over_sqrt": Line2D([], []), "MLP tanh": Line2D([], [])}
    plots.legend_at_right(figure, lines, 0.5, "what bars are")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["KAN X sum/\N{SQUARE ROOT}n", "MLP tanh"]
    assert legend.get_title().get_text() == "what bars are"
    figure.draw_without_rendering()
    assert figure.axes[0].get_tightbbox().x1 <= legend.get_window_extent().x0


def test_names_as_figures_show_and_sort_them():
    assert plots.readable("KAN BSpline sum_over_sqrt") == "KAN BSpline sum/\N{SQUARE ROOT}n"
    assert plots.readable("KAN BSpline mean") == "KAN BSpline mean"
    assert sorted(["f 10", "f 2", "f 1b", "f 1"], key=plots.natural) == ["f 1", "f 1b", "f 2", "f 10"]


def test_intervals_are_explained_where_there_are_any():
    assert plots.explain_intervals(pd.Series([np.nan, 0.1]), "shaded") == "95 % bootstrap interval over seeds shaded"
    assert plots.explain_intervals(pd.Series([np.nan, np.nan]), "shaded") == ""


def test_the_measure_is_that_of_the_records():
    numbers = pd.DataFrame({"test_rel_l2": [0.1], "test_rel_cross_entropy": [np.nan]})
    classes = pd.DataFrame({"test_rel_l2": [np.nan], "test_rel_cross_entropy": [0.2]})
    assert measure(numbers) == measure(numbers[["test_rel_l2"]]) == "relative L2 error on test"
    assert measure(classes) == "cross-entropy on test over that of the class prior"


def test_members_that_failed_leave_the_measure_of_a_classification_alone():
    classes = pd.DataFrame({"test_rel_l2": [np.nan, np.nan], "test_rel_cross_entropy": [0.2, np.nan]})
    assert measure(classes) == "cross-entropy on test over that of the class prior"


def test_a_metric_that_nobody_has_heard_of_is_called_by_its_name():
    frame = pd.DataFrame({"test_rel_l2": [np.nan], "test_nrmse": [0.3], "metric": ["nrmse"]})
    assert measure(frame) == "nrmse on test"
    assert measure(frame.assign(measure="error over the range")) == "error over the range"


def test_records_of_before_and_after_the_measure_was_stored_have_theirs():
    frame = pd.DataFrame({"test_rel_l2": [0.2, np.nan], "test_nrmse": [np.nan, 0.3],
                          "metric": [np.nan, "nrmse"], "measure": [np.nan, "error over the range"]})  # fmt: skip
    assert measure(frame) == "relative L2 error on test, error over the range"


def test_the_mlp_to_compare_with_is_the_best_at_the_largest_budget():
    frame = pd.DataFrame({"method": ["KAN", "MLP a", "MLP b", "linear"], "basis": ["X", "", "", ""],
                          "budget": [9.0, 9.0, 9.0, np.nan]})  # fmt: skip
    ranked = pd.DataFrame({"method": ["MLP a", "MLP b", "KAN", "MLP a", "MLP b", "linear"],
                           "budget": [5, 5, 9, 9, 9, 9], "error": [0.1, 0.9, 0.01, 0.4, 0.3, 0.02]})  # fmt: skip
    assert best_mlp(ranked, frame) == "MLP b"
    assert best_mlp(ranked, frame[frame.method == "KAN"]) is None


def test_methods_are_in_the_order_of_their_errors_at_the_largest_budget():
    summary = pd.DataFrame({"method": ["A", "A", "B", "B", "C"], "budget": [9, 5, 5, 9, 9],
                            "error": [0.2, 0.01, 0.5, 0.1, np.nan]})  # fmt: skip
    assert plots.ordered_methods(summary) == ["B", "A"]


def styles_of(*families):
    return plots.method_styles(
        pd.DataFrame({"method": families, "family": families, "basis": "", "budget": 9.0, "aggregation": "sum"})
    )


def test_a_basis_has_the_same_color_and_mark_whatever_it_is_compared_with():
    few, many = styles_of("KAN Taylor", "MLP"), styles_of("MLP", *COLORS)
    assert few == {name: many[name] for name in few}
    assert len({style["color"] for style in many.values()}) == len(COLORS) + 1


def test_a_basis_of_ones_own_takes_no_color_of_those_beside_it():
    styles = styles_of("KAN BSpline", "KAN Sine", "KAN own Comb", "own Net", "MLP")
    assert (styles["KAN BSpline"]["color"], styles["KAN Sine"]["color"]) == (COLORS["KAN BSpline"], COLORS["KAN Sine"])
    assert len({style["color"] for style in styles.values()}) == 5


# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency", 2009,
# severity 1: linear red, green and blue as protanopes and deuteranopes see them.
SEEN = {
    "everybody": np.eye(3),
    "protanopes": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopes": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def lab(color, eye):
    """A color of sRGB in CIELAB (white D65), as an eye sees it; a just noticeable difference is about 2.3."""
    encoded = np.array(to_rgb(color))
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    ratios = XYZ @ np.clip(np.asarray(eye) @ linear, 0.0, 1.0) / XYZ.sum(axis=1)
    x, y, z = np.where(ratios > (6 / 29) ** 3, np.cbrt(ratios), ratios * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eye", SEEN)
def test_colors_of_the_bases_are_apart_for_every_eye(eye):
    seen = [lab(color, SEEN[eye]) for color in [*list(COLORS.values())[:6], "0.2"]]
    apart = [np.linalg.norm(a - b) for a, b in combinations(seen, 2)]
    assert min(apart) > 10.0
