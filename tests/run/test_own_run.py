"""A run with a model of one's own: records, a changed source, and the page."""

import json
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from kanbench.analysis import load_records
from kanbench.cli.main import run_command
from kanbench.cli.words import Words
from kanbench.config.options import CONF
from kanbench.config.read import read_config
from kanbench.errors import ConfigError
from kanbench.methods import own as own_methods
from kanbench.run.running import run
from kanbench.store.record import read_record

TINY = Path(__file__).parents[1] / "methods" / "tiny_models.py"
QUICK = [
    *("data.tasks=[I.12.11]", "budget.targets=[60]", "seeds=2", "data.train=60", "data.validation=40", "data.test=50"),
    *("optimizer.steps=10", "trainer.workers=1", "name=mine", "baseline=none"),
]


def config(results, target, *words):
    given = Words.parse(["model=own", f"model.target={target}", f"results={results}", *QUICK, *words])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return read_config(compose("config", list(given.overrides)))


def train(results, target, *words):
    assert run(config(results, target, *words), ["kanbench"], results / "mine" / "jobs" / "1") == 0


def records(results):
    return [read_record(path) for path in (results / "mine" / "cells").glob("*.json")]


def test_a_changed_source_is_another_method_and_that_is_said(tmp_path, capsys):
    mine = tmp_path / "mine.py"
    mine.write_text(TINY.read_text())
    train(tmp_path, f"{mine}:Plain")
    assert "has changed" not in capsys.readouterr().out
    train(tmp_path, f"{mine}:Plain")
    again = capsys.readouterr().out
    assert "has changed" not in again
    assert "0 trained, 1 reused" in again
    mine.write_text(TINY.read_text() + "\n\nANOTHER = True\n")
    train(tmp_path, f"{mine}:Plain")
    said = " ".join(capsys.readouterr().out.split())
    (first, second) = load_records(tmp_path / "mine").method.unique()
    assert "model the source of Plain has changed: Plain " in said
    assert "1 trained, 0 reused" in said
    assert first != second


def test_records_say_whether_members_were_batched_and_which_packages_were_imported(tmp_path):
    train(tmp_path, f"{TINY}:Plain", "model.kwargs.gain=1.5")
    train(tmp_path, f"{TINY}:OldFunction", "optimizer=adam", "optimizer.rates=[0.01]")
    batched = {record.members[0]["method"].split()[0]: record.members[0]["batched"] for record in records(tmp_path)}
    assert batched == {"Plain": True, "OldFunction": False}
    for record in records(tmp_path):
        assert record.environment.keys() >= {"torch", "numpy", "kanbench", "code"}
        assert record.cell["method"]["type"] == "OwnMethod"
        assert str(TINY.parent) not in json.dumps(record.cell)


@pytest.mark.parametrize(
    ("name", "reason"), [("HoldsAKAN", None), ("Plain", "the page cannot draw a Linear at this position in a network")]
)
def test_a_page_shows_networks_whose_code_the_command_has_loaded(name, reason, tmp_path, monkeypatch):
    train(tmp_path, f"{TINY}:{name}")
    page = tmp_path / "page.html"
    assert run_command("report", str(tmp_path / "mine"), "--out", str(page), "--target", f"{TINY}:{name}") == 0
    assert ('"name":"Taylor"' in page.read_text()) == (reason is None)
    assert reason is None or reason in page.read_text()
    monkeypatch.setattr(own_methods, "loaded_before", lambda name, hash: None)
    assert run_command("report", str(tmp_path / "mine"), "--out", str(page)) == 0
    assert '"name":"Taylor"' not in page.read_text()
    assert "its code was not loaded by this command" in page.read_text()


def test_arguments_may_hold_any_character(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(TINY.read_text() + "\n\ndef noted(widths, note, table):\n    return Plain(widths)\n")
    train(tmp_path, f"{mine}:noted", "model.kwargs={note: 'a/../b [red]$x_1$ | y', table: {3: [1, 2.5, null]}}")
    (method,) = load_records(tmp_path / "mine").method.unique()
    assert method.startswith('noted note="a/../b [red]$x_1$ | y" table={"3": [1, 2.5, null]} ')
    (report,) = (tmp_path / "mine" / "reports").iterdir()
    assert (report / "loss_vs_parameters.png").exists()
    assert run_command("tables", str(tmp_path / "mine"), "--out", str(tmp_path / "tables")) == 0


def test_statistics_take_an_own_model_as_one_layer(tmp_path):
    train(tmp_path, f"{TINY}:Plain", "logger=csv", "logger.statistics=true")
    (record,) = records(tmp_path)
    assert all(len(check) == 1 for check in record.curve["layers"]["gradient_norm"])


ONLY_TWO = """

def only_two(widths):
    assert widths[0] == 2, "two"
    return Plain(widths)
"""


def test_every_number_of_inputs_is_checked_before_anything_is_trained(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(TINY.read_text() + ONLY_TWO)
    with pytest.raises(
        ConfigError, match=r"model: only_two .*\(\[3, 4, 1\]\) fails: AssertionError: two \(mine.py line"
    ):
        config(tmp_path, f"{mine}:only_two", "data.tasks=[I.12.11,I.6.2b]")
