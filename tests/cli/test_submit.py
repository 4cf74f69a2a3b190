"""What is submitted is a script that bash and sbatch understand; launchers compose."""

import os
import subprocess
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

import kanbench as kanbench_package
from kanbench import __main__ as entry
from kanbench.cli import word_checks
from kanbench.cli.command import parse
from kanbench.cli.submit import Submission, submit
from kanbench.cli.word_checks import check_words
from kanbench.errors import UsageError

CONF = Path(kanbench_package.__file__).parent.parent / "conf"


def submission(*words):
    return Submission.of(parse("submit", *words))


def script(*words):
    return submission(*words).script(Path("logs"), Path("/home/me/my study"))


def test_options_become_directives_and_words_the_run_of_every_shard():
    lines = script("experiment=feynman", "data.tasks=[I.1*]", "--jobs=8", "--partition=gpu", "--time=30", "--nice")
    lines = lines.splitlines()
    for directive in ("--array=1-8", "--partition=gpu", "--time=30", "--nice", "--requeue", "--mem=8G"):
        assert f"#SBATCH {directive}" in lines
    assert "cd '/home/me/my study' || exit 1" in lines
    (run,) = [line for line in lines if " -m kanbench " in line]
    assert run.endswith("""kanbench experiment=feynman 'data.tasks=[I.1*]' shard="$SLURM_ARRAY_TASK_ID/8" &""")


def test_options_may_stand_before_their_value_and_words_of_the_run_are_none():
    text = script("--jobs", "8", "a=1", "--partition", "gpu", "--nice", "b=2", "--exclusive", "~c", "--mem=9G", "-m")
    lines = text.splitlines()
    for directive in ("--array=1-8", "--partition=gpu", "--nice", "--exclusive", "--mem=9G", "--time=04:00:00"):
        assert f"#SBATCH {directive}" in lines
    assert """ -m kanbench a=1 b=2 '~c' -m shard=""" in text


def test_every_line_of_setup_comes_before_the_run():
    text = script("experiment=smoke", "--setup=module load python", "--setup=export X=1")
    assert text.index("module load python") < text.index("export X=1") < text.index("-m kanbench")


def test_what_holds_spaces_is_quoted_as_sbatch_reads_it():
    text = submission("a=1", "--comment=a try").script(Path("/home/me/my runs/slurm"), Path())
    assert "#SBATCH --output='/home/me/my runs/slurm/%A_%a.log'\n" in text
    assert "#SBATCH --comment='a try'\n" in text


@pytest.mark.parametrize(
    ("lives", "requeue", "status", "sentence"),
    [
        (0, "true", 0, ""),
        (99, "true", 0, ""),
        (100, "true", 1, "kanbench: job 7_3 had all of its 100 lives; what was finished is kept"),
        (0, "false", 1, "kanbench: job 7_3 cannot be queued again; what was finished is kept"),
    ],
)
def test_a_job_near_its_time_limit_is_queued_again_or_fails(lives, requeue, status, sentence, monkeypatch, tmp_path):
    python = tmp_path / "python"  # trains until it is stopped; its time limit comes soon
    python.write_text("#!/bin/bash\nsleep 0.2\nkill -USR2 $PPID\nexec sleep 60\n")
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    text = submission("a=1", f"--setup=scontrol() {{ {requeue}; }}").script(tmp_path, tmp_path)
    slurm = {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "3", "SLURM_RESTART_COUNT": str(lives)}
    done = subprocess.run(["bash"], input=text, env=os.environ | slurm, capture_output=True, text=True, timeout=30)
    assert done.returncode == status
    assert done.stderr.startswith(sentence)
    assert bool(done.stderr) == bool(sentence)


def test_bash_can_read_it():
    subprocess.run(["bash", "-n"], input=script("experiment=smoke"), text=True, check=True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["a=1", "--jobs=0"], "--jobs must be a positive integer up to 10,000, got '0'"),
        (["a=1", "--jobs=few"], "--jobs must be a positive integer up to 10,000, got 'few'"),
        (["a=1", "--jobs=10001"], "--jobs must be a positive integer up to 10,000, got '10001'"),
        (["a=1", "--array=1-3"], "--array: submit sets it itself"),
        (["a=1", "shard=1/2"], "--jobs=N makes the shards"),
        (["--jobs=2"], "say what to run"),
        (["-p", "cpu", "a=1"], "-p: options of sbatch are written --name=value"),
    ],
)
def test_a_mistake_is_a_sentence(words, sentence):
    with pytest.raises(UsageError, match=sentence):
        submission(*words)


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["experiment=smoke"], 0, ""),
        (["experiment=smoke", "seeds=0"], 2, "seeds: must be at least 1"),
        (["experiment=hand_derived"], 2, "a system is one process"),
        (["-m", "experiment=smoke", "seeds=1,2", "basis=bspline,taylor"], 0, ""),
        (["-m", "experiment=smoke", "basis=bspline,taylor", "optimizer.steps=5,-5"], 2, "optimizer.steps must be"),
        (["-m", "experiment=smoke,hand_derived"], 2, "a system is one process"),
        (["experiment=noise"], 0, ""),  # a sweep without -m
        (
            ["experiment=noise", "data.noise=0,-1"],
            2,
            "data.noise: must be a number that is not negative, at most 1000, got -1.0",
        ),
        (["experiment=smoke", "seeds=1,2"], 2, "seeds is how many there are"),
    ],
)
def test_what_could_not_run_is_not_submitted(words, status, sentence, monkeypatch, capsys):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setattr("sys.argv", ["kanbench", "submit", *words, "--dry-run"])
    assert entry.main() == status
    assert sentence in capsys.readouterr().err


