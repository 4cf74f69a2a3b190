"""Figures show what their tables say, and names do not cover each other."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanbench.analysis.axes import along, along_axes, base_level
from kanbench.analysis.comparisons import ranking
from kanbench.analysis.scores import Scores, compared
from kanbench.analysis.significance import compare_pairs
from kanbench.analysis.summary import summarize
from kanbench.report.figures.along import loss_along
from kanbench.report.figures.charts import critical_difference, heat_map
from kanbench.report.figures.costs import loss_vs_cost, profile
from kanbench.report.figures.course import slopes_against_size
from kanbench.report.figures.curves import MOST_PANELS, loss_vs_parameters, small_multiples
from kanbench.report.figures.panels import panels_of, spread
from kanbench.report.figures.style import method_styles, natural, ordered_methods

METHODS = ["KAN RBF", "KAN RBF mean", "KAN Taylor", "KAN Taylor mean", "MLP relu", "MLP tanh"]


def members(methods=METHODS, factor=1.0, **setting):
    """Eight tasks, two seeds; the k-th method's error is k + 1 times the task's."""
    return pd.DataFrame(
        {
            "suite": "s", "task": f"t{task}", "same_as": "", "method": method, "budget": 50, "params": 51, "seed": seed,
            "basis": method.split()[1] if method.startswith("KAN") else "", "status": "ok", "lr": np.nan,
            "aggregation": "" if "MLP" in method else "mean" if "mean" in method else "sum", "protocol": str(setting),
            "cell": f"{method}{task}{setting}", "score": factor * (k + 1) * 10.0**-task, "val_rel_l2": 0.1,
        }
        | setting
        for k, method in enumerate(methods)
        for task in range(8)
        for seed in range(2)
    )  # fmt: skip


def scores(values):
    errors = np.asarray(values, dtype=float)[:, :, None]
    return Scores(METHODS[: len(errors)], [("s", f"t{i}") for i in range(errors.shape[1])], errors)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_names_are_moved_apart_in_their_order(heights):
    placed = spread({str(i): height for i, height in enumerate(heights)}, 0.06)
    values = sorted(placed.values())
    assert np.diff(values).min(initial=1.0) >= 0.06 - 1e-9
    assert values[-1] <= 0.97 + 1e-9
    for i, low in enumerate(heights):
        assert all(placed[str(i)] < placed[str(j)] for j, high in enumerate(heights) if high > low)


def test_few_methods_share_a_panel_and_many_have_one_per_family():
    assert list(panels_of(members(METHODS[:3]), METHODS[:3])) == [""]
    assert panels_of(members(), METHODS) == {
        "KAN RBF": METHODS[:2], "KAN Taylor": METHODS[2:4], "MLP": METHODS[4:],
    }  # fmt: skip


def test_every_panel_shows_its_family_in_color_and_all_others_behind():
    ranked = pd.DataFrame(
        {"method": method, "budget": b, "reference": False, "step_ms": 10.0 * b, "error": k / b, "error_low": 0.5 / b,
         "error_high": 9 / b}
        for k, method in enumerate(METHODS, start=1) for b in (50, 100)
    )  # fmt: skip
    figure = loss_vs_cost(ranked, members(), "step_ms", "title", "MLP tanh")
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in panels] == ["KAN RBF", "KAN Taylor", "MLP"]
    assert all(len(axes.get_lines()) == len(METHODS) for axes in panels)
    assert {text.get_text() for text in panels[0].texts} == {"MLP tanh", "sum", "mean"}
    np.testing.assert_allclose(panels[0].get_lines()[-1].get_xdata(), [500, 1000])
    behind = [line.get_ydata()[0] for line in panels[0].get_lines()[:3]]
    np.testing.assert_allclose(behind, [3 / 50, 4 / 50, 5 / 50])  # always in one order, so that files are the same


def test_a_critical_difference_diagram_ties_what_does_not_differ():
    base = np.tile(10.0 ** -np.arange(12), (3, 1))
    wobble = np.tile([1.1, 1 / 1.1], 6)
    apart = scores(base * [[1.0], [1.0], [50.0]] * [wobble, 1 / wobble, wobble])
    figure = critical_difference(apart, compare_pairs(apart.medians), members(), "t")
    bars = [line for line in figure.axes[0].get_lines() if line.get_linewidth() > 3]
    assert len(bars) == 1
    np.testing.assert_allclose(bars[0].get_xdata(), [1.5 - 0.06, 1.5 + 0.06])  # both have mean rank 1.5
    assert {"KAN RBF  1.5", "KAN RBF mean  1.5", "3.0  KAN Taylor"} == {t.get_text() for t in figure.axes[0].texts}


def test_the_heat_map_shows_decades_over_the_best_with_the_best_method_first():
    figure = heat_map(scores([[1e-2, 1e-3], [1e-4, 1e-4]]), "t")
    np.testing.assert_allclose(figure.axes[0].get_images()[0].get_array(), [[0, 0], [2, 1]])
    assert figure.axes[0].get_yticklabels()[0].get_text() == "KAN RBF mean"


def test_slopes_go_from_one_size_to_the_next_and_what_was_refused_is_left_out():
    table = pd.DataFrame(
        {"method": "KAN RBF", "smaller": [50.0, 100.0, 400.0], "larger": [100.0, 400.0, 900.0],
         "slope": [2.0, -1.0, np.nan], "slope_low": [1.5, -1.2, np.nan], "slope_high": [2.5, -0.5, np.nan]}
    )  # fmt: skip
    axes = slopes_against_size(table, members(), "t", None).axes[0]
    np.testing.assert_allclose(axes.get_lines()[0].get_xdata(), [50, 100, 100, 400])
    np.testing.assert_allclose(axes.get_lines()[0].get_ydata(), [2.0, 2.0, -1.0, -1.0])
    low, high = axes.get_ylim()
    assert low < -1.2 < 2.5 < high


def test_errors_along_an_axis_are_of_the_tasks_that_all_its_values_share():
    few, many = members(train_size=100, factor=2.0), members(train_size=1000)
    few = few[few.task != "t7"]
    table = along(pd.concat([few, many]), "train_size", "MLP tanh")
    assert table.tasks.unique().tolist() == [7]
    best = table[table.method == "KAN RBF"].set_index("train_size")
    assert best.error.tolist() == pytest.approx([2e-3, 1e-3])  # t0 .. t6: 10^-3 on average
    assert best.ratio.tolist() == pytest.approx([1 / 6, 1 / 6])  # the first of six methods over the last
    assert along(few, "train_size").ratio.isna().all()


def test_sweeps_along_two_axes_cross_where_each_is_held_for_the_other():
    sizes = [members(train_size=n, noise=0.0) for n in (100, 1000, 3000)]
    noises = [members(train_size=1000, noise=noise) for noise in (0.01, 0.1)]
    frame = pd.concat(sizes + noises)
    assert base_level(frame) == {"train_size": 1000, "noise": 0.0}
    found = {axis: (held, sorted(part.frame[axis].unique())) for axis, held, part in along_axes(frame)}
    assert found == {
        "train_size": ({"noise": 0.0}, [100, 1000, 3000]),
        "noise": ({"train_size": 1000}, [0.0, 0.01, 0.1]),
    }
    crossed = pd.concat(members(train_size=n, noise=noise) for n in (100, 1000) for noise in (0.0, 0.1))
    assert base_level(crossed) == {"train_size": 1000, "noise": 0.0}  # of equals the most rows, the least noise


def test_no_noise_has_a_place_on_a_log_axis():
    frame = pd.concat([members(METHODS[4:], noise=noise, factor=1 + noise) for noise in (0.0, 0.01, 0.1)])
    axes = loss_along(along(frame, "noise"), frame, "noise", "t", None).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "0.01", "0.1"]
    assert axes.get_xticks()[0] > 0
    low, high = axes.get_ylim()
    ticks = zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
    assert sum(low <= tick <= high and bool(label.get_text()) for tick, label in ticks) >= 2


@pytest.mark.parametrize(("n_tasks", "of_classes"), [(1, True), (2, False), (3, True), (4, False)])
def test_what_stands_around_few_panels_does_not_overlap(n_tasks, of_classes):
    frame = pd.concat(members(METHODS[3:], factor=50 / budget, budget=budget) for budget in (50, 100)).reset_index(
        drop=True
    )
    frame = frame[frame.task < f"t{n_tasks}"].assign(params=frame.budget)
    figure = small_multiples(frame.assign(test_rel_cross_entropy=0.1) if of_classes else frame, LONG)
    check_that_nothing_is_cut_or_covered(figure)


def check_that_nothing_is_cut_or_covered(figure):
    figure.draw_without_rendering()
    around = [figure._suptitle, figure._supylabel, figure._supxlabel, *figure.legends]
    boxes = [each.get_window_extent() for each in around if each] + [axes.get_tightbbox() for axes in figure.axes]
    for i, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:i])


LONG = "feynman: 27 dimensionless Feynman equations (2 of 27 tasks), cross-entropy, KAN against MLP, five seeds of each"


def run(budgets=(50, 100, 200), methods=METHODS, seeds=2):
    """Members at several budgets, whose sizes are a few parameters above them."""
    frame = pd.concat([members(methods, budget=b, factor=1 / b, cell=f"{b}") for b in budgets], ignore_index=True)
    frame = frame[frame.seed < seeds]
    changes = {"params": frame.budget + 3, "cell": frame.cell + frame.method + frame.task, "protocol": "p"}
    return frame.assign(**changes, score=frame.score * (1.0 + frame.seed), missed=False, seconds=1.0)


@pytest.mark.parametrize("budgets", [(50,), (50, 100, 200)])
@pytest.mark.parametrize("methods", [METHODS[:2], [*METHODS, *(f"KAN B{i}" for i in range(6))]])
def test_the_title_and_the_legend_of_a_run_are_whole_beside_each_other(budgets, methods):
    records = run(budgets, methods)
    check_that_nothing_is_cut_or_covered(loss_vs_parameters(summarize(records), records, LONG))
    check_that_nothing_is_cut_or_covered(small_multiples(records, LONG))


@pytest.mark.parametrize("n_tasks", [2, 8])
def test_titles_of_other_figures_are_whole(n_tasks):
    check_that_nothing_is_cut_or_covered(heat_map(scores(np.ones((3, n_tasks))), LONG))


def test_one_budget_shows_the_interval_of_every_method_in_a_row_of_its_own():
    records = run((50,))
    summary = summarize(records).set_index("method")
    (axes,) = loss_vs_parameters(summary.reset_index(), records, "t").axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == METHODS  # the lowest error first
    bars = [line.get_xdata() for line in axes.get_lines() if len(line.get_xdata()) == 2]
    np.testing.assert_allclose(bars, summary.loc[names, ["error_low", "error_high"]])
    assert np.ptp(bars, axis=1).min() > 0
    for axes in small_multiples(records, "t").axes[:8]:
        ranges = np.array([lines.get_segments()[0][:, 1] for lines in axes.collections])
        np.testing.assert_allclose(ranges[:, 1] / ranges[:, 0], 2.0)  # the second seed has twice the error
        places = [line.get_xdata()[0] for line in axes.get_lines()]
        assert len(set(places)) == len(METHODS)  # none hides another


def test_no_figure_of_a_single_seed_promises_an_interval():
    for budgets in ((50,), (50, 100)):
        records = run(budgets, seeds=1)
        figure = loss_vs_parameters(summarize(records), records, "t")
        said = [figure.axes[0].get_xlabel(), *(legend.get_title().get_text() for legend in figure.legends)]
        assert "interval" not in " ".join(said)
        assert "range" not in small_multiples(records, "t")._supylabel.get_text()
    line = pd.DataFrame({"method": "KAN RBF", "budget": 50, "reference": False, "step_ms": [10.0], "error": 0.1,
                         "error_low": np.nan, "error_high": np.nan})  # fmt: skip
    assert "interval" not in loss_vs_cost(line, members(), "step_ms", "t", None)._supxlabel.get_text()


def test_variants_of_a_basis_differ_in_their_marker_as_points_have_no_dashes():
    methods = [f"KAN {basis}{mean}" for basis in ("RBF", "Taylor", "Fourier") for mean in ("", " mean")]
    styles = method_styles(members(methods))
    looks = {(str(style["color"]), style["marker"]) for style in styles.values()}
    assert len(looks) == len(methods)


def test_tasks_are_in_the_order_in_which_people_count():
    names = ["I.10.7", "I.6.2", "t1", "t11", "t2", "t10", "II.6.15a"]
    assert sorted(names, key=natural) == ["I.6.2", "I.10.7", "II.6.15a", "t1", "t2", "t10", "t11"]
    records = run()
    records = records.assign(task=records.task.replace({"t0": "t10", "t1": "t11"}))
    titles = [axes.get_title(loc="left") for axes in small_multiples(records, "t").axes if axes.axison]
    assert titles == ["t2", "t3", "t4", "t5", "t6", "t7", "t10", "t11"]
    tasks = [("s", name) for name in ("t1", "t10", "t2")]
    axes = heat_map(Scores(METHODS[:2], tasks, np.array([[[1.0], [2.0], [3.0]], [[1.0], [2.0], [9.0]]])), "t").axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["t1", "t2", "t10"]
    np.testing.assert_allclose(axes.get_images()[0].get_array()[1], [0, np.log10(3), 0], atol=1e-12)


def test_the_figures_of_a_run_tick_the_same_sizes_and_have_one_order_of_methods():
    records = run(methods=METHODS[::-1])  # the last by name is the best
    summary = summarize(records)
    curve, tasks = loss_vs_parameters(summary, records, "t"), small_multiples(records, "t", ordered_methods(summary))
    assert [figure.axes[0].get_xticks().tolist() for figure in (curve, tasks)] == [[50, 100, 200]] * 2
    orders = [[text.get_text() for text in figure.legends[0].get_texts()] for figure in (curve, tasks)]
    assert orders == [METHODS[::-1]] * 2


def test_tasks_of_one_name_in_two_suites_have_a_panel_each():
    both = pd.concat([run(), run().assign(suite="r", cell=lambda frame: "r" + frame.cell)])
    titles = [axes.get_title(loc="left") for axes in small_multiples(both[both.task == "t0"], "t").axes]
    assert titles == ["r t0", "s t0"]


def test_a_figure_of_very_many_tasks_shows_some_and_says_so():
    records = run((50,), METHODS[:2])
    many = pd.concat([records.assign(task=records.task + f"-{i}") for i in range(8)])
    figure = small_multiples(many, "t")
    assert len([axes for axes in figure.axes if axes.axison]) == MOST_PANELS
    assert figure._suptitle.get_text() == f"t (the first {MOST_PANELS} of 64 tasks)"


LIKE_FORMULAS = [r"y of $\frac{x$.csv", "$x$", "price in $", "$a^b", r"\$x$"]


def texts_of(figure):
    figure.draw_without_rendering()
    return {text.get_text() for text in figure.findobj(lambda each: hasattr(each, "get_text"))}


def test_tasks_whose_names_look_like_formulas_are_drawn_letter_by_letter():
    frame = members(missed=False)
    frame = frame.replace({"task": {f"t{k}": name for k, name in enumerate(LIKE_FORMULAS)}})
    assert {name.replace("$", r"\$") for name in LIKE_FORMULAS} <= texts_of(small_multiples(frame, "t"))


@pytest.mark.parametrize("name", LIKE_FORMULAS)
def test_a_title_that_looks_like_a_formula_is_drawn_letter_by_letter(name):
    scored = scores([[0.1], [0.2]])
    texts = texts_of(heat_map(Scores(scored.methods, [("s", name)], scored.errors), name))
    assert name.replace("$", r"\$") in texts
    few = members(METHODS[:2], missed=False).query("task < 't2'")
    assert name.replace("$", r"\$") in texts_of(small_multiples(few, name))


@pytest.mark.parametrize("budgets", [(50,), (50, 100)])
def test_odd_names_of_methods_and_tasks_are_text_in_every_figure(budgets, tmp_path):
    like_formula, long = "$5 \\{ and $6", "größe 漢 <b>" + 90 * "x"
    odd, method = f"{like_formula} {long}", f"KAN RBF {like_formula}"
    names = {"task": {"t0": like_formula, "t1": long}, "method": {"KAN RBF": method, "MLP relu": f"MLP relu {long}"}}
    records = run(budgets).replace(names)
    summary, ranked = summarize(records), ranking(records.assign(flops=9.0))
    last = compared(records).by_budget[budgets[-1]]
    figures = [loss_vs_parameters(summary, records, odd), small_multiples(records, odd), heat_map(last, odd)]
    figures += [
        critical_difference(last, compare_pairs(last.medians), records, odd),
        profile(last, records, odd, method),
    ]
    figures += [loss_vs_cost(ranked, records, "params", odd, method)]
    for figure in figures:
        figure.draw_without_rendering()


@pytest.mark.parametrize("score", [0.0, 1.0, 1e-300])
def test_errors_that_are_all_the_same_are_drawn(score):
    """All members failed, or all errors are zero."""
    for budgets in ((50,), (50, 100)):
        records = run(budgets, METHODS[:2]).query("task < 't2'").assign(score=score)
        loss_vs_parameters(summarize(records), records, "t").draw_without_rendering()
        small_multiples(records, "t").draw_without_rendering()
