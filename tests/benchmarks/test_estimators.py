"""The data sets and the table of the benchmark of estimators."""

import numpy as np
import pytest

from benchmarks.estimators import Fit, _table, sum_of_sines


def test_the_sum_of_sines_has_noise_of_a_tenth():
    x, y = sum_of_sines(20_000, random_state=0)
    clean = sum(np.sin(i * np.pi * x[:, i - 1]) for i in (1, 2, 3, 4))
    assert (y - clean).std() == pytest.approx(0.1, rel=0.05)
    assert clean.var() == pytest.approx(2.0, rel=0.05)  # a half for each sine over whole periods


def test_a_line_of_the_table_holds_medians_over_seeds():
    fits = {"A": [Fit(0.5, 4.0, 1.0), Fit(0.9, 2.0, 3.0), Fit(0.8, 9.0, 2.0)]}
    (row,) = _table(fits)
    assert row == {"estimator": "A", "score": 0.8, "lowest": 0.5, "highest": 0.9, "cpu, s": 2.0, "wall, s": 4.0}
