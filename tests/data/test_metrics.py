"""Metrics on numbers that can be checked by hand."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kanbench.data import class_prior, grade, grade_classes

TARGET = np.array([0.0, 2.0, 4.0, 6.0])


def test_every_metric_by_hand():
    # errors 1, 0, -1, 3: sum of squares 11; targets about 2: -2, 0, 2, 4: sum of squares 24
    metrics = grade(TARGET + np.array([1.0, 0.0, -1.0, 3.0]), TARGET, train_mean=2.0)
    assert metrics == pytest.approx(
        # the medians of 0, 1, 1, 3 and of 0, 2, 2, 4
        {"rel_l2": math.sqrt(11 / 24), "rmse": math.sqrt(11 / 4), "max_error": 3.0, "r2": 13 / 24, "rel_median": 1 / 2},
        rel=1e-14,
    )


def test_maximum_error_is_of_either_sign():
    assert grade(TARGET - np.array([0.0, 5.0, 0.0, 1.0]), TARGET, 2.0)["max_error"] == 5.0


def test_a_perfect_prediction():
    assert grade(TARGET, TARGET, 2.0) == {"rel_l2": 0.0, "rmse": 0.0, "max_error": 0.0, "r2": 1.0, "rel_median": 0.0}


@pytest.mark.parametrize("train_mean", [-1.0, 0.0, 3.0])
def test_the_constant_predictor_is_the_unit_of_relative_error(train_mean):
    metrics = grade(np.full(4, train_mean), TARGET, train_mean)
    assert metrics["rel_l2"] == pytest.approx(1.0, rel=1e-15)
    assert metrics["r2"] == pytest.approx(0.0, abs=1e-15)
    assert metrics["rel_median"] == 1.0


def test_one_huge_target_decides_the_relative_l2_error_and_not_the_robust_one():
    targets = np.array([*np.linspace(-1.0, 1.0, 99), 1e6])
    blind = np.where(targets < 10.0, targets, 0.0)  # all but one point exact
    seeing = np.where(targets < 10.0, 0.0, targets)  # one point exact
    assert grade(blind, targets, 0.0)["rel_l2"] > 0.999 > 1e-3 > grade(seeing, targets, 0.0)["rel_l2"]
    assert grade(blind, targets, 0.0)["rel_median"] == 0.0 < 0.9 < grade(seeing, targets, 0.0)["rel_median"]


def test_the_robust_error_is_the_relative_l2_error_where_half_of_the_targets_are_the_mean():
    for mean in (0.0, 0.3):  # and up to rounding
        errors, targets = np.array([0.5, 0.0, 0.5, 0.0, 0.5]), np.array([-1.0, 0.0, 0.0, 0.0, 1.0]) + mean
        metrics = grade(targets + errors, targets, 0.1 + 0.2 if mean else 0.0)
        assert metrics["rel_median"] == metrics["rel_l2"] == pytest.approx(math.sqrt(0.75 / 2))


numbers = st.lists(st.floats(-100.0, 100.0), min_size=8, max_size=8).map(np.array)


@settings(max_examples=50, deadline=None)
@given(prediction=numbers, target=numbers)
def test_r2_is_the_coefficient_of_determination(prediction, target):
    assume(target.std() > 1e-3)
    metrics = grade(prediction, target, target.mean())
    residual, total = ((target - prediction) ** 2).sum(), ((target - target.mean()) ** 2).sum()
    assert metrics["r2"] == pytest.approx(1 - residual / total, rel=1e-9, abs=1e-9)
    assert metrics["r2"] == pytest.approx(1 - metrics["rel_l2"] ** 2, rel=1e-12, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(prediction=numbers, target=numbers, scale=st.floats(1e-3, 1e3), shift=st.floats(-10.0, 10.0))
def test_relative_metrics_ignore_the_units(prediction, target, scale, shift):
    assume(np.median(np.abs(target - 1.0)) > 1e-2)
    one = grade(prediction, target, 1.0)
    other = grade(scale * prediction + shift, scale * target + shift, scale + shift)
    assert other["rel_l2"] == pytest.approx(one["rel_l2"], rel=1e-6, abs=1e-6)
    assert other["rel_median"] == pytest.approx(one["rel_median"], rel=1e-6, abs=1e-6)
    assert other["rmse"] == pytest.approx(scale * one["rmse"], rel=1e-6, abs=1e-9)
    assert other["max_error"] == pytest.approx(scale * one["max_error"], rel=1e-6, abs=1e-9)


def test_one_nan_makes_every_metric_nan():
    metrics = grade(np.array([0.0, math.nan, 4.0, 6.0]), TARGET, 2.0)
    assert all(math.isnan(value) for value in metrics.values())


def test_infinity_passes_through():
    assert grade(np.array([0.0, -math.inf, 4.0, 6.0]), TARGET, 2.0) == {
        "rel_l2": math.inf,
        "rmse": math.inf,
        "max_error": math.inf,
        "r2": -math.inf,
        "rel_median": 0.0,
    }


@pytest.mark.parametrize("size", [1e38, 1e153, 1e154, 1e200, 1e308])
def test_a_diverged_prediction_has_metrics_all_the_same(size):
    metrics = grade(np.array([size, -size]), np.array([1e-3, -1e-3]), 0.0)
    assert metrics["max_error"] == pytest.approx(size)
    assert metrics["rel_l2"] >= 1e3 * size
    assert metrics["r2"] < -1e38


LABELS = np.array([0.0, 1.0, 0.0, 2.0])  # as a table of numbers holds them
PROBABILITIES = np.array([[0.5, 0.25, 0.25], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])


def test_classes_by_hand():
    # the third row is wrong; the true classes have 0.5, 0.7, 0.1, 0.4, and 0.5, 0.3, 0.5, 0.2 by the prior
    metrics = grade_classes(np.log(PROBABILITIES), LABELS, np.array([0.5, 0.3, 0.2]))
    cross_entropy = -math.log(0.5 * 0.7 * 0.1 * 0.4) / 4
    by_prior = -math.log(0.5 * 0.3 * 0.5 * 0.2) / 4
    assert metrics == pytest.approx(
        {"accuracy": 3 / 4, "cross_entropy": cross_entropy, "rel_cross_entropy": cross_entropy / by_prior}, rel=1e-14
    )


@settings(max_examples=30, deadline=None)
@given(shift=st.floats(-1e3, 1e3))
def test_logits_count_by_their_differences(shift):
    prior = np.array([0.5, 0.3, 0.2])
    one, other = (grade_classes(np.log(PROBABILITIES) + by, LABELS, prior) for by in (0.0, shift))
    assert other == pytest.approx(one, rel=1e-9)


def test_the_prior_is_the_unit_of_relative_cross_entropy():
    prior = class_prior(LABELS, 3)
    metrics = grade_classes(np.tile(np.log(prior), (4, 1)), LABELS, prior)
    assert metrics["rel_cross_entropy"] == pytest.approx(1.0, rel=1e-15)
    assert metrics["accuracy"] == 0.5  # that of the most frequent class


def test_the_prior_adds_one_to_every_count_so_a_class_without_rows_is_possible():
    assert class_prior(LABELS, 4) == pytest.approx([3 / 8, 2 / 8, 2 / 8, 1 / 8], rel=1e-15)
    assert class_prior(np.array([]), 2) == pytest.approx([0.5, 0.5])


def test_logits_that_are_not_finite_pass_through():
    broken = np.log(PROBABILITIES)
    broken[1, 1] = math.nan
    assert math.isnan(grade_classes(broken, LABELS, np.full(3, 1 / 3))["cross_entropy"])


def test_a_certain_answer_costs_nothing():
    certain = grade_classes(np.array([[1e308, 0.0, -1e308]] * 2), np.array([0.0, 0.0]), np.full(3, 1 / 3))
    assert (certain["accuracy"], certain["cross_entropy"]) == (1.0, 0.0)
