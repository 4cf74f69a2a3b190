"""The choice of shapes by validation."""

import numpy as np
import pandas as pd
import pytest

from kanbench.analysis.scores import Compared
from kanbench.analysis.shapes import choose_shapes, left_out, shapes_table

COMMON = {
    "suite": "s", "task": "t", "same_as": "", "budget": 50, "protocol": "p", "params": 50, "lr": np.nan, "status": "ok",
}  # fmt: skip


def members(trial, val, test=np.nan, *, line="KAN BSpline", size=None, depth=1, stopped="converged", **setting):
    """One shape with a seed per validation error."""
    return [
        COMMON
        | {
            "cell": f"{line}{trial}{setting}",
            "method": f"{line} {trial}",
            "searched": line,
            "trial": trial,
            "trials": 4,
        }
        | {"depth": depth, "searched_size": size or trial, "shape": f"2-{trial}-1", "seed": seed, "stopped": stopped}
        | {"val_rel_l2": error, "test_rel_l2": test, "score": test}
        | setting
        for seed, error in enumerate(val)
    ]


def test_validation_chooses_also_where_test_would_choose_otherwise():
    frame = pd.DataFrame([*members(1, [0.3, 0.3, 0.3], 0.1), *members(2, [0.2, 0.2, 0.9], 0.5)])
    chosen = choose_shapes(frame)
    assert set(chosen.method) == {"KAN BSpline"}
    assert set(chosen.trial) == {2}  # whose median is 0.2
    assert set(chosen.runner_up) == {"KAN BSpline 1"}
    assert set(chosen.shape_label) == {"KAN BSpline 2"}
    assert len(frame.method.unique()) == 2  # the records stay as they are


def test_shapes_that_were_outranked_are_not_chosen_whatever_they_had_reached():
    frame = pd.DataFrame([*members(1, [0.01] * 2, stopped="outranked"), *members(2, [0.2] * 3), *members(3, [0.4] * 3)])
    assert set(choose_shapes(frame).trial) == {2}


def test_of_equal_shapes_the_first_is_chosen_and_a_missing_error_never_wins():
    tied = pd.DataFrame([*members(2, [0.2] * 3), *members(1, [0.2] * 3)])
    assert set(choose_shapes(tied).trial) == {1}
    missing = pd.DataFrame([*members(1, [np.nan] * 3), *members(2, [0.9] * 3), *members(3, [np.inf] * 3)])
    assert set(choose_shapes(missing).trial) == {2}
    none = pd.DataFrame([*members(2, [np.nan]), *members(1, [np.nan])])
    assert set(choose_shapes(none).trial) == {1}


def test_the_best_rate_of_a_shape_counts():
    rates = [*members(1, [0.5] * 3, lr=0.1, cell="a"), *members(1, [0.1] * 3, lr=0.2, cell="a")]
    frame = pd.DataFrame([*rates, *members(2, [0.2] * 3, lr=0.1)])
    assert set(choose_shapes(frame).trial) == {1}
    assert len(choose_shapes(frame)) == 6  # of both rates, of which the choice of rates takes one


@pytest.mark.parametrize(
    ("best", "is_at_edge"), [((1, 2), True), ((1, 3), False), ((2, 3), False), ((3, 3), True), ((2, 5), True)]
)
def test_a_best_at_the_end_of_its_list_is_marked_but_one_hidden_layer_is_no_end(best, is_at_edge):
    shapes = [(depth, size) for depth in (1, 2, 3) for size in (2, 3, 5)]
    rows = [
        each
        for trial, (depth, size) in enumerate(shapes, start=1)
        for each in members(trial, [0.1 if (depth, size) == best else 0.2], depth=depth, size=size)
    ]
    assert set(choose_shapes(pd.DataFrame(rows)).at_edge) == {is_at_edge}


def test_records_without_a_search_pass_and_a_choice_is_made_once():
    frame = pd.DataFrame([*members(1, [0.3]), *members(2, [0.2])])
    plain = frame.drop(columns=["searched"])
    assert choose_shapes(plain) is plain
    chosen = choose_shapes(frame)
    assert choose_shapes(chosen) is chosen
    reference = COMMON | {"cell": "r", "method": "linear", "seed": 0, "budget": None, "score": 0.9}
    assert set(choose_shapes(pd.concat([frame, pd.DataFrame([reference])])).method) == {"KAN BSpline", "linear"}
    found = Compared(frame)
    assert (len(found.frame), len(found.tried)) == (1, 2)


