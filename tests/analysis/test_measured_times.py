"""Measured times beside errors."""

import re

import numpy as np
import pandas as pd
import pytest

from kanbench.analysis.costs import read_costs, with_costs

COSTS = pd.DataFrame(
    {
        "method": ["KAN Taylor", "KAN Taylor", "KAN Taylor", "MLP tanh"], "budget": [100, 100, 200, 100],
        "n_inputs": [2, 3, 2, 2], "forward_ms": [1.0, 4.0, 9.0, 0.5], "step_ms": [2.0, 8.0, 9.0, 1.0],
    }
)  # fmt: skip


def test_times_are_joined_by_label_and_budget_and_averaged_over_numbers_of_inputs():
    ranked = pd.DataFrame({"method": ["Taylor", "MLP tanh", "MLP tanh", "cubic"], "budget": [100, 100, 200, 100]})
    table = with_costs(ranked, COSTS, {"Taylor": "KAN Taylor"})
    np.testing.assert_allclose(table.forward_ms, [2.0, 0.5, np.nan, np.nan])
    np.testing.assert_allclose(table.step_ms, [4.0, 1.0, np.nan, np.nan])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"step_ms": [2.0, -1.0, 3.0, 4.0]}, r"step_ms must be a number above 0, got .*-1.0.* \(row 3\)"),
        ({"budget": ["100", "many", "1", "2"]}, r"budget must be a number above 0, got 'many' \(row 3\)"),
    ],
)
def test_a_table_that_no_benchmark_wrote_is_one_sentence(tmp_path, change, sentence):
    path = tmp_path / "costs.csv"
    COSTS.assign(**change).to_csv(path, index=False)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {sentence}$"):
        read_costs(path)


def test_another_file_is_named(tmp_path):
    path = tmp_path / "costs.csv"
    COSTS.drop(columns="step_ms").to_csv(path, index=False)
    with pytest.raises(ValueError, match="not a table of costs, it has no column 'step_ms'"):
        read_costs(path)
    with pytest.raises(ValueError, match=r"absent\.csv: not a table of costs"):
        read_costs(tmp_path / "absent.csv")
