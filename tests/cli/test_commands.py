"""The whole way through the command line; in processes of its own, unless nothing is trained."""

import importlib
import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pandas as pd
import pytest

import kanbench as kanbench_package
from kanbench import __main__ as entry
from kanbench.analysis import load_records
from kanbench.cli.command import commands
from kanbench.cli.word_checks import check_words, check_words_beside_system
from kanbench.errors import UsageError
from kanbench.store.record import read_record

TINY = ["seeds=2", "budget.targets=[50]", "data.train=60", "data.validation=60", "data.test=100", "optimizer.steps=10"]
MEASURED = ["seconds", "peak_memory_bytes", "commit"]


def kanbench(*words: str, folder: Path, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "kanbench", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, **options)


def status_here(words, folder, monkeypatch) -> int:
    """The exit code of a command in this process, which saves the imports."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setattr("sys.argv", ["kanbench", *words])
    monkeypatch.setattr("kanbench.cli.job.entered", False)
    try:
        return entry.main()
    except SystemExit as ended:
        return ended.code


def numbers(folder: Path):
    return load_records(folder).drop(columns=MEASURED)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """A folder in which the smoke experiment has run, and what it printed."""
    folder = tmp_path_factory.mktemp("smoke")
    done = kanbench("experiment=smoke", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.mark.xdist_group("smoke")
def test_smoke_leaves_a_table_figures_records_and_the_command(smoke):
    folder, said = smoke
    answer, table = said.index("cannot be told apart"), said.index("budget method")
    assert "on 2 tasks at 100 parameters" in " ".join(said[answer:table].split())
    assert re.search(r"50\s+(KAN BSpline|MLP tanh)\s+\d\d\s", said)
    assert "8 cells: 8 trained, 0 reused, 0 failed" in said
    assert "again     python -m kanbench experiment=smoke\n" in said
    (reports,) = folder.glob("results/runs/smoke/reports/KAN_BSpline-*")
    assert {path.name for path in reports.iterdir()} == {
        "loss_vs_parameters.png", "loss_vs_parameters.svg", "tasks.png", "tasks.svg", "records.csv", "summary.csv",
    }  # fmt: skip
    frame = load_records(folder / "results/runs/smoke")
    assert len(frame) == 2 * 2 * 2 * 3
    assert frame.status.unique().tolist() == ["ok"]
    assert frame.score.median() < 0.01


@pytest.mark.slow
@pytest.mark.xdist_group("smoke")
def test_the_same_command_again_trains_nothing_and_another_basis_reuses_the_baseline(smoke):
    folder, _ = smoke
    before = numbers(folder / "results/runs/smoke")
    assert "8 cells: 0 trained, 8 reused" in kanbench("experiment=smoke", folder=folder).stdout
    assert numbers(folder / "results/runs/smoke").equals(before)
    assert "8 cells: 4 trained, 4 reused" in kanbench("experiment=smoke", "basis=taylor", folder=folder).stdout


@pytest.mark.slow
@pytest.mark.xdist_group("smoke")
def test_the_same_command_elsewhere_gives_the_same_numbers_whatever_the_number_of_workers(smoke, tmp_path):
    folder, _ = smoke
    kanbench("experiment=smoke", "trainer.workers=1", folder=tmp_path)
    here, there = (numbers(each / "results/runs/smoke") for each in (tmp_path, folder))
    there = there[there.cell.isin(here.cell)].reset_index(drop=True)
    pd.testing.assert_frame_equal(here, there, check_exact=True)


@pytest.mark.slow
def test_a_sweep_ends_with_one_report_over_all_jobs(tmp_path):
    words = ["-m", "name=sweep", "data.tasks=[I.27.6,I.12.11]", *TINY]
    done = kanbench(*words, "basis=chebyshev,rbf", "aggregation=sum,mean", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^job 4 of the sweep: .*basis=rbf.* aggregation=mean", done.stdout, flags=re.MULTILINE)
    (report,) = tmp_path.glob("results/runs/sweeps/*/report")
    summary = (report / "summary.csv").read_text()
    for method in ("KAN Chebyshev,", "KAN Chebyshev mean,", "KAN RBF,", "KAN RBF mean,", "MLP tanh,"):
        assert method in summary
    assert (report / "loss_vs_parameters.png").exists()
    assert len(list((tmp_path / "results/runs/sweep/cells").iterdir())) == 2 * 5


@pytest.mark.slow
def test_adam_tries_every_rate_and_reports_the_best_on_validation(tmp_path):
    done = kanbench("name=adam", "optimizer=adam", "data.tasks=[I.27.6]", *TINY, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    frame = load_records(tmp_path / "results/runs/adam")
    assert len(frame) == 2 * 2 * 4
    assert sorted(frame.lr.unique()) == [1e-3, 3e-3, 1e-2, 3e-2]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["basis=bsplin"], "unknown option 'bsplin'; did you mean bspline"),
        (["experiment=feyman"], "unknown option 'feyman'; did you mean feynman"),
        (["basis.degree=-1"], "basis.degree must be at least 1, got -1"),
        (["bassis=rbf"], "unknown key 'bassis'; did you mean basis"),
        (["basis.degre=4"], "unknown key of basis 'degre'; did you mean degree?\n"),
        (["basis=rbf", "basis.degre=4"], "unknown key of basis 'degre'; did you mean centres?\n"),
        (["experiment=mlps", "model.depht=4"], "unknown key of model 'depht'; did you mean depth?\n"),
        (["basis.centres=4"], "kanbench: basis.centres is a key of basis=rbf only\n"),
        (["model.fourier=4"], "kanbench: model.fourier is a key of model=mlp only\n"),
        (["baseline.stages=[5]"], "kanbench: baseline.stages is a key of baseline=kan only\n"),
        (["baseline.activaton=silu"], "unknown key of baseline 'activaton'; did you mean activation or gain?\n"),
        (["basis=null"], "unknown option 'null'"),
        (["name=.."], "name: must be letters"),
        (["baseline=nonsense"], "unknown option 'nonsense'"),
        (["rbf"], "'rbf' is not of the form key=value"),
        (
            ["budget.targets=[3]"],
            "budget.targets: 3 is too small for KAN BSpline on every task; its smallest model has ",
        ),
        (["results=/proc/nowhere"], "results: cannot write /proc/nowhere"),
        (
            ["list", "nowhere"],
            "unknown suite 'nowhere'; known: classic, development, feynman, feynman_full, feynman_test, founding, ",
        ),
        (["list", "sklern"], "unknown suite 'sklern'; did you mean sklearn?"),
        (["basis=["], "unknown option '['"),
        (["experiment=hand_derived", "basis=rbf"], "basis=rbf: a system has settings of its own, system.*; beside"),
        (["--config-path=/nonexistent"], "Primary config directory not found. Check that the config directory '/none"),
        (
            ["experiment=smoke", "--resolve"],
            "kanbench: --resolve: fills in the values of a config that is printed; add",
        ),
        (["experiment=smoke", "data.train=${nope}"], "Interpolation key 'nope' not found"),
        (["system.epochs=9"], "system.epochs is a key of system=hand_derived or system="),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_mistake_is_one_sentence_and_exit_code_2(words, sentence, tmp_path, monkeypatch, capfd):
    assert status_here(words, tmp_path, monkeypatch) == 2
    out, err = capfd.readouterr()
    assert sentence in err
    assert len(err.strip().splitlines()) == 1, err
    assert "Traceback" not in out + err
    assert list(tmp_path.iterdir()) == []


def test_a_process_ends_with_the_sentence_and_the_exit_code_2(tmp_path):
    done = kanbench("experiment=feyman", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("kanbench: experiment=feyman: unknown option 'feyman'; did you mean feynman")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_refused_sweep_leaves_no_folder_that_was_not_there(tmp_path):
    (tmp_path / "mine").mkdir()
    for words in (["-m", "basis.degree=-1,-2"], ["-m", "seeds=0", "results=mine"]):
        assert kanbench(*words, folder=tmp_path).returncode == 2
        assert [path.name for path in tmp_path.rglob("*")] == ["mine"]


def test_words_about_systems_are_checked_like_all_others():
    conf = Path(kanbench_package.__file__).parent.parent / "conf"
    for word, sentence in {
        "system=hand_drived": "unknown option 'hand_drived'; did you mean hand_derived",
        "system.epoch=9": "unknown key of system 'epoch'; did you mean epochs",
        "system=null": "system=null: leave the word out; without it there is no system",
    }.items():
        with pytest.raises(UsageError, match=re.escape(sentence)):
            check_words([word], conf)
    check_words_beside_system(["experiment=hand_derived", "system.epochs=3", "name=x", "hydra.verbose=true"])


@pytest.mark.slow
def test_a_system_says_its_checks_and_writes_its_findings_and_pictures(tmp_path):
    done = kanbench("experiment=hand_derived", "system.epochs=2", folder=tmp_path)
    assert done.returncode == 1  # two epochs teach it nothing
    assert re.search(r"holds\s+closed-form gradients equal autograd", done.stdout)
    assert re.search(r"FAILS\s+the network learns", done.stdout)
    assert "2 of 3 checks hold" in done.stdout
    assert "again     python -m kanbench experiment=hand_derived system.epochs=2\n" in done.stdout
    (folder,) = tmp_path.glob("results/runs/hand_derived/jobs/*")
    assert f"findings  {folder.relative_to(tmp_path)}/findings.json\n" in done.stdout
    assert {path.name for path in folder.iterdir()} == {
        "findings.json", "loss.png", "loss.svg", "edges.png", "edges.svg",
    }  # fmt: skip
    assert json.loads((folder / "findings.json").read_text())["settings"]["epochs"] == 2


def test_help_and_lists_train_nothing_and_come_at_once(tmp_path):
    text = kanbench("--help", folder=tmp_path).stdout
    assert re.search(r"basis: .*bspline, chebyshev, .*taylor", text)
    assert "experiment=feynman" in text
    assert "feynman_full    120 tasks" in kanbench("list", folder=tmp_path).stdout
    assert re.search(r"hand_derived +A B-spline KAN with gradients", kanbench("list", folder=tmp_path).stdout)
    equations = kanbench("list", "feynman", folder=tmp_path).stdout
    assert "1+a*sin(theta)" in equations
    assert "experiment=smoke" in kanbench(folder=tmp_path).stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", commands())
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_says_how_it_is_used(command, flag, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["kanbench", command, flag])
    assert entry.main() == 0
    assert f"python -m kanbench {command} " in capsys.readouterr().out


def test_the_help_of_every_command_needs_no_torch_and_no_pandas():
    code = f"""
