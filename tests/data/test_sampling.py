"""Seeds, splits and scales."""

import dataclasses
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from kanbench.data import Conditions, Dataset, FormulaTask, Split, SplitSizes, Variable, load_suite, sample, stream
from kanbench.data.randomness import STREAMS

TASK = FormulaTask("waves", "3 + 2*sin(a)*b", (Variable("a", -1.0, 5.0), Variable("b", 10.0, 20.0)))
SIZES = SplitSizes(train=40, validation=30, test=50)
SPLITS = ("train", "validation", "test")


def rows(split):
    return {tuple(row) for row in split.x}


def test_sizes_ranges_and_targets():
    dataset = sample(TASK, 0, SIZES)
    for name in SPLITS:
        split = getattr(dataset, name)
        assert split.x.shape == (getattr(SIZES, name), 2)
        assert split.y.shape == (getattr(SIZES, name),)
        a, b = 2.0 + 3.0 * split.x[:, 0], 15.0 + 5.0 * split.x[:, 1]
        np.testing.assert_allclose(split.y, 3 + 2 * np.sin(a) * b, rtol=1e-12, atol=1e-12)


def test_points_fill_the_unit_cube():
    x = sample(TASK, 0, replace(SIZES, test=5000)).test.x
    assert -1.0 <= x.min() < -0.99
    assert 0.99 < x.max() <= 1.0
    np.testing.assert_allclose(x.mean(axis=0), 0.0, atol=0.05)
    np.testing.assert_allclose(x.var(axis=0), 1 / 3, atol=0.02)
    assert abs(np.corrcoef(x.T)[0, 1]) < 0.05


def test_a_vector_variable_is_as_many_inputs():
    task = FormulaTask("vector", "mean(v)*s", (Variable("v", 0.0, 2.0, 3), Variable("s", 1.0, 3.0)))
    split = sample(task, 0, SIZES).train
    assert split.x.shape == (40, task.n_inputs) == (40, 4)
    np.testing.assert_allclose(split.y, (1 + split.x[:, :3]).mean(axis=1) * (2 + split.x[:, 3]))


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_the_seed_decides_the_data(seed):
    one, again, other = (sample(TASK, s, SIZES) for s in (seed, seed, seed + 1))
    for name in SPLITS:
        np.testing.assert_array_equal(getattr(one, name).x, getattr(again, name).x)
        np.testing.assert_array_equal(getattr(one, name).y, getattr(again, name).y)
        assert rows(getattr(one, name)).isdisjoint(rows(getattr(other, name)))


def test_tasks_of_other_names_have_other_points():
    other = sample(replace(TASK, name="other"), 0, SIZES)
    assert rows(sample(TASK, 0, SIZES).train).isdisjoint(rows(other.train))


@pytest.mark.parametrize("changed", SPLITS)
def test_the_size_of_one_split_does_not_change_another(changed):
    dataset, resized = sample(TASK, 0, SIZES), sample(TASK, 0, replace(SIZES, **{changed: 77}))
    assert len(getattr(resized, changed).y) == 77
    for name in set(SPLITS) - {changed}:
        np.testing.assert_array_equal(getattr(dataset, name).x, getattr(resized, name).x)


def test_splits_share_no_points():
    dataset = sample(TASK, 0, SplitSizes(60, 60, 60))
    for one, other in combinations(SPLITS, 2):
        assert rows(getattr(dataset, one)).isdisjoint(rows(getattr(dataset, other)))
        assert abs(np.corrcoef(getattr(dataset, one).x[:, 0], getattr(dataset, other).x[:, 0])[0, 1]) < 0.5


def test_streams_are_distinct_by_seed_purpose_and_label():
    keys = [(seed, purpose, label) for seed in (0, 1, 7) for purpose in STREAMS for label in ("", "waves", "other")]
    states = {tuple(stream(*key).generate_state(8)) for key in keys}
    assert len(states) == len(keys)
    np.testing.assert_array_equal(stream(7, "order").generate_state(8), stream(7, "order").generate_state(8))