def test_a_method_with_and_without_a_search_is_no_one_method():
    outside = members(3, [0.2], searched="", method="KAN BSpline")
    with pytest.raises(ValueError, match="KAN BSpline was trained with a search of shapes and without one"):
        choose_shapes(pd.DataFrame([*members(1, [0.3]), *outside]))


def test_a_search_without_the_record_of_its_best_shape_is_left_out(caplog):
    frame = pd.DataFrame([*members(1, [0.3], chosen=False), *members(1, [0.1], 0.2, line="MLP tanh", chosen=True)])
    assert set(choose_shapes(frame).method) == {"MLP tanh"}
    assert "the search of KAN BSpline on t lacks the record of its best shape" in caplog.text


def test_the_table_has_a_row_for_every_search_and_tasks_that_were_left_out_are_counted():
    skipped = [
        each
        for task in ("u", "v")
        for line in ("KAN BSpline", "MLP tanh")
        for each in members(0, [np.nan] * 3, line=line, task=task, status="skipped")
    ]
    frame = pd.DataFrame([*members(1, [0.3]), *members(2, [0.2]), *members(1, [0.1], line="MLP tanh"), *skipped])
    table = shapes_table(frame)
    assert table.method.tolist() == ["KAN BSpline", "MLP tanh"]
    assert table.runner_up.tolist() == ["KAN BSpline 1", ""]
    assert left_out(frame) == {50: 2}


def searches(rng):
    """Records of random searches: ties, missing errors, outranked shapes, several rates, and shapes not graded."""
    rows = [
        each
        for task in ("t", "u")
        for line in ("A", "B")
        for trial in rng.permutation(rng.integers(1, 6)) + 1
        for graded, stopped in [(rng.random() < 0.8, "outranked" if trial > 1 and rng.random() < 0.3 else "")]
        for depth, size in [(rng.integers(1, 4), rng.integers(1, 4))]
        for rate in ([np.nan], [0.1, 0.2])[rng.integers(2)]
        for each in members(
            trial, rng.choice([0.1, 0.2, np.nan, np.inf], rng.integers(1, 4)), line=line, size=size, depth=depth,
            stopped=stopped, lr=rate, task=task, chosen=graded, cell=f"{task}{line}{trial}",
        )
    ]  # fmt: skip
    return pd.DataFrame(rows).sample(frac=1, random_state=int(rng.integers(1000)), ignore_index=True)


def by_hand(frame):
    """The chosen rows of the records with what is said of them, one search and one shape after the other."""
    found = {}
    for _, search in frame.groupby(["task", "searched"]):
        shapes = {}
        for cell, rows in search.groupby("cell"):
            at_rate = rows.assign(rate=rows.lr.fillna(0), val=rows.val_rel_l2.fillna(np.inf)).groupby("rate").val
            shapes[cell] = (min(np.median(errors) for _, errors in at_rate), rows.trial.iloc[0], rows.iloc[0])
        ranked = sorted((each for each in shapes.values() if each[2].stopped != "outranked"), key=lambda each: each[:2])
        best, second = ranked[0][2], ranked[1][2].method if len(ranked) > 1 else ""
        depths, sizes = ({shape[name] for *_, shape in shapes.values()} for name in ("depth", "searched_size"))
        deepest = len(depths) > 1 and best.depth == max(depths)
        at_edge = deepest or (len(sizes) > 2 and best.searched_size in (min(sizes), max(sizes)))
        for row in search.index[(search.cell == best.cell) & best.chosen]:
            found[row] = (best.searched, best.method, second, at_edge)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_all_searches_at_once_choose_what_each_would_alone(seed):
    frame = searches(np.random.default_rng(seed))
    chosen = choose_shapes(frame)
    said = chosen[["method", "shape_label", "runner_up", "at_edge"]].itertuples(name=None)
    assert {row: tuple(what) for row, *what in said} == by_hand(frame)
