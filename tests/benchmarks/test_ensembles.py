"""The ensembles that are measured, and records as tables."""

import json
from pathlib import Path

import pytest
import torch
from rich.console import Console

from benchmarks import tables
from benchmarks.ensembles import SHAPES, Training
from benchmarks.layers import EnsembleStep
from benchmarks.measurement import Settings
from kanbench import KAN
from kanbench.training import Adam


@pytest.fixture
def settings(tmp_path):
    return Settings(torch.device("cpu"), True, None, 1, "*", tmp_path / "partial.jsonl", Console(quiet=True))


def test_compiled_and_eager_contenders_train_the_same(settings):
    states = []
    for compiled in (False, True):
        training = Training(SHAPES[1], 2, Adam(), settings, compiled=compiled)
        states.append(training.optimizer.start(training.ensemble, training.theta, training.rates, []))
        training.optimizer.advance(training.ensemble, states[-1], training.x, training.y, 4)
    torch.testing.assert_close(states[0].theta, states[1].theta, rtol=1e-10, atol=1e-12)
    assert (states[0].theta - training.theta).abs().max() > 1e-3


def test_a_step_of_an_ensemble_moves_every_member(settings):
    step = EnsembleStep(KAN(SHAPES[1].widths), SHAPES[1], settings)
    before = step.state.theta.clone()
    step()
    assert (step.state.theta - before).abs().amax(dim=1).min() > 1e-4


def test_the_committed_record_comes_as_markdown(capsys):
    record = Path(tables.__file__).parent / "records" / "2026-11-25.json"
    assert tables.main([str(record)]) == 0
    printed = capsys.readouterr().out
    assert all(goal["measured"] in printed for goal in json.loads(record.read_text())["benchmarks"]["scale"]["goals"])


@pytest.mark.parametrize("content", [None, "{}", "no json", "[]"])
def test_what_is_no_record_is_one_sentence(tmp_path, capsys, content):
    path = tmp_path / "record.json"
    if content is not None:
        path.write_text(content)
    assert tables.main([str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