def submitted(monkeypatch, capsys, *words):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setattr("sys.argv", ["kanbench", "submit", *words, "--dry-run"])
    assert entry.main() == 0, capsys.readouterr().err
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "log"),
    [
        (["results=/scratch/a=b"], "#SBATCH --output=/scratch/a=b/slurm/%A_%a.log"),
        (["results='out folder'"], "#SBATCH --output='out folder/slurm/%A_%a.log'"),
        (["results=out folder"], "#SBATCH --output='out folder/slurm/%A_%a.log'"),
        (["++results=there"], "#SBATCH --output=there/slurm/%A_%a.log"),
        (["results=a", "results=b"], "#SBATCH --output=b/slurm/%A_%a.log"),
        ([], "#SBATCH --output=results/runs/slurm/%A_%a.log"),
    ],
)
def test_logs_go_where_the_run_writes_its_results(words, log, monkeypatch, capsys):
    assert log in submitted(monkeypatch, capsys, "experiment=smoke", *words).splitlines()


@pytest.mark.parametrize(
    "words",
    [
        ["trainer.accelerator=cuda", "trainer.devices=4"],
        ["trainer.compile=true", "optimizer=adam"],
        ["trainer.threads=4096"],
    ],
)
def test_what_a_login_node_lacks_is_asked_for_where_the_run_starts(words, monkeypatch, capsys):
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert words[0] in submitted(monkeypatch, capsys, "experiment=smoke", *words)


def test_a_job_reads_the_configs_that_were_checked(monkeypatch, capsys, tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "own.yaml").write_text("# @package _global_\nname: own\nseeds: 1\n")
    (tmp_path / "mine.yaml").write_text("defaults: [config, _self_]\nresults: elsewhere\n")
    flags = [f"--config-dir={tmp_path}", "--config-name=mine"]
    text = submitted(monkeypatch, capsys, *flags, "experiment=own")
    assert f"-m kanbench --config-dir={tmp_path} --config-name=mine experiment=own shard=" in text
    assert "#SBATCH --output=elsewhere/slurm/%A_%a.log\n" in text


@pytest.mark.parametrize("word", ["--comment=a\n#SBATCH --uid=0", "--com\nment=a", "--Comment=a", "--=a", "--cfg=job"])
def test_no_option_writes_a_second_line_into_the_script(word):
    with pytest.raises(UsageError, match=r"is no option of sbatch|belongs to a run"):
        submission("a=1", word)


def test_a_folder_with_a_line_break_is_no_place_for_logs():
    with pytest.raises(
        UsageError, match=r"^results: sbatch cannot write its logs to 'a.*b', whose name has a line break"
    ):
        submission("a=1").script(Path("a\nb"), Path())


@pytest.mark.parametrize(("says", "job"), [("12", "12"), ("12;west", "12"), ("", None), ("warning: busy", None)])
def test_what_is_no_number_of_a_job_is_not_said_to_be_submitted(says, job, monkeypatch, tmp_path):
    sbatch = tmp_path / "sbatch"
    sbatch.write_text(f"#!/bin/sh\necho '{says}'\n")
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    if job:
        assert submit("#!/bin/sh") == job
    else:
        with pytest.raises(UsageError, match=rf"^submit: sbatch gave no number of a job; it said '{says}'"):
            submit("#!/bin/sh")


@pytest.mark.parametrize("launcher", ["slurm", "slurm_gpu", "local_parallel"])
def test_a_launcher_has_the_schema_of_the_plug_in_and_values_of_ours(launcher):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        node = compose("config", [f"hydra/launcher={launcher}"], return_hydra_config=True).hydra.launcher
    assert node._target_.startswith("hydra_plugins.hydra_submitit_launcher.")
    assert node.timeout_min > 10
    if launcher != "local_parallel":
        assert node.max_num_timeout > 0
        assert node.array_parallelism > 0
        assert node.gpus_per_node == (1 if launcher == "slurm_gpu" else None)


def test_without_the_plug_in_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(word_checks, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'kanbench\[slurm\]'"):
        check_words(["hydra/launcher=slurm"], CONF)
    check_words(["experiment=smoke"], CONF)


def test_a_launcher_for_slurm_is_refused_where_there_is_none(monkeypatch):
    monkeypatch.setattr(word_checks, "find_spec", lambda _: True)
    monkeypatch.setattr(word_checks, "which", lambda _: None)
    with pytest.raises(UsageError, match=r"^hydra/launcher=slurm_gpu: there is no Slurm here; hydra/launcher=local"):
        check_words(["hydra/launcher=slurm_gpu"], CONF)
    check_words(["hydra/launcher=local_parallel"], CONF)