def test_the_scale_is_fitted_on_the_training_split_only():
    dataset = sample(TASK, 0, SIZES)
    assert dataset.y_mean == pytest.approx(dataset.train.y.mean(), rel=1e-15)
    assert dataset.y_std == pytest.approx(np.sqrt(np.mean((dataset.train.y - dataset.train.y.mean()) ** 2)))
    scaled = dataset.standardize(dataset.train.y)
    assert scaled.mean() == pytest.approx(0.0, abs=1e-12)
    assert scaled.std() == pytest.approx(1.0)
    shifted = Split(dataset.test.x, dataset.test.y + 1e6)
    elsewhere = Dataset(dataset.train, shifted, shifted)
    assert (elsewhere.y_mean, elsewhere.y_std) == (dataset.y_mean, dataset.y_std)


def test_restore_undoes_standardize():
    dataset = sample(TASK, 0, SIZES)
    np.testing.assert_allclose(dataset.restore(dataset.standardize(dataset.test.y)), dataset.test.y, rtol=1e-13)
    np.testing.assert_allclose(dataset.restore(np.array([0.0, 1.0])), [dataset.y_mean, dataset.y_mean + dataset.y_std])


def test_the_global_generator_is_neither_read_nor_written():
    before = np.random.get_state()  # noqa: NPY002
    one = sample(TASK, 0, SIZES)
    after = np.random.get_state()  # noqa: NPY002
    np.testing.assert_array_equal(before[1], after[1])
    assert before[2:] == after[2:]
    np.random.standard_normal(3)  # noqa: NPY002
    np.testing.assert_array_equal(one.train.x, sample(TASK, 0, SIZES).train.x)
    np.random.set_state(before)  # noqa: NPY002


@pytest.mark.parametrize("formula", ["log(a)", "1/(0*a)", "(a-10)**0.5"])
def test_targets_that_are_not_finite_are_refused(formula):
    with pytest.raises(ValueError, match=r"task waves: \d+ of 40 train targets are not finite"):
        sample(replace(TASK, formula=formula), 0, SIZES)


@pytest.mark.parametrize("formula", ["0*a", "a-a", "2", "0.1", "1/3 + 0*b", "pi", "-7.7e5/3"])
@pytest.mark.parametrize("n", [40, 1000])
def test_constant_targets_are_refused(formula, n):
    with pytest.raises(ValueError, match="task waves: the target is constant"):
        sample(replace(TASK, formula=formula), 0, replace(SIZES, train=n))


@pytest.mark.parametrize("formula", ["a*1e-9", "1 + a*1e-6", "b + 1e5"])
def test_targets_of_little_variation_are_not_constant(formula):
    assert sample(replace(TASK, formula=formula), 0, SIZES).y_std > 0


def test_default_sizes_are_those_of_the_protocol():
    assert SplitSizes() == SplitSizes(1000, 1000, 10000)
    dataset = sample(load_suite("toy").task("product"), 0, SplitSizes())
    assert [len(getattr(dataset, name).y) for name in SPLITS] == [1000, 1000, 10000]


def test_a_smaller_training_split_is_the_beginning_of_a_larger_one():
    large, small = sample(TASK, 0, SIZES), sample(TASK, 0, replace(SIZES, train=10))
    np.testing.assert_array_equal(small.train.x, large.train.x[:10])
    np.testing.assert_array_equal(small.train.y, large.train.y[:10])


@pytest.mark.parametrize("noise", [0.01, 0.1])
def test_noise_has_its_size_and_is_on_training_targets_only(noise):
    sizes = replace(SIZES, train=20_000)
    clean, noisy = sample(TASK, 0, sizes), sample(TASK, 0, sizes, Conditions(noise=noise))
    for name in SPLITS:
        np.testing.assert_array_equal(getattr(noisy, name).x, getattr(clean, name).x)
    np.testing.assert_array_equal(noisy.validation.y, clean.validation.y)
    np.testing.assert_array_equal(noisy.test.y, clean.test.y)
    errors = (noisy.train.y - clean.train.y) / clean.train.y.std()
    assert errors.std() == pytest.approx(noise, rel=0.03)
    assert abs(errors.mean()) < 0.05 * noise
    assert stats.kstest(errors / noise, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(errors, clean.train.y)[0, 1]) < 0.03


