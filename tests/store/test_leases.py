"""A lease has one owner at a time, a dead owner's is taken over, and no clock is asked."""

import json
import multiprocessing
import os
import threading
import time
from dataclasses import asdict, replace

import pytest

from kanbench.store.leases import Leases, Owner, look

ELSEWHERE = {"place": "another machine", "host": "node7", "pid": 1, "born": "1"}


def never():
    return False


@pytest.fixture
def leases(tmp_path):
    return Leases(tmp_path, beat=0.02, pause=0.01, looks=20)


def leave(leases, **facts):
    """A lease that somebody left behind."""
    owner = replace(Owner.this_process(), **facts)
    leases.path("a").write_text(json.dumps(asdict(owner)))
    return owner


def test_a_lease_is_there_during_the_block_and_gone_after_it(leases):
    with leases.hold("a", never) as is_mine:
        assert is_mine
        assert leases.is_held("a")
        assert look(leases.path("a")).owner.pid == os.getpid()
        assert not leases.is_held("b")
    assert os.listdir(leases.folder) == []


def loop(path):
    path.symlink_to(path)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, loop, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_file_is_no_lease_and_is_set_aside(leases, make, caplog):
    make(leases.path("a"))
    assert not leases.is_held("a")
    assert f"{leases.path('a')}: not a file, and no lease" in caplog.text
    make(leases.path("a"))
    with leases.hold("a", never) as is_mine:
        assert is_mine
    assert {path.suffix for path in leases.folder.iterdir()} == {".damaged"}


@pytest.mark.parametrize("changes", [{"pid": "1"}, {"life": None}, {"host": ["x"]}, {"token": 3}, {"born": {}}])
def test_a_lease_with_nonsense_inside_is_one_without_an_owner_and_ends_like_a_silent_one(leases, changes):
    leases.path("a").write_text(json.dumps(asdict(Owner.this_process()) | changes))
    assert look(leases.path("a")).owner is None
    with leases.hold("a", never) as is_mine:
        assert is_mine


@pytest.mark.parametrize("content", ["[" * 100_000, "1" * 10_000, "{}", "null", ""])
def test_a_lease_that_is_no_json_has_no_owner(leases, content):
    leases.path("a").write_text(content)
    assert look(leases.path("a")).owner is None


def test_a_lease_is_given_up_when_its_block_raises(leases):
    with pytest.raises(ZeroDivisionError), leases.hold("a", never):
        1 / 0  # noqa: B018
    assert os.listdir(leases.folder) == []


def test_a_living_owner_is_waited_for_however_long_it_takes(leases):
    order = []

    def wait():
        with leases.hold("a", never):
            order.append("second")

    with leases.hold("a", never):
        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(1.0)  # five times what it takes to give up a silent owner
        order.append("first")
    waiting.join(5)
    assert order == ["first", "second"]


def test_what_is_settled_meanwhile_needs_no_lease(leases):
    leave(leases, **ELSEWHERE)
    answers = iter([False, False, True])
    with leases.hold("a", lambda: next(answers)) as is_mine:
        assert not is_mine
    assert leases.path("a").exists()


def test_what_was_settled_just_before_the_lease_is_not_done_again(leases):
    with leases.hold("a", lambda: True) as is_mine:
        assert not is_mine
    assert os.listdir(leases.folder) == []


def test_a_silent_owner_elsewhere_loses_the_lease_after_so_many_looks(leases):
    leave(leases, **ELSEWHERE)
    assert leases.is_held("a")
    started = time.monotonic()
    with leases.hold("a", never) as is_mine:
        assert is_mine
        assert time.monotonic() - started >= 0.9 * leases.looks * leases.pause
        assert look(leases.path("a")).owner.pid == os.getpid()
    assert os.listdir(leases.folder) == []


@pytest.mark.parametrize("jump", [-1e6, 1e6], ids=["back", "ahead"])
def test_a_clock_that_jumps_ends_no_lease_of_a_living_owner(leases, jump, monkeypatch):
    path, owner = leases.path("a"), leave(leases, **ELSEWHERE)
    touches = iter([time.time() + sign * jump for sign in (0, 1, -1, 0.5) * 15])

    def look_again():
        moment = next(touches, None)
        if moment is None:
            return True
        os.utime(path, (moment, moment))  # its owner's clock
        return False

    monkeypatch.setattr(time, "time", lambda: next(iter([1e12])))  # and the waiter's
    with leases.hold("a", look_again) as is_mine:
        assert not is_mine
    assert look(path).owner == owner


