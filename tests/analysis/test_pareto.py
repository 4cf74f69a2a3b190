"""Fronts and areas that can be drawn on squared paper."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanbench.analysis.pareto import hypervolume, pareto_front

points = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12)


def test_the_front_by_hand():
    front = pareto_front(np.array([[1.0, 3.0], [2.0, 2.0], [2.0, 3.0], [3.0, 1.0], [3.0, 1.0], [4.0, 1.0]]))
    assert front.tolist() == [True, True, False, True, True, False]  # equal points do not beat each other


def test_the_area_by_hand():
    steps = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]])
    assert hypervolume(steps, (4.0, 4.0)) == pytest.approx(3 * 1 + 2 * 1 + 1 * 1)
    assert hypervolume(np.array([[1.0, 3.0], [5.0, 0.0]]), (4.0, 4.0)) == pytest.approx(3.0)  # off the reference
    assert hypervolume(np.array([[4.0, 0.0]]), (4.0, 4.0)) == 0.0


@given(points)
def test_the_area_is_the_number_of_squares_that_some_point_is_below(pairs):
    squares = {(x, y) for x in range(10) for y in range(10) for a, b in pairs if a <= x and b <= y}
    assert hypervolume(np.array(pairs, dtype=float), (10.0, 10.0)) == len(squares)