import sys
from kanbench.cli.main import run_command
for command in {list(commands())}:
    assert run_command(command, "--help") == 0
assert not {{"torch", "pandas", "scipy", "matplotlib"}} & set(sys.modules), sorted(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_command_may_be_written_run_and_a_mistyped_one_is_named(monkeypatch, capsys):
    for words, status, said in [
        (["run"], 2, "kanbench: run: say what to run"),
        (["run", "bassis=rbf"], 2, "kanbench: unknown key 'bassis'; did you mean basis"),
        (["reprot", "results/runs"], 2, "kanbench: unknown command 'reprot'; did you mean report"),
        (["status"], 2, "kanbench: status takes one folder: python -m kanbench status results/runs\n"),
        (["tables", "records"], 2, "kanbench: tables takes folders and tables of records, one after the other, and"),
    ]:
        monkeypatch.setattr("sys.argv", ["kanbench", *words])
        assert entry.main() == status
        assert capsys.readouterr().err.startswith(said)


def test_the_program_is_the_entry_of_the_module():
    text = (Path(kanbench_package.__file__).parents[1] / "pyproject.toml").read_text()
    module, _, name = tomllib.loads(text)["project"]["scripts"]["kanbench"].partition(":")
    assert getattr(importlib.import_module(module), name) is entry.main


def test_the_version_is_that_of_the_package(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["kanbench", "--version"])
    assert entry.main() == 0
    assert capsys.readouterr().out == f"kanbench {importlib.metadata.version('kanbench')}\n"


def cells(folder: Path) -> list[Path]:
    return list(folder.glob("results/runs/killed/cells/*.json"))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_kill_9_loses_at_most_the_cells_in_work(workers, tmp_path):
    words = ["name=killed", "data.tasks=[I.1*]", *TINY, "optimizer.steps=60", f"trainer.workers={workers}"]
    command = [sys.executable, "-m", "kanbench", *words]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, start_new_session=True) as running:
        while running.poll() is None and len(cells(tmp_path)) < 3:
            time.sleep(0.02)
        os.kill(running.pid, signal.SIGKILL)
    time.sleep(2)  # workers notice within half a second
    survived = {path.name: path.read_bytes() for path in cells(tmp_path)}
    assert len(survived) >= 3
    time.sleep(0.5)
    assert len(cells(tmp_path)) == len(survived)  # no worker goes on without its parent
    done = kanbench(*words, folder=tmp_path)
    assert f"{len(survived)} reused, 0 failed" in done.stdout, done.stderr
    assert all((tmp_path / "results/runs/killed/cells" / name).read_bytes() == b for name, b in survived.items())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "times", "workers"),
    [(signal.SIGINT, 1, 2), (signal.SIGINT, 3, 2), (signal.SIGINT, 1, 1), (signal.SIGHUP, 1, 2), (signal.SIGHUP, 1, 1)],
)
def test_ctrl_c_and_a_closed_terminal_stop_cleanly_and_say_how_to_go_on(number, times, workers, tmp_path):
    words = ["name=killed", "data.tasks=[I.1*]", *TINY, "optimizer.steps=60", f"trainer.workers={workers}"]
    command = [sys.executable, "-m", "kanbench", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as running:
        while running.poll() is None and len(cells(tmp_path)) < 2:
            time.sleep(0.02)
        for _ in range(times):
            os.killpg(running.pid, number)
            time.sleep(0.01)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert said == ("kanbench: stopped; everything that was finished is kept: the same command goes on from here\n")


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_that_is_deleted_under_a_run_is_one_sentence_with_the_path_and_how_to_go_on(workers, tmp_path):
    words = ["name=killed", "data.tasks=[I.1*]", *TINY, "optimizer.steps=60", f"trainer.workers={workers}"]
    command = [sys.executable, "-m", "kanbench", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as running:
        while running.poll() is None and len(cells(tmp_path)) < 2:
            time.sleep(0.02)
        shutil.rmtree(tmp_path / "results/runs/killed/cells", ignore_errors=True)
        shutil.rmtree(tmp_path / "results/runs/killed/cells", ignore_errors=True)  # what was written meanwhile
        _, said = running.communicate(timeout=120)
    assert running.returncode == 2
    last = said.splitlines()[-1]  # a training that could not be saved may be named before
    path, reason, kept = last.removeprefix("kanbench: ").split(": ", 2)
    assert path.startswith("results/runs/killed/cells/")
    assert reason == "No such file or directory; everything that was finished is kept"
    assert kept == "the same command goes on from here"


@pytest.mark.slow
def test_a_killed_worker_ends_the_run_with_a_sentence_and_loses_one_cell(tmp_path):
    words = ["name=killed", "data.tasks=[I.1*]", *TINY, "optimizer.steps=60", "trainer.workers=2"]
    command = [sys.executable, "-m", "kanbench", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as running:
        while running.poll() is None and len(cells(tmp_path)) < 2:
            time.sleep(0.02)
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert said.startswith("kanbench: a worker process died, perhaps for lack of memory; everything that was finished")
    assert "0 failed" in kanbench(*words, folder=tmp_path).stdout


@pytest.mark.slow
def test_a_damaged_record_is_named_set_aside_and_trained_again(tmp_path):
    words = ["name=damaged", "data.tasks=[I.27.6]", *TINY]
    kanbench(*words, folder=tmp_path)
    path, other = sorted((tmp_path / "results/runs/damaged/cells").iterdir())
    good = read_record(path)
    path.write_bytes(path.read_bytes()[:-9])
    done = kanbench(*words, folder=tmp_path)
    assert path.with_suffix(".damaged").name in done.stderr
    assert "1 trained, 1 reused" in done.stdout
    assert "kanbench name=damaged 'data.tasks=[I.27.6]' seeds=2 'budget.targets=[50]'" in done.stdout
    assert [m["test_rel_l2"] for m in read_record(path).members] == [m["test_rel_l2"] for m in good.members]
    assert other.exists()


@pytest.mark.slow
def test_a_cell_that_fails_is_a_record_with_its_traceback_and_is_tried_again(tmp_path):
    suite = tmp_path / "flat.yaml"
    suite.write_text('title: "flat"\nsource: "test"\ntasks: [{name: flat, formula: "1+0*x", variables: {x: [0, 1]}}]')
    words = ["name=flat", *TINY, "data.suite=flat", "data.tasks=[flat]"]
    code = f"""
import pathlib, runpy, sys
import kanbench.data.formula_task
kanbench.data.formula_task.SUITES_FOLDER = pathlib.Path({str(tmp_path)!r})
sys.argv = ["kanbench", *{words!r}]
runpy.run_module("kanbench", run_name="__main__", alter_sys=True)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    assert "the target is constant" in done.stdout
    record = read_record(next((tmp_path / "results/runs/flat/cells").glob("*.json")))
    assert record.failed
    assert "Traceback" in record.traceback
    again = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert "2 trained, 0 reused, 2 failed" in again.stdout


@pytest.mark.slow
def test_a_cell_that_fails_in_a_job_elsewhere_reaches_the_last_lines_and_the_exit_code(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    flat = 'title: "flat"\nsource: "test"\ntasks: [{name: flat, formula: "1+0*x", variables: {x: [0, 1]}}]'
    (tmp_path / "flat.yaml").write_text(flat)
    start = f"import pathlib, kanbench.data.formula_task as task; task.SUITES_FOLDER = pathlib.Path({str(tmp_path)!r})"
    (tmp_path / "sitecustomize.py").write_text(start)
    root = Path(__file__).parents[2]
    words = ["-m", "hydra/launcher=local_parallel", "name=flat", *TINY, "data.suite=flat", "data.tasks=[flat]"]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{root}"}
    done = kanbench(*words, "baseline=none", folder=tmp_path, env=environment)
    assert done.returncode == 1, done.stderr
    *_, failed, retry, _ = done.stdout.splitlines()
    assert "failed    KAN BSpline on flat at 50: " in failed
    assert "the target is constant" in failed
    assert retry.startswith("retry     python -m kanbench -m hydra/launcher=local_parallel name=flat seeds=2")


@pytest.mark.xdist_group("smoke")
def test_the_manifest_of_a_job_names_its_cells(smoke):
    folder, _ = smoke
    manifest = json.loads(next(folder.glob("results/runs/smoke/jobs/*/cells.json")).read_text())
    assert len(manifest["cells"]) == 8
    assert all((folder / cell).exists() for cell in manifest["cells"])
