"""The dashboards as data: what they show exists in what is logged. Nothing here is online."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from test_content import THREE, record

from kanbench.cli.command import perform
from kanbench.errors import UsageError
from kanbench.loggers.content import training
from kanbench.loggers.dashboard import CHART, CHART_FIELDS, PRESET, definitions

SUMMARY = Path(__file__).parents[2] / "results/feynman/summary.csv"


@pytest.fixture(scope="module")
def pushed():
    pytest.importorskip("wandb_workspaces")
    return definitions("team", "project")


def leaves(node, key=None):
    if isinstance(node, dict):
        for name, value in node.items():
            yield from leaves(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value, key)
    else:
        yield key, node


def test_workspace_and_report_are_plain_data_of_their_project(pushed):
    for name in ("workspace", "report"):
        assert json.loads(json.dumps(pushed[name])) == pushed[name]
    assert (pushed["workspace"]["entity"], pushed["workspace"]["project"]) == ("team", "project")
    sections = pushed["workspace"]["spec"]["section"]["panelBankConfig"]["sections"]
    assert [section["name"] for section in sections] == [
        "Error against parameters", "Learning curves", "Cost and failures",
    ]  # fmt: skip
    kinds = {value for key, value in leaves(pushed) if key == "viewType"}
    assert {"Vega2", "Scatter Plot", "Run History Line Plot", "Bar Chart", "Media Browser"} <= kinds
    assert f"team/{CHART}" in [value for key, value in leaves(pushed["report"]) if key == "panelDefId"]


def test_every_metric_and_config_that_is_shown_is_logged(pushed):
    content = training(record(THREE), "study", "p")
    logged = {"config": set(content.config), "summary": set(content.summary) | set(content.history[0][1])}
    text = json.dumps(pushed)
    shown = {
        "config": re.findall(r'"config:(\w+)\.value"|"(\w+)\.value"', text),
        "summary": re.findall(r'"summary(?:_metrics)?[:.]([^"]+)"()', text),
    }
    patterns = re.findall(r'"metricRegex": "([^"]+)"', text)
    assert patterns
    for pattern in patterns:
        assert any(re.fullmatch(pattern, name) for name in logged["summary"]), pattern
    for place, names in shown.items():
        found = {next(filter(None, pair)) for pair in names}
        assert found
        assert found <= logged[place], place


def test_the_chart_reads_the_columns_that_are_logged_on_two_log_axes():
    chart = json.loads(PRESET.read_text())
    used = set(re.findall(r"\$\{field:(\w+)\}", PRESET.read_text()))
    assert used == set(CHART_FIELDS)
    assert set(CHART_FIELDS) <= set(pd.read_csv(SUMMARY, nrows=1).columns)
    assert chart["encoding"]["x"]["scale"]["type"] == "log"
    assert chart["layer"][1]["encoding"]["y"]["scale"]["type"] == "log"


def test_files_are_written_where_asked_and_without_a_key_there_is_one_sentence(tmp_path, monkeypatch, capsys):
    pytest.importorskip("wandb_workspaces")
    assert perform("dashboard", "--entity", "team", "--json", str(tmp_path)) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"workspace.json", "report.json", "chart.json"}
    assert len(capsys.readouterr().out.splitlines()) == 3
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody listens
    with pytest.raises(UsageError, match=r"W&B refuses it .*wandb login"):
        perform("dashboard", "--entity", "team")
