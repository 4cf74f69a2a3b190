"""Small functions between records and tables, on examples for a pencil."""

import numpy as np
import pandas as pd
import pytest

from kanbench.analysis import protocol, scaling
from kanbench.analysis.load import relative_error
from kanbench.analysis.scores import Scores, of_tasks
from kanbench.analysis.significance import Refusal
from kanbench.analysis.stats import Interval, percentiles, redraw_seeds
from kanbench.analysis.wins import WinTieLoss


def test_percentiles_cut_the_same_share_from_both_ends():
    assert percentiles(np.arange(101.0)) == pytest.approx([2.5, 97.5])
    assert percentiles(np.arange(101.0), 0.5) == pytest.approx([25.0, 75.0])
    assert percentiles(np.stack([np.arange(101.0), np.zeros(101)], axis=1)).shape == (2, 2)


def test_resamples_draw_the_seeds_of_a_task_from_that_task():
    scores = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    drawn = redraw_seeds(scores, np.random.default_rng(0), 500)
    assert drawn.shape == (500, 2, 3)
    assert (set(drawn[:, 0].ravel()), set(drawn[:, 1].ravel())) == ({1.0, 2.0, 3.0}, {10.0, 20.0, 30.0})
    assert (drawn[:, 0] * 10 != drawn[:, 1]).any()  # each task has draws of its own


def test_how_counts_and_intervals_are_written():
    assert str(WinTieLoss(3, 0, 12)) == "3 / 0 / 12"
    assert Interval(2.0, 1.0, 4.0).columns("error") == {"error": 2.0, "error_low": 1.0, "error_high": 4.0}


def test_scores_by_method():
    scores = Scores(["A", "B"], [("s", "t"), ("s", "u")], np.arange(12.0).reshape(2, 2, 3))
    assert scores.medians.tolist() == [[1.0, 4.0], [7.0, 10.0]]
    assert list(scores.by_method) == ["A", "B"]
    assert scores.by_method["B"].tolist() == scores.of("B").tolist() == [[6.0, 7.0, 8.0], [9.0, 10.0, 11.0]]


def test_members_of_tasks_are_those_of_the_suite_as_well():
    members = pd.DataFrame({"suite": ["s", "s", "r"], "task": ["t", "u", "t"], "score": [1.0, 2.0, 3.0]})
    assert of_tasks(members, [("s", "t"), ("r", "u")]).score.tolist() == [1.0]


def test_the_error_of_a_classification_is_its_relative_cross_entropy():
    frame = pd.DataFrame({"val_rel_l2": [0.1, np.nan], "val_rel_cross_entropy": [np.nan, 0.7]})
    assert relative_error(frame, "val").tolist() == [0.1, 0.7]
    assert relative_error(frame[["val_rel_l2"]], "val").iloc[0] == 0.1


def test_older_records_say_what_others_of_their_protocol_say_or_the_default():
    frame = pd.DataFrame({"protocol": ["p", "p", "q"], "noise": [0.1, np.nan, np.nan]})
    assert protocol.complete(frame).noise.tolist() == [0.1, 0.1, 0.0]


def test_the_level_of_records_and_its_words():
    frame = pd.DataFrame({"train_size": [1000, 1000], "noise": [0.1, 0.1], "task": ["a", "b"]})
    assert protocol.level_of(frame) == {"train_size": 1000.0, "noise": 0.1}
    assert protocol.say_level(protocol.level_of(frame)) == "training rows 1,000, noise 0.1"
    assert protocol.level_of(frame[["task"]]) == {}


def test_lists_of_settings_are_told_apart_by_what_they_do_not_share():
    settings = pd.Series(["steps=80; rate=1", "steps=90; rate=1", "steps=80; rate=1"])
    assert protocol.unshared(settings) == {"steps=80; rate=1": "steps=80", "steps=90; rate=1": "steps=90"}


def test_a_slope_by_hand_and_the_sizes_that_have_none():
    sizes = np.array([[10.0, 20.0], [20.0, 80.0]])  # by size and task: 2 and 4 times the parameters
    scores = np.array([[[8.0, 8.0, 9.0], [16.0, 1.0, 99.0]], [[2.0, 2.0, 2.0], [1.0, 0.5, 7.0]]])  # 4 and 16 times
    found = scaling.local_slope(sizes, scores, np.random.default_rng(0))
    assert found.estimate == pytest.approx(2.0)
    alone = scaling.local_slope(sizes[:, :1], scores[:, :1, :1], np.random.default_rng(0))
    assert alone.estimate == pytest.approx(2.0)
    assert np.isnan(alone.low)
    scaling.check_sizes(np.array([50.0, 100.0, 200.0, 400.0, 500.0]))
    with pytest.raises(Refusal, match=r"^4 sizes are too few"):
        scaling.check_sizes(np.array([50.0, 100.0, 200.0, 500.0]))
    with pytest.raises(Refusal, match=r"^sizes from 50 to 499 are less than a decade$"):
        scaling.check_sizes(np.array([50.0, 100.0, 200.0, 400.0, 499.0]))