def test_levels_of_noise_share_their_draws_and_seeds_do_not():
    errors = [
        sample(TASK, seed, SIZES, Conditions(noise=noise)).train.y - sample(TASK, seed, SIZES).train.y
        for seed, noise in ((0, 0.01), (0, 0.1), (1, 0.1))
    ]
    np.testing.assert_allclose(10 * errors[0], errors[1], rtol=1e-6)
    assert abs(np.corrcoef(errors[1], errors[2])[0, 1]) < 0.5


def test_extrapolation_widens_the_range_of_the_test_points_only():
    sizes = replace(SIZES, test=5_000)
    inside, beyond = sample(TASK, 0, sizes), sample(TASK, 0, sizes, Conditions(extrapolation=0.2))
    for name in ("train", "validation"):
        np.testing.assert_array_equal(getattr(beyond, name).x, getattr(inside, name).x)
        np.testing.assert_array_equal(getattr(beyond, name).y, getattr(inside, name).y)
    x = beyond.test.x
    assert np.ptp(x, axis=0) / 2 == pytest.approx([1.2, 1.2], rel=1e-3)
    a, b = 2.0 + 3.0 * x[:, 0], 15.0 + 5.0 * x[:, 1]
    np.testing.assert_allclose(beyond.test.y, 3 + 2 * np.sin(a) * b, rtol=1e-12, atol=1e-12)


def test_a_formula_that_ends_where_its_range_ends_cannot_extrapolate():
    root = replace(TASK, formula="sqrt(a + 1)*b")
    assert np.isfinite(sample(root, 0, SIZES).test.y).all()
    with pytest.raises(ValueError, match=r"task waves: \d+ of 50 test targets are not finite on a range 20 % wider"):
        sample(root, 0, SIZES, Conditions(extrapolation=0.2))


@pytest.mark.parametrize("field", ["noise", "extrapolation"])
@pytest.mark.parametrize("wrong", [-0.1, float("nan"), float("inf")])
def test_conditions_are_not_negative_numbers(field, wrong):
    with pytest.raises(ValueError, match=f"{field}: must be a number that is not negative"):
        Conditions(**{field: wrong})


@pytest.mark.parametrize(
    ("formula", "fault"),
    [
        ("1e200*a*b", r"task wide: the target reaches \d\.\d+e\+201, and must be within 1e\+100"),
        ("1e-200*a*b", r"task wide: the target varies by .*e-199 on the training split"),
        ("1 + 1e-15*a", r"task wide: the target varies by .*e-15 on the training split, about 1, .* rounding"),
        ("0*a", "the target is constant"),
    ],
)
def test_targets_that_cannot_be_scaled_are_refused_instead_of_making_every_method_diverge(formula, fault):
    with pytest.raises(ValueError, match=fault):
        sample(dataclasses.replace(TASK, name="wide", formula=formula), 0, SplitSizes(50, 50, 50))


def test_more_rows_than_memory_should_hold_are_refused_before_any_is_drawn():
    with pytest.raises(ValueError, match="test: must be at most 10,000,000 rows, got 1,000,000,000,000"):
        SplitSizes(10, 10, 10**12)
    task = FormulaTask("vector", "mean(v)", (Variable("v", 0.0, 2.0, 1_000),))
    with pytest.raises(ValueError, match="task vector: 1,000,020 rows of 1000 inputs are too many"):
        sample(task, 0, SplitSizes(10, 10, 1_000_000))


@pytest.mark.parametrize("field", ["noise", "extrapolation"])
def test_conditions_that_would_overflow_are_refused(field):
    with pytest.raises(ValueError, match=f"{field}: must be a number that is not negative, at most 1000, got 1e\\+308"):
        Conditions(**{field: 1e308})
