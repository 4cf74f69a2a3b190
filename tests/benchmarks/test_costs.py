"""The benchmark of costs: what it times, and the table that it writes."""

import pytest
import torch
from rich.console import Console

from benchmarks import costs
from benchmarks.measurement import Settings
from kanbench.analysis.costs import COLUMNS, read_costs
from kanbench.methods import KANMethod, MLPMethod


@pytest.fixture
def settings(tmp_path):
    return Settings(torch.device("cpu"), True, None, 1, "*", tmp_path / "partial.jsonl", Console(quiet=True))


@pytest.mark.parametrize("method", [KANMethod(), MLPMethod(depth=2)], ids=lambda method: method.label)
def test_what_is_timed_are_the_models_of_a_cell_with_the_parameters_of_the_table(settings, method):
    cell = costs._cell("I.12.11", method, 100)
    forward, steps = costs.Forward(cell, settings), costs.Steps(cell, settings)
    assert sum(p.numel() for p in forward.model.parameters()) == steps.ensemble.n_params == cell.sizing.params
    assert forward.x.shape == (1000, 2)
    assert steps.x.shape == (5, 1000, 2)
    forward()
    steps()


def test_a_step_is_per_member_and_per_step(settings, monkeypatch):
    """A contender whose sample takes 15 ms trained five members for three steps."""
    monkeypatch.setattr(costs, "interleave", lambda work, _: costs.Timings({name: [0.015] for name in work}))
    table, raw = costs.measure(settings, [KANMethod()], [50], ["I.12.11"])
    assert table.forward_ms.tolist() == pytest.approx([15.0])
    assert table.step_ms.tolist() == pytest.approx([1.0])
    assert len(raw) == 2


def test_a_quick_run_writes_a_table_that_the_tables_of_errors_take_and_not_that_of_a_whole_run(settings, tmp_path):
    result = costs.run(settings)
    assert [path.name for path in tmp_path.iterdir()] == ["quick_costs.csv"]
    table = read_costs(tmp_path / "quick_costs.csv")
    assert tuple(table) == COLUMNS
    assert table.method.tolist() == ["KAN Taylor", "MLP tanh", "MLP tanh depth=2"]
    assert [row["params"] for row in result.tables["costs"]] == table.params.tolist()
