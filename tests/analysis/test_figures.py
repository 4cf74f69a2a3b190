"""Figures show what their tables say, and names do not cover each other."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanbench.analysis.axes import along, along_axes, base_level, loss_along
from kanbench.analysis.charts import critical_difference, exponent_chart, heat_map
from kanbench.analysis.curves import loss_vs_cost
from kanbench.analysis.panels import families, spread
from kanbench.analysis.plots import small_multiples
from kanbench.analysis.scores import Scores
from kanbench.analysis.significance import Refusal

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
    assert list(families(members(METHODS[:3]), METHODS[:3])) == [""]
    assert families(members(), METHODS) == {
        "KAN RBF": METHODS[:2], "KAN Taylor": METHODS[2:4], "MLP": METHODS[4:],
    }  # fmt: skip


def test_every_panel_shows_its_family_in_colour_and_all_others_behind():
    ranked = pd.DataFrame(
        {"method": method, "budget": b, "reference": False, "flops": 10.0 * b, "error": k / b, "error_low": 0.5 / b,
         "error_high": 9 / b}
        for k, method in enumerate(METHODS, start=1) for b in (50, 100)
    )  # fmt: skip
    figure = loss_vs_cost(ranked, members(), "flops", "title", "MLP tanh")
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
    figure = critical_difference(scores(base * [[1.0], [1.0], [50.0]] * [wobble, 1 / wobble, wobble]), members(), "t")
    bars = [line for line in figure.axes[0].get_lines() if line.get_linewidth() > 3]
    assert len(bars) == 1
    np.testing.assert_allclose(bars[0].get_xdata(), [1.5 - 0.06, 1.5 + 0.06])  # both have mean rank 1.5
    assert {"KAN RBF  1.5", "KAN RBF mean  1.5", "3.0  KAN Taylor"} == {t.get_text() for t in figure.axes[0].texts}
    with pytest.raises(Refusal, match="5 tasks"):
        critical_difference(scores(base[:, :5]), members(), "t")


def test_the_heat_map_shows_decades_over_the_best_with_the_best_method_first():
    figure = heat_map(scores([[1e-2, 1e-3], [1e-4, 1e-4]]), "t")
    np.testing.assert_allclose(figure.axes[0].get_images()[0].get_array(), [[0, 0], [2, 1]])
    assert figure.axes[0].get_yticklabels()[0].get_text() == "KAN RBF mean"


def test_a_refused_exponent_is_its_reason():
    table = pd.DataFrame(
        {"method": METHODS[:2], "exponent": [2.0, np.nan], "exponent_low": [1.0, np.nan],
         "exponent_high": [3.0, np.nan], "reason": ["", "too few"]}
    )  # fmt: skip
    axes = exponent_chart(table, members(), "t").axes[0]
    assert [text.get_text() for text in axes.texts] == ["too few"]
    np.testing.assert_allclose(axes.get_lines()[0].get_xdata(), [1.0, 3.0])


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
    found = {axis: (held, sorted(part[axis].unique())) for axis, held, part in along_axes(frame)}
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


@pytest.mark.parametrize("n_tasks", [1, 2, 3, 4])
@pytest.mark.parametrize("of_classes", [False, True])
def test_what_stands_around_few_panels_does_not_overlap(n_tasks, of_classes):
    frame = pd.concat(members(METHODS[3:], factor=50 / budget, budget=budget) for budget in (50, 100)).reset_index(
        drop=True
    )
    frame = frame[frame.task < f"t{n_tasks}"].assign(params=frame.budget)
    figure = small_multiples(frame.assign(test_rel_cross_entropy=0.1) if of_classes else frame, "Some equations")
    figure.draw_without_rendering()
    around = [figure._suptitle, figure._supylabel, figure._supxlabel, *figure.legends]
    boxes = [each.get_window_extent() for each in around] + [axes.get_tightbbox() for axes in figure.axes]
    for i, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:i])
