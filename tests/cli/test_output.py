"""What is written to may end first: the reader of a pipe leaves, a disk is full."""

import os
import subprocess
import sys

import pytest

from kanbench.cli.output import Lasting, lasting

TINY = [
    *("name=t", "data.tasks=[I.27.6]", "seeds=1", "budget.targets=[50]", "data.train=60", "data.validation=60"),
    *("data.test=100", "optimizer.steps=5", "baseline=none"),
]


@pytest.fixture
def heard(monkeypatch):
    monkeypatch.setattr(Lasting, "lost", None)
    monkeypatch.setattr(Lasting, "consequence", "it goes on")


def full():
    return os.open("/dev/full", os.O_WRONLY)


def left():
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize(("end", "name"), [(full, "No space left on device"), (left, "Broken pipe")])
def test_the_first_error_is_said_and_everything_after_it_goes_nowhere(end, name, heard, capsys):
    stream = Lasting(end(), "w")
    assert [stream.write(b"abc"), stream.write(b"defg")] == [3, 4]
    assert capsys.readouterr().err == f"kanbench: standard output: {name}; it goes on\n"
    assert Lasting.lost.strerror == name


def test_what_has_room_is_written_as_it_is(heard, tmp_path):
    with Lasting(str(tmp_path / "out"), "w") as stream:
        stream.write(b"abc")
    assert (tmp_path / "out").read_bytes() == b"abc"
    assert Lasting.lost is None


def test_streams_that_somebody_has_put_in_place_stay(capsys):
    mine = sys.stdout
    with lasting():
        assert sys.stdout is mine


def shell(line, folder):
    environment = os.environ | {"PYTHON": sys.executable}
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "why"), [("> /dev/full", "No space left on device"), ("| true", "Broken pipe"), (">&-", "")]
)
def test_a_run_outlives_its_standard_output(end, why, tmp_path):
    done = shell(f"$PYTHON -m kanbench {' '.join(TINY)} {end}", tmp_path)
    assert done.returncode == 0, done.stderr
    sentence = "the run goes on, and writes what it finds into its folder of results"
    assert done.stderr == (f"kanbench: standard output: {why}; {sentence}\n" if why else "")
    assert list(tmp_path.glob("results/runs/t/cells/*.json"))
    assert list(tmp_path.glob("results/runs/t/reports/*/summary.csv"))


@pytest.mark.parametrize("words", ["list feynman_full", "--cfg job", "--help"])
def test_a_reader_has_read_enough_but_an_answer_on_a_full_disk_is_lost(words, tmp_path):
    first = shell(f"$PYTHON -m kanbench {words} | head -1", tmp_path)
    assert (first.returncode, first.stderr, first.stdout.count("\n")) == (0, "", 1)
    done = shell(f"$PYTHON -m kanbench {words} > /dev/full", tmp_path)
    assert (done.returncode, done.stderr) == (2, "kanbench: standard output: No space left on device\n")
