"""What `wandb sync` would upload, read back with W&B's own reader; nothing here is online."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

import kanbench.run.running
from kanbench.analysis import load_records
from kanbench.config.read import read_config
from kanbench.loggers.content import Content
from kanbench.loggers.runs import Ledger, Runs
from kanbench.loggers.settings import LoggerConfig, LoggerKind
from kanbench.store.record import RecordStore, read_record

CONF = Path(__file__).parents[2] / "conf"
TINY = ["seeds=2", "budget.targets=[50]", "data.train=60", "data.validation=60", "data.test=100", "optimizer.steps=20"]


def run(folder, *words):
    """Through the whole of a run, in this process."""
    overrides = ["name=logged", f"results={folder}", "data.tasks=[I.27.6]", "trainer.workers=1", *TINY, *words]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = read_config(compose("config", overrides))
    assert kanbench.run.running.run(config, ["the", "command"], folder / "job") == 0
    return folder / "logged"


def read_back(folder):
    """One offline run: everything that its file holds."""
    (path,) = folder.glob("*.wandb")
    wandb = Path(sys.executable).parent / "wandb"
    command = [str(wandb), "leet", "inspect", "--json", str(path)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    records = [json.loads(line) for line in lines]
    (about,) = [record["run"] for record in records if record["type"] == "run"]
    (end,) = [record["exit"] for record in records if record["type"] == "exit"]
    summary, later, uploads = {}, {}, []
    for record in records:
        if record["type"] == "summary":
            summary |= record["summary"]["update"]
        elif record["type"] == "config":
            later |= record["config"]["update"]
        elif record["type"] == "files":
            uploads += [each["path"] for each in record["files"]["files"]]
        elif record["type"] == "artifact":
            uploads += [each["local_path"] for each in record["artifact"]["manifest"]["contents"]]
    history = [record["history"]["item"] for record in records if record["type"] == "history"]
    return about | {"summary": summary, "later": later, "history": history, "uploads": uploads, "exit": end}


def offline_runs(folder):
    return sorted(folder.glob("wandb/offline-run-*"))


def test_csv_and_wandb_hold_every_cell_wandb_each_once_and_what_was_trained_before_as_well(tmp_path, capsys):
    folder = run(tmp_path, "logger=csv")
    assert f"log       {folder / 'csv'}\n" in capsys.readouterr().out
    curves = list(folder.glob("csv/*/metrics.csv"))
    assert len(curves) == 2
    assert "validation_mse/member_0" in curves[0].read_text()
    run(tmp_path, "logger=wandb")
    assert f"wandb sync {folder / 'wandb' / 'offline-run-*'}\n" in capsys.readouterr().out
    written = offline_runs(folder)
    run(tmp_path, "logger=wandb")
    assert offline_runs(folder) == written
    aggregate, *trainings = sorted(map(read_back, written), key=lambda each: each["job_type"])
    frame = load_records(folder)
    assert {each["config"]["update"]["cell"] for each in trainings} == set(frame.cell)
    for each in trainings:
        config, members = each["config"]["update"], frame[frame.cell == each["config"]["update"]["cell"]]
        assert (each["run_group"], each["job_type"]) == ("logged/I.27.6", "train")
        assert {"feynman", "ok"} < set(each["tags"])
        assert (config["method"], config["budget"], config["seeds"]) == (members.method.iloc[0], 50, [0, 1])
        assert each["summary"]["test_rel_l2/min"] == members.test_rel_l2.min()
        assert each["summary"]["test_rel_l2/median"] == members.test_rel_l2.median()
        record = read_record(RecordStore(folder / "cells").path(config["cell"]))
        curve = [(row["_step"], row["validation_mse/seed_1"]) for row in each["history"]]
        losses = [check[1] for check in record.curve["validation_mse"]]
        assert curve == list(zip(record.curve["steps"], losses, strict=True))
    _check_aggregate(aggregate, folder, frame)


def _check_aggregate(aggregate, folder, frame):
    assert aggregate["run_group"] == "logged"
    errors = {row.pop("params"): row for row in aggregate["history"] if "params" in row}
    assert {key for row in errors.values() for key in row if key.startswith("error/")} == {
        "error/KAN BSpline", "error/MLP tanh",
    }  # fmt: skip
    assert aggregate["summary"]["answer"].startswith(("MLP tanh", "KAN BSpline"))
    assert aggregate["later"]["_wandb.visualize.loss_vs_parameters"]["panel_type"] == "Vega2"
    (home,) = folder.glob("wandb/offline-run-*/files/media/table/records_*.json")
    table = json.loads(home.read_text())
    assert len(table["data"]) == len(frame)
    assert {"method", "params", "test_rel_l2", "seed"} < set(table["columns"])
    files = next(path for path in offline_runs(folder) if path.name.endswith(aggregate["run_id"])) / "files"
    assert {"figures"} == {path.name for path in (files / "media/images").iterdir()}
    assert len(aggregate["uploads"]) >= 8  # two figures; three tables, each as media and as an artifact
    for upload in aggregate["uploads"]:
        path = files / upload  # absolute where it is staged
        assert path.is_file()
        assert folder.resolve() in path.resolve().parents


CONTENT = Content("0123456789abcdef", "n", "g", "train", ["t"], {"a": 1}, [(1, {"x": 2.0}), (5, {"x": 3.0})], {"s": 4})


def test_a_run_that_was_cut_short_is_written_again_and_one_that_was_finished_is_not(tmp_path):
    rest = tmp_path / "wandb" / f"offline-run-20200101_000000-{CONTENT.id}"
    rest.mkdir(parents=True)
    for _ in range(2):
        Runs(tmp_path, LoggerConfig(LoggerKind.wandb)).write(CONTENT)
    (folder,) = offline_runs(tmp_path)
    assert folder != rest
    back = read_back(folder)
    assert [(row["_step"], row["x"]) for row in back["history"]] == [(1, 2.0), (5, 3.0)]
    assert (back["summary"]["s"], back["exit"]["exit_code"], back["project"]) == (4, 0, "kanbench")


def test_system_metrics_are_a_run_of_their_own(tmp_path):
    runs = Runs(tmp_path, LoggerConfig(LoggerKind.wandb, system_metrics=True))
    with runs.watching("study", "command"):
        pass
    (folder,) = offline_runs(tmp_path)
    assert read_back(folder)["job_type"] == "system"


def test_the_ledger_is_shared_and_forgets_what_did_not_end_well(tmp_path):
    ours, theirs = Ledger(tmp_path / "w" / "ledger"), Ledger(tmp_path / "w" / "ledger")
    with ours.claim("a") as new:
        assert new
    with theirs.claim("a") as new:
        assert not new
    with pytest.raises(OSError, match="full"), theirs.claim("b"):
        raise OSError("full")
    for ledger, expected in ((ours, True), (theirs, False), (ours, False)):
        with ledger.claim("b") as new:
            assert new is expected


def test_tests_have_no_way_online():
    assert "WANDB_API_KEY" not in os.environ


def test_references_which_have_no_budget_and_no_rate_are_logged_beside_the_methods(tmp_path):
    folder = run(tmp_path, "logger=wandb", "references=true", "model@baseline=none", "optimizer.steps=3")
    aggregate = next(each for each in map(read_back, offline_runs(folder)) if each["job_type"] == "aggregate")
    assert {"constant", "linear", "cubic ridge"} < set(aggregate["config"]["update"]["methods"])
    home = next(
        offline.glob("files/media/table/records_*.json")
        for offline in offline_runs(folder)
        if offline.name.endswith(aggregate["run_id"])
    )
    table = json.loads(next(home).read_text())
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert {row["budget"] for row in rows if row["method"] == "constant"} == {None}
    assert {row["budget"] for row in rows if row["method"].startswith("KAN")} == {50}


def test_a_ledger_with_bytes_that_are_no_text_is_read_and_goes_on(tmp_path):
    (tmp_path / "logged.txt").write_bytes(b"first\n\xff\xfe\0\nsecond\n")
    ledger = Ledger(tmp_path / "logged.txt")
    for id, expected in (("first", False), ("third", True), ("second", False), ("third", False)):
        with ledger.claim(id) as new:
            assert new is expected
