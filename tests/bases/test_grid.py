"""Where knots go: by hand, and the promises that every placement keeps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanbench.bases.grid import MARGIN, SHARPEST, Grid

EPS = np.finfo(float).eps
some = settings(max_examples=60, deadline=None)


def uniform(intervals, degree=3, low=-1.0, high=1.0):
    step = (high - low) / intervals
    return Grid(low + step * np.arange(-degree, intervals + degree + 1), degree, EPS)


def after(knots, degree=3):
    return Grid(knots, degree, EPS).breakpoints


@st.composite
def column(draw):
    """Spread, clustered, heavy-tailed, binary, nearly binary or constant; on and off the domain."""
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    scale, shift = 10.0 ** draw(st.floats(-4.0, 2.0)), draw(st.floats(-1.5, 1.5))
    kinds = {
        "even": lambda: generator.uniform(-1.0, 1.0, 50),
        "normal": lambda: generator.normal(size=50),
        "heavy": lambda: generator.standard_cauchy(50),
        "binary": lambda: generator.integers(0, 2, 50).astype(float),
        "jitter": lambda: generator.integers(0, 2, 50) + 1e-13 * generator.normal(size=50),
        "constant": lambda: np.zeros(50),
        "mostly zero": lambda: np.where(generator.random(50) < 0.9, 0.0, generator.normal(size=50)),
    }
    return shift + scale * kinds[draw(st.sampled_from(sorted(kinds)))]()


@some
@given(x=column(), degree=st.integers(1, 4), intervals=st.integers(1, 9), more=st.integers(0, 12), mix=st.floats(0, 1))
def test_knots_stay_distinct_in_order_and_of_the_right_number(x, degree, intervals, more, mix):
    grid = uniform(intervals, degree)
    for place in (Grid.insert, Grid.follow):
        knots, _ = place(grid, intervals + more, x, mix)
        assert len(knots) == intervals + more + 2 * degree + 1
        smallest = np.ptp(after(knots, degree)) / (2 * (intervals + more) * (SHARPEST + 1))
        assert np.diff(knots).min() > 0.999 * min(smallest, 2.0 / intervals)


@some
@given(x=column(), degree=st.integers(1, 4), intervals=st.integers(1, 9), more=st.integers(0, 12), mix=st.floats(0, 1))
def test_every_old_knot_within_the_range_that_is_kept_is_a_new_one(x, degree, intervals, more, mix):
    grid = uniform(intervals, degree)
    knots, (low, high) = grid.follow(intervals + more, x, mix)
    assert np.isin(grid.knots[(grid.knots > low) & (grid.knots < high)], knots).all()
    assert low <= x.min() + 1e-12
    assert high >= x.max() - 1e-12
    assert np.isin(grid.knots, grid.insert(intervals + more, x, mix)[0]).all()


def test_free_knots_move_into_the_range_by_hand():
    # Of -1, -0.5, 0, 0.5, 1 the data on [-0.1, 0.3] needs 0 alone; its range with a margin is [-0.12, 0.32].
    knots, kept = uniform(4, degree=1).follow(4, np.array([-0.1, 0.1, 0.3]), mix=0.0)
    margin = MARGIN * 0.4
    ends = -0.1 - margin, 0.3 + margin
    assert kept == pytest.approx(ends)
    # the longer side takes both knots, and thirds of it
    np.testing.assert_allclose(after(knots, 1), [ends[0], 0.0, ends[1] / 3, ends[1] * 2 / 3, ends[1]])
    np.testing.assert_allclose(knots[[0, -1]], [2 * ends[0], ends[1] * 4 / 3])


def test_data_on_the_whole_domain_moves_nothing():
    grid = uniform(5)
    knots, _ = grid.follow(5, np.linspace(-1.0, 1.0, 40) ** 3, mix=1.0)
    np.testing.assert_array_equal(knots, grid.knots)


def test_even_knots_are_even_and_quantile_knots_are_quantiles():
    x = np.concatenate([[-1.0], np.linspace(0.0, 1.0, 2001) ** 2 * 2.0 - 1.0])
    even, _ = uniform(1).insert(8, x, mix=0.0)
    np.testing.assert_allclose(after(even), np.linspace(-1.0, 1.0, 9), atol=1e-12)
    quantile, _ = uniform(1).insert(8, x, mix=1.0)
    np.testing.assert_allclose(after(quantile), np.quantile(x, np.linspace(0, 1, 9)), atol=0.02)
    between, _ = uniform(1).insert(8, x, mix=0.5)
    assert (after(even) >= after(between) - 1e-12).all()
    assert (after(between) >= after(quantile) - 1e-12).all()


def test_repeated_values_count_once():
    often = np.concatenate([np.zeros(1000), np.linspace(-1.0, 1.0, 101)])
    knots, _ = uniform(1).insert(4, often, mix=1.0)
    np.testing.assert_allclose(after(knots), np.linspace(-1.0, 1.0, 5), atol=0.02)


def test_the_quantiles_of_a_binary_column_are_even():
    knots, (low, high) = uniform(1).follow(4, np.array([0.0, 0.5, 0.0, 0.5]), mix=1.0)
    assert (low, high) == pytest.approx((-0.5 * MARGIN, 0.5 + 0.5 * MARGIN))
    np.testing.assert_allclose(after(knots)[1:-1], [0.125, 0.25, 0.375], atol=1e-12)


@pytest.mark.parametrize("value", [0.3, -1.0, 5.0])
def test_a_constant_column_keeps_its_knots(value):
    grid = uniform(5)
    np.testing.assert_array_equal(grid.follow(5, np.full(20, value), mix=0.7)[0], grid.knots)


def test_data_off_the_domain_needs_the_outer_knots():
    # Of the knots -4 .. 4 (domain -1 .. 1, degree 3) data on [-2.5, 0.5] needs -2, -1, 0: four intervals.
    grid = uniform(2)
    x = np.linspace(-2.5, 0.5, 20)
    needed = grid.needed(x)
    np.testing.assert_allclose(needed, [-2.5 - 3 * MARGIN, -2.0, -1.0, 0.0, 0.5 + 3 * MARGIN])
    stays, _ = grid.follow(3, x, mix=0.0)
    assert np.isin(grid.knots, stays).all()
    assert after(grid.follow(4, x, mix=0.0)[0]) == pytest.approx(needed)


def test_a_grid_holds_data_between_its_outer_breakpoints_and_what_oversteps_them_by_rounding():
    grid = uniform(5)
    assert grid.holds(np.array([-1.0, 0.3, 1.0]))
    assert grid.holds(np.array([-1.0 - EPS, 1.0 + EPS]))
    assert not grid.holds(np.array([0.0, 1.0 + 1e-9]))
    assert not grid.holds(np.array([-1.2, 0.0]))  # still on the outer knots, where splines have fewer functions
