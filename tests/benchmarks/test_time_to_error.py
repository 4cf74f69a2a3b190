"""The comparison with pykan, on traces small enough for a pencil, and the bare loop against the harness."""

import pytest
import torch

from benchmarks.bare import everything
from benchmarks.time_to_error import Trace, _row, _speed
from kanbench.cells import Cell, Precision, run_cell
from kanbench.data import SplitSizes, load_suite
from kanbench.methods import KANMethod
from kanbench.training import LevenbergMarquardt

TRACE = Trace([1.0, 2.0, 3.0], [[0.9, 0.3, 0.3], [0.8, 0.2, 0.01], [0.7, 0.6, 0.02]])  # medians 0.8, 0.3, 0.02


def test_seconds_until_the_median_is_there():
    assert TRACE.seconds_to(0.8) == 1.0
    assert TRACE.seconds_to(0.5) == 2.0
    assert TRACE.seconds_to(0.02) == 3.0
    assert TRACE.seconds_to(0.01) is None
    assert TRACE.final == [0.3, 0.01, 0.02]


def compared(seconds_to_pykan):
    targets = {"0.1": None, "0.01": None, "0.001": None, "pykan": seconds_to_pykan}
    return {
        "equation": "E",
        "kanbench": {"errors": [0.1, 0.3, 0.2], "seconds": 0.5, "seconds_to": targets},
        "pykan": {"errors": [0.4, 0.6, 0.5], "seconds": 10.0, "seconds_to": targets},
    }


def test_speed_is_pykans_whole_fit_over_the_time_to_its_error():
    assert _speed(compared(0.25)) == 40.0
    assert _speed(compared(None)) == 0.0
    row = _row(compared(0.25))
    assert (row["error"], row["pykan error"]) == (0.2, 0.5)


def test_the_bare_loop_does_the_arithmetic_of_the_harness():
    cell = Cell(
        "test", "feynman", load_suite("feynman").task("I.6.2"), KANMethod(), 50, (0, 3), LevenbergMarquardt(steps=15),
        SplitSizes(200, 100, 100), Precision.double,
    )  # fmt: skip
    by_hand = [metrics["rel_l2"] for metrics in everything(cell, torch.device("cpu"))]
    harness = [member["test_rel_l2"] for member in run_cell(cell).members]
    assert by_hand == pytest.approx(harness, rel=1e-12)
