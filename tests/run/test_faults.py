"""Whatever happens to a run, nothing finished is lost and nothing counts twice.

A run here is the real one in a fork of this process, which saves the imports: 15 kills by default, 100 with -m slow.
"""

import itertools
import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from rich.console import Console

import kanbench.run.running
from kanbench.analysis import load_records
from kanbench.cells import unfinished
from kanbench.config.read import read_config
from kanbench.files.sealed import Damaged
from kanbench.run.job import job_of
from kanbench.run.running import run, train
from kanbench.store.record import read_record
from kanbench.workers import stopping

CONF = Path(kanbench.__file__).parents[1] / "conf"
WORDS = [
    *("name=x", "data.tasks=[I.1*]", "basis=chebyshev", "budget.targets=[50]", "seeds=1", "data.train=40"),
    *("data.validation=40", "data.test=40", "optimizer.steps=6", "trainer.workers=1"),
    "trainer.checkpoint_seconds=1e-9",
]
ROOM = 1200  # seconds that a process may take on a machine that does much else
MEASURED = ["seconds", "peak_memory_bytes", "commit"]
SAVED = "optimizer.check_every=2"  # so that trainings have something to save on the way
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link"}  # of the disk, as Python's audit names them
FORK = multiprocessing.get_context("fork")


def config_of(folder, *words):
    """The config of the run in a folder."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return read_config(compose("config", [*WORDS, f"results={folder}", *words]))


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """Numbers of a run that nothing disturbs."""
    return undisturbed(tmp_path_factory.mktemp("quiet"))


def undisturbed(folder, *words):
    go_on(config_of(folder, *words), folder)
    return numbers(folder)


def numbers(folder):
    return load_records(folder / "x").drop(columns=MEASURED)


def start(config, folder, dies=None):
    """The run in a process of its own, which `dies` so many changes of the disk and so many seconds after its start."""

    def work():
        if dies is not None:
            die_after(*dies, folder)
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os._exit(run(config, ["kanbench"], folder / "job"))

    process = FORK.Process(target=work)
    process.start()
    return process


def die_after(changes, seconds, folder):
    """Counts changes of files below a folder, so that a process dies in the midst of its work on any machine. Nothing
    handles the signal: like kill -9, the kernel ends the process where it stands."""
    left = itertools.count(changes, -1)

    def count(event, arguments):
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in CHANGES) and str(folder) in str(arguments[0]) and next(left) == 0:
            signal.setitimer(signal.ITIMER_REAL, seconds)

    sys.addaudithook(count)


def go_on(config, folder):
    process = start(config, folder)
    process.join(ROOM)
    assert process.exitcode == 0


def check(folder, quiet):
    assert numbers(folder).equals(quiet)
    assert {path.suffix for path in (folder / "x/cells").iterdir() if path.name[0] != "."} <= {".json", ".damaged"}


@pytest.mark.parametrize("kills", [15, pytest.param(100, marks=pytest.mark.slow)])
def test_kill_9_at_random_moments_loses_nothing_that_was_finished(kills, tmp_path):
    whole = undisturbed(tmp_path / "undisturbed", SAVED)
    chance, config, finished, killed = random.Random(kills), config_of(tmp_path, SAVED), {}, 0
    for _ in range(kills):
        process = start(config, tmp_path, dies=(chance.randrange(50), 10 ** chance.uniform(-5, -2)))
        process.join(ROOM)
        killed += process.exitcode == -signal.SIGALRM
        for path, content in finished.items():
            assert path.read_bytes() == content
        finished = {path: path.read_bytes() for path in (tmp_path / "x/cells").glob("*.json")}
        assert not any(read_record(path).failed for path in finished)
        while len(finished) > len(whole) // 2:  # something to do for the next turn
            path, _content = finished.popitem()
            path.unlink()
    assert killed > kills // 2
    go_on(config, tmp_path)
    check(tmp_path, whole)


def test_two_runs_in_one_folder_train_every_cell_once(quiet, tmp_path):
    config = config_of(tmp_path)
    crew = [start(config, tmp_path / str(i)) for i in range(2)]
    for process in crew:
        process.join(ROOM)
        assert process.exitcode == 0
    check(tmp_path, quiet)


def test_damaged_records_are_trained_again_and_the_others_are_not(quiet, tmp_path):
    config = config_of(tmp_path)
    go_on(config, tmp_path)
    short, flipped, *whole = sorted((tmp_path / "x/cells").glob("*.json"))
    short.write_bytes(short.read_bytes()[:-10])
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 4
    flipped.write_bytes(content)
    before = {path: path.stat().st_mtime_ns for path in whole}
    with pytest.raises(Damaged):
        read_record(flipped)
    go_on(config, tmp_path)
    check(tmp_path, quiet)
    assert {path: path.stat().st_mtime_ns for path in whole} == before


def test_a_clock_that_jumps_changes_nothing(quiet, tmp_path, monkeypatch):
    jumps = random.Random(0)
    monkeypatch.setattr(time, "time", lambda: jumps.uniform(0, 2e9))
    go_on(config_of(tmp_path), tmp_path)
    check(tmp_path, quiet)


def test_a_file_that_cannot_grow_ends_the_run_and_leaves_whole_records(quiet, tmp_path):
    """As on a full disk: every write beyond a few thousand bytes fails."""

    def work():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))
        try:
            run(config, ["kanbench"], tmp_path / "job")
        except OSError:
            os._exit(3)

    config = config_of(tmp_path)
    process = FORK.Process(target=work)
    process.start()
    process.join(ROOM)
    assert process.exitcode == 3
    for path in (tmp_path / "x").rglob("cells/*.json"):
        read_record(path)
    go_on(config, tmp_path)
    check(tmp_path, quiet)


class BrokenLogger:
    """Cannot log what is finished."""

    def while_training(self):
        return nullcontext()

    def log_record(self, record):
        raise OSError("nowhere to log to")


def test_a_run_that_breaks_off_leaves_no_lease_of_its_workers(tmp_path, monkeypatch):
    """Workers that do not stop in time are killed, and only then their leases can be told from those of the living."""

    def hang(job, logger, leases, failed, group):
        (cell,) = group
        if cell == cells[1]:
            with leases.hold(cell.key, settled=lambda: False):
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                time.sleep(60)
        while not list(job.store.folder.glob("*.claim")):
            time.sleep(0.01)
        return [unfinished(cell, "skipped", "")], True

    monkeypatch.setattr(kanbench.run.running, "train_group", hang)
    monkeypatch.setattr(stopping, "GRACE", 0.0)
    config = config_of(tmp_path)
    config = replace(config, trainer=replace(config.trainer, workers=2))
    cells = tuple(config.cells()[:2])
    job = replace(job_of(config, ["kanbench"], tmp_path), cells=cells)
    job.store.prepare()
    with pytest.raises(OSError, match="nowhere to log to"):
        train(job, BrokenLogger(), Console(quiet=True))
    assert list(job.store.folder.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of 64 kB."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_the_run_goes_on_when_there_is_room(small_disk, quiet):
    (small_disk / "ballast").write_bytes(bytes(20_000))
    command = [sys.executable, "-m", "kanbench", *WORDS, f"results={small_disk}"]
    environment = os.environ | {"PYTHONPATH": str(CONF.parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=ROOM, cwd=small_disk.parent)
    assert done.returncode == 2, done.stdout
    assert f"{small_disk}/x/" in done.stderr
    assert "No space left on device; everything that was finished is kept" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    for path in small_disk.rglob("cells/*.json"):
        assert not read_record(path).failed
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    go_on(config_of(small_disk), small_disk)
    check(small_disk, quiet)
