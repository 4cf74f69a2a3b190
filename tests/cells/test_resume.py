"""A training that is killed and goes on reaches, to the last bit, what it reaches undisturbed."""

import dataclasses
import os
import signal

import pytest
from lightning.pytorch.loggers import CSVLogger, Logger

from kanbench.bases import BSpline
from kanbench.cells import Cell, Execution, Precision, ResumeFile, run_cell
from kanbench.cells.resume import SEAL
from kanbench.data import SplitSizes, load_suite
from kanbench.methods import KANMethod, MLPMethod
from kanbench.store import provenance
from kanbench.training import LBFGS, SGD, Adam, LevenbergMarquardt
from kanbench.workers import stopping

STAGED = KANMethod(basis=BSpline(intervals=5), stages=(3, 5))
CASES = {
    "lm": (LevenbergMarquardt(steps=20, check_every=2), MLPMethod(depth=1)),
    "lm_that_converges": (LevenbergMarquardt(steps=60, check_every=2, least_gain=0.3, window=4), MLPMethod(depth=1)),
    "lm_that_no_step_helps": (LevenbergMarquardt(steps=60, check_every=2, damping=1e9), MLPMethod(depth=1)),
    "lbfgs": (LBFGS(steps=20, check_every=2, memory=3), KANMethod(1, basis=BSpline(intervals=5))),
    "adam": (Adam(steps=16, check_every=4, rates=(1e-2, 3e-2), doublings=1), KANMethod(1, basis=BSpline(intervals=5))),
    "adam_in_batches": (Adam(steps=16, check_every=4, rates=(1e-2, 3e-2), doublings=1, batch=24), MLPMethod(depth=1)),
    "sgd_in_batches": (SGD(steps=16, check_every=4, rates=(1e-2, 3e-2), doublings=1, batch=24), MLPMethod(depth=1)),
    "adam_in_stages": (Adam(steps=16, check_every=4, rates=(1e-2, 3e-2), doublings=1, batch=24), STAGED),
    "lm_in_stages": (LevenbergMarquardt(steps=40, check_every=2, least_gain=0.3, window=4), STAGED),
}


class Killed(Exception):
    """What ends a training from outside."""


class Killer(Logger):
    """Kills the training at one of its checks."""

    name, version = "killer", 0

    def __init__(self, at):
        super().__init__()
        self.left = at

    def log_hyperparams(self, *_, **__):
        """There are none to log."""

    def log_metrics(self, *_, **__):
        self.left -= 1
        if self.left == 0:
            raise Killed


def cell(optimizer, method):
    task = load_suite("feynman").task("I.27.6")
    return Cell("t", "feynman", task, method, 40, (0, 1), optimizer, SplitSizes(60, 40, 50), Precision.double)


def facts(record):
    members = [{k: v for k, v in m.items() if k not in ("seconds", "peak_memory_bytes")} for m in record.members]
    return members, record.curve


@pytest.mark.parametrize("case", CASES)
def test_a_killed_training_goes_on_to_the_same_numbers(case, tmp_path):
    of = cell(*CASES[case])
    whole = facts(run_cell(of, Execution(statistics=True)))
    checks = len(whole[1]["steps"])
    file = ResumeFile(tmp_path / "cell.training", every=1e-9)
    reached = []
    for kill_at in (2, 5, checks):  # each counts the checks that are logged again, and dies some checks later
        with pytest.raises(Killed):
            run_cell(of, Execution(resume=file, logger=Killer(kill_at), statistics=True))
        reached.append(len(file.read()["module"]["curve"]["steps"]))
    assert reached == [1, 4, checks - 1]
    assert facts(run_cell(of, Execution(resume=file, statistics=True))) == whole
    assert len(whole[1]["layers"]["gradient_norm"]) == checks


class Scheduler(Killer):
    """Asks the process to end at one of its checks."""

    def log_metrics(self, *_, **__):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("case", ["lm", "adam_in_stages"])
def test_a_training_that_is_asked_to_end_is_saved_at_that_check(case, tmp_path):
    of, file = cell(*CASES[case]), ResumeFile(tmp_path / "cell.training", every=1e9)
    whole = facts(run_cell(of))
    with pytest.raises(stopping.Stopped), stopping.listening(), stopping.deferred():
        run_cell(of, Execution(resume=file, logger=Scheduler(4)))
    assert len(file.read()["module"]["curve"]["steps"]) == 4
    assert facts(run_cell(of, Execution(resume=file))) == whole


def test_a_training_that_cannot_be_saved_goes_on(tmp_path, caplog):
    of, file = cell(*CASES["lm"]), ResumeFile(tmp_path / "gone" / "cell.training", every=1e-9)
    assert facts(run_cell(of, Execution(resume=file))) == facts(run_cell(of))
    assert "not saved, and goes on" in caplog.text


def test_the_seconds_before_the_kill_count(tmp_path):
    of, file = cell(*CASES["lm"]), ResumeFile(tmp_path / "cell.training", every=1e-9)
    with pytest.raises(Killed):
        run_cell(of, Execution(resume=file, logger=Killer(4)))
    file.write(file.read() | {"seconds": 1000.0})
    record = run_cell(of, Execution(resume=file))
    assert 1000.0 < sum(member["seconds"] for member in record.members) < 1100.0


def test_loggers_get_the_whole_curve(tmp_path):
    of, file = cell(*CASES["lm"]), ResumeFile(tmp_path / "cell.training", every=1e-9)
    with pytest.raises(Killed):
        run_cell(of, Execution(resume=file, logger=Killer(6)))
    record = run_cell(of, Execution(resume=file, logger=CSVLogger(tmp_path, name="", version="run")))
    lines = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert len(lines) - 1 == len(record.curve["steps"])


def test_a_short_training_leaves_nothing(tmp_path):
    run_cell(cell(*CASES["lm"]), Execution(resume=ResumeFile(tmp_path / "cell.training", every=60.0)))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_said_and_training_starts_again(tmp_path, caplog):
    of, file = cell(*CASES["adam"]), ResumeFile(tmp_path / "cell.training", every=1e-9)
    whole = facts(run_cell(of))
    with pytest.raises(Killed):
        run_cell(of, Execution(resume=file, logger=Killer(3)))
    file.path.write_bytes(file.path.read_bytes()[:-50])
    file = dataclasses.replace(file, every=60.0)
    assert facts(run_cell(of, Execution(resume=file))) == whole
    assert "its training starts again" in caplog.text
    assert "cut short" in caplog.text


@pytest.mark.parametrize("content", [None, [], {}, {"seconds": 1.0}, "x"])
def test_a_file_with_nonsense_inside_is_said_and_taken_for_nothing(content, tmp_path, caplog):
    file = ResumeFile(tmp_path / "cell.training", every=1.0)
    file.write(content)
    assert file.read() is None
    assert f"{file.path}: not a training" in caplog.text
    SEAL.write(file.path, b"")
    assert file.read() is None


def test_a_training_that_other_code_began_starts_again(tmp_path, caplog, monkeypatch):
    of, file = cell(*CASES["adam"]), ResumeFile(tmp_path / "cell.training", every=1e-9)
    with pytest.raises(Killed):
        run_cell(of, Execution(resume=file, logger=Killer(3)))
    saved = file.read()
    monkeypatch.setattr(provenance, "code_of", lambda kinds: "of tomorrow")
    file.write(saved | {"seconds": 1000.0})
    assert sum(member["seconds"] for member in run_cell(of, Execution(resume=file)).members) < 1000.0
    assert f"its training starts again: {file.path} was written by other code than today's" in caplog.text
