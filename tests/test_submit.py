"""What is submitted is a script that bash and sbatch understand; launchers compose."""

import subprocess
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

import kanbench as kanbench_package
from kanbench import __main__ as entry
from kanbench import command_line
from kanbench.command_line import UsageError, check_words
from kanbench.submit import Submission, SubmitError

CONF = Path(kanbench_package.__file__).parent.parent / "conf"


def script(*words):
    return Submission.parse(list(words)).script(Path("logs"), Path("/home/me/my study"))


def test_options_become_directives_and_words_the_run_of_every_shard():
    lines = script("experiment=feynman", "data.tasks=[I.1*]", "--jobs=8", "--partition=gpu", "--time=30", "--nice")
    lines = lines.splitlines()
    for directive in ("--array=1-8", "--partition=gpu", "--time=30", "--nice", "--requeue", "--mem=8G"):
        assert f"#SBATCH {directive}" in lines
    assert "cd '/home/me/my study' || exit 1" in lines
    (run,) = [line for line in lines if " -m kanbench " in line]
    assert run.endswith("""kanbench experiment=feynman 'data.tasks=[I.1*]' shard="$SLURM_ARRAY_TASK_ID/8" &""")


def test_every_line_of_setup_comes_before_the_run():
    text = script("experiment=smoke", "--setup=module load python", "--setup=export X=1")
    assert text.index("module load python") < text.index("export X=1") < text.index("-m kanbench")


def test_bash_can_read_it():
    subprocess.run(["bash", "-n"], input=script("experiment=smoke"), text=True, check=True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["a=1", "--jobs=0"], "--jobs must be a positive integer, got '0'"),
        (["a=1", "--jobs=few"], "--jobs must be a positive integer, got 'few'"),
        (["a=1", "--array=1-3"], "--array: submit sets it itself"),
        (["a=1", "shard=1/2"], "--jobs=N makes the shards"),
        (["--jobs=2"], "say what to run"),
    ],
)
def test_a_mistake_is_a_sentence(words, sentence):
    with pytest.raises(SubmitError, match=sentence):
        Submission.parse(words)


@pytest.mark.parametrize(
    ("word", "status", "sentence"),
    [("experiment=smoke", 0, ""), ("experiment=hand_derived", 2, "a system is one process")],
)
def test_a_system_whose_jobs_would_all_refuse_their_shard_is_not_submitted(word, status, sentence, monkeypatch, capsys):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setattr("sys.argv", ["kanbench", "submit", word, "--dry-run"])
    assert entry.main() == status
    assert sentence in capsys.readouterr().err


def test_results_and_sweeps_are_seen():
    submission = Submission.parse(["-m", "experiment=feynman", "results=/scratch/a=b"])
    assert submission.is_sweep
    assert submission.results == Path("/scratch/a=b")
    assert not Submission.parse(["experiment=feynman"]).is_sweep


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
    monkeypatch.setattr(command_line, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install -e '\.\[slurm\]'"):
        check_words(["-m", "hydra/launcher=slurm"], CONF)
    check_words(["experiment=smoke"], CONF)
