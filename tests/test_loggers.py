"""What the loggers leave, read back with their own readers."""

import json
import subprocess
import sys
from pathlib import Path

from kanbench.analysis import load_records
from kanbench.record import RecordStore, read_record

TINY = ["seeds=2", "budget.targets=[50]", "data.train=60", "data.validation=60", "data.test=100", "optimizer.steps=20"]


def run(folder, *words):
    command = [sys.executable, "-m", "kanbench", "name=logged", "data.tasks=[I.27.6]", *TINY, *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return folder / "results/runs/logged"


def test_csv_holds_the_learning_curve_of_every_cell(tmp_path):
    folder = run(tmp_path, "logger=csv")
    curves = list(folder.glob("csv/*/metrics.csv"))
    assert len(curves) == 2
    assert "validation_mse/member_0" in curves[0].read_text()


def test_wandb_holds_a_run_per_cell_and_one_for_the_job(tmp_path):
    folder = run(tmp_path, "logger=wandb")
    runs = [read_back(path) for path in folder.glob("wandb/wandb/offline-run-*/*.wandb")]
    aggregate, *trainings = sorted(runs, key=lambda each: each["run"]["job_type"])
    frame = load_records(folder)
    assert {training["run"]["run_id"] for training in trainings} == set(frame.cell)
    for training in trainings:
        members = frame[frame.cell == training["run"]["run_id"]]
        assert training["run"]["run_group"] == "logged/I.27.6"
        assert training["run"]["job_type"] == "train"
        assert training["config"]["method"] == members.method.iloc[0]
        assert training["config"]["budget"] == 50
        assert training["summary"]["test_rel_l2/best"] == members.test_rel_l2.min()
        assert training["summary"]["test_rel_l2/median"] == members.test_rel_l2.median()
        curve = [row["validation_mse/member_1"] for row in training["history"] if "validation_mse/member_1" in row]
        record = read_record(RecordStore(folder / "cells").path(training["run"]["run_id"]))
        assert curve == [check[1] for check in record.curve["validation_mse"]]
    assert aggregate["run"]["run_group"] == "logged"
    errors = {key: value for key, value in aggregate["summary"].items() if key.startswith("error/")}
    assert set(errors) == {"error/KAN BSpline", "error/MLP tanh"}


def read_back(path):
    """One offline run, by W&B's own reader."""
    wandb = Path(sys.executable).parent / "wandb"
    command = [str(wandb), "leet", "inspect", "--json", str(path)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    records = [json.loads(line) for line in lines]
    run, *later = [record["run"] for record in records if record["type"] == "run"]
    assert not later
    summary = {}
    for record in records:
        if record["type"] == "summary":
            summary |= record["summary"]["update"]
    history = [record["history"]["item"] for record in records if record["type"] == "history"]
    return {"run": run, "config": run["config"]["update"], "summary": summary, "history": history}