def test_a_dead_process_on_this_machine_loses_the_lease_at_once(leases):
    process = multiprocessing.get_context("fork").Process(target=lambda: leave(leases) and os._exit(0))
    process.start()
    while look(leases.path("a")) is None or look(leases.path("a")).owner is None:
        time.sleep(0.01)
    process.join()
    patient = replace(leases, looks=10**6)
    assert not patient.is_held("a")
    with patient.hold("a", never) as is_mine:
        assert is_mine


def test_the_process_id_of_a_dead_owner_may_be_anothers_now(leases):
    leave(leases, born="1")
    assert not leases.is_held("a")


def test_a_requeued_job_takes_over_from_its_former_life_and_from_no_other_job(leases, monkeypatch):
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "12")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    leave(leases, **ELSEWHERE)
    assert leases.is_held("a")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert not leases.is_held("a")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "4")
    assert leases.is_held("a")


def test_the_leases_of_killed_workers_are_forgotten_and_living_ones_stay(leases):
    leave(leases, born="1")
    leases.forget_dead("a")
    assert not leases.path("a").exists()
    leave(leases, **ELSEWHERE)
    leases.forget_dead("a")
    assert leases.path("a").exists()
    leases.forget_dead("b")


def test_an_owner_that_lost_its_lease_leaves_its_successors_alone(leases):
    with leases.hold("a", never):
        successor = leave(leases, **ELSEWHERE)
        before = look(leases.path("a"))
        time.sleep(0.2)
        assert look(leases.path("a")) == before
    assert look(leases.path("a")).owner == successor


def count(folder, turns):
    leases = Leases(folder, beat=0.01, pause=0.001, looks=10**6)
    for _ in range(turns):
        with leases.hold("a", never):
            number = int((folder / "count").read_text())
            time.sleep(0.001)
            (folder / "count").write_text(str(number + 1))


def test_many_processes_hold_a_lease_one_after_the_other(tmp_path):
    """A counter that is read, and written a moment later, loses a turn as soon as two processes hold the lease."""
    (tmp_path / "count").write_text("0")
    fork = multiprocessing.get_context("fork")
    crew = [fork.Process(target=count, args=(tmp_path, 25)) for _ in range(4)]
    for process in crew:
        process.start()
    for process in crew:
        process.join()
    assert (tmp_path / "count").read_text() == "100"


def seize(folder, barrier, winners):
    leases = Leases(folder, beat=0.01, pause=0.05, looks=10)
    barrier.wait()
    with leases.hold("a", (folder / "done").exists) as is_mine:
        if is_mine:
            winners.put(os.getpid())
            (folder / "done").touch()


def test_one_of_many_takes_over_from_the_dead(tmp_path):
    fork = multiprocessing.get_context("fork")
    for turn in range(10):
        folder = tmp_path / str(turn)
        folder.mkdir()
        leave(Leases(folder), **ELSEWHERE)
        barrier, winners = fork.Barrier(4), fork.Queue()
        crew = [fork.Process(target=seize, args=(folder, barrier, winners)) for _ in range(4)]
        for process in crew:
            process.start()
        assert winners.get(timeout=30)
        for process in crew:
            process.join()
        assert winners.empty()
        assert os.listdir(folder) == ["done"]


@pytest.mark.parametrize("last", ["fdopen", "link", "unlink"])
def test_whoever_is_killed_while_taking_a_lease_keeps_nobody_waiting(leases, monkeypatch, last):
    """An empty lease would name no owner, and everybody would wait two minutes for it."""

    def take():
        monkeypatch.setattr(os, last, lambda *_, **__: os._exit(9))
        with leases.hold("a", never):
            os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=take)
    process.start()
    process.join()
    assert process.exitcode == 9
    sight = look(leases.path("a"))
    assert sight is None or sight.owner.is_gone
    with leases.hold("a", never) as is_mine:
        assert is_mine
