"""Sweeps and runs side by side keep their reports apart."""

from types import SimpleNamespace

from analysis.test_summary import member
from hydra import compose, initialize_config_dir

from kanbench.config.options import CONF
from kanbench.config.read import read_config
from kanbench.run.job import job_of
from kanbench.run.sweep import SweepSummary
from kanbench.store.manifest import Manifest
from kanbench.store.record import CellRecord, RecordStore


def composed(*words, **options):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", list(words), **options)


def name_of(*words):
    config = read_config(composed("experiment=smoke", *words))
    return job_of(config, ["python", "-m", "kanbench"], config.folder / "jobs").report.name


def test_a_second_table_budget_or_task_does_not_replace_the_report_of_the_first(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("a,b,y1,y2\n" + "".join(f"{i},{i * i % 7},{i % 5},{i % 3}\n" for i in range(40)))
    sizes = ("data.train=20", "data.validation=10", "data.test=10")
    of_table = ("data=table", "~data.tasks", f"data.path={table}", "data.inputs=[a,b]", *sizes)
    names = [
        name_of(),
        name_of("data.tasks=[I.12.11]"),
        name_of("budget.targets=[60]"),
        name_of("model@baseline=none"),
        name_of("references=true"),
        name_of(*of_table, "data.target=y1"),
        name_of(*of_table, "data.target=y2"),
    ]
    assert len(set(names)) == len(names)
    assert all(name.startswith("KAN_BSpline-") for name in names)
    assert name_of("shard=1/2") == name_of("shard=2/2") == name_of("name=other") == names[0]


def test_two_sweeps_that_start_in_the_same_second_have_folders_of_their_own():
    folders = [composed("hydra.job.num=0", return_hydra_config=True).hydra.sweep.dir for _ in range(3)]
    assert len(set(folders)) == 3


def job(sweep, number, key, title, **changes):
    """A job of a sweep that has trained two methods on one task."""
    store = RecordStore(sweep.parent / "run" / "cells")
    store.prepare()
    paths = []
    for method, error in (("KAN Taylor", 0.1), ("MLP tanh", 0.2)):
        cell = f"{key}{method[:3]}"
        rows = [member(method, "t", 50, seed, error, cell=cell, **changes) for seed in range(2)]
        store.write(CellRecord(cell, rows, {}, {}, {}))
        paths.append(str(store.path(cell)))
    folder = sweep / str(number)
    folder.mkdir(parents=True)
    Manifest(tuple(paths), "MLP tanh", title, f"python -m kanbench {key}").write(folder)


def end(sweep, summary=None):
    config = SimpleNamespace(hydra=SimpleNamespace(sweep=SimpleNamespace(dir=str(sweep))))
    (summary or SweepSummary()).on_multirun_end(config)


def test_a_sweep_over_two_targets_of_a_table_ends_with_a_summary_of_each(tmp_path, capsys):
    for number, target in enumerate(("y1", "y2")):
        job(tmp_path / "sweep", number, target, f"{target} of t.csv", data=f"{target}-hash")
    end(tmp_path / "sweep")
    said = capsys.readouterr().out
    assert "no summary" not in said
    for part in ("data=y1-has", "data=y2-has"):
        assert f"the whole sweep: {part}" in said
        assert (tmp_path / "sweep/report" / part / "summary.csv").exists()


def test_a_sweep_over_optimizers_ends_with_a_summary_of_each(tmp_path, capsys):
    for number, name in enumerate(("LevenbergMarquardt", "Adam")):
        job(tmp_path / "sweep", number, name, "toy", optimizer=name, protocol=name, settings="steps=3")
    end(tmp_path / "sweep")
    assert "the whole sweep: optimizer=Adam" in capsys.readouterr().out
    assert len(list((tmp_path / "sweep/report").glob("*/summary.csv"))) == 2


def test_jobs_of_an_earlier_sweep_in_the_same_folder_are_not_in_the_summary(tmp_path, capsys):
    for number in range(3):
        job(tmp_path / "sweep", number, f"old{number}", "old", protocol="old", data="old")
    summary = SweepSummary()
    summary.on_multirun_start(SimpleNamespace(hydra=SimpleNamespace(sweep=SimpleNamespace(dir=tmp_path / "sweep"))))
    for number in range(3, 5):
        job(tmp_path / "sweep", number, f"new{number}", "new", data="new")
    end(tmp_path / "sweep", summary)
    records = (tmp_path / "sweep/report/records.csv").read_text()
    assert "new3" in records
    assert "old" not in records


def test_a_summary_that_cannot_be_written_is_one_sentence_and_the_exit_code(tmp_path, capsys, monkeypatch):
    for number in range(2):
        job(tmp_path / "sweep", number, f"k{number}", "toy", data="d")
    (tmp_path / "sweep/report").write_text("in the way")
    monkeypatch.setattr(SweepSummary, "status", 0)
    end(tmp_path / "sweep")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"kanbench: no summary of the sweep: {tmp_path}/sweep/report: ")
    assert SweepSummary.status == 2


def test_a_damaged_manifest_is_said_and_does_not_hide_the_other_jobs(tmp_path, capsys):
    for number in range(3):
        job(tmp_path / "sweep", number, f"k{number}", "toy", data="d")
    (tmp_path / "sweep/1/cells.json").write_text("{}")
    end(tmp_path / "sweep")
    said = capsys.readouterr().out
    assert "1/cells.json is damaged" in said
    assert "the whole sweep" in said
