"""A signal stops at once, except where a training is about to save itself."""

import os
import signal
import time

import pytest

from kanbench.workers import stopping
from kanbench.workers.stopping import Stopped, deferred, listening


def ask(number=signal.SIGTERM):
    os.kill(os.getpid(), number)
    time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_and_the_handlers_of_before_come_back(number):
    before = signal.getsignal(number)
    with pytest.raises(Stopped) as stop, listening():
        ask(number)
        pytest.fail("not stopped")
    assert stop.value.number == number
    assert signal.getsignal(number) == before


def test_a_closed_terminal_does_not_stop_what_runs_under_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with listening():
            ask(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_training_is_stopped_at_its_next_check_however_often_it_is_asked():
    passed = []
    with pytest.raises(Stopped) as stop, listening(), deferred():
        assert not stopping.is_asked()
        ask(signal.SIGTERM)
        ask(signal.SIGINT)
        assert stopping.is_asked()
        passed.append("work")
        stopping.check()
        pytest.fail("not stopped")
    assert (stop.value.number, passed) == (signal.SIGTERM, ["work"])
    assert not stopping.is_asked()


def test_without_a_check_the_block_is_finished_first():
    passed = []
    with pytest.raises(Stopped), listening():
        with deferred():
            ask()
            passed.append("record written")
        passed.append("next cell")
    assert passed == ["record written"]


def test_a_training_without_a_check_is_stopped_where_it_is_after_the_time_of_grace(monkeypatch):
    monkeypatch.setattr(stopping, "GRACE", 0.1)
    started = time.monotonic()
    with pytest.raises(Stopped) as stop, listening(), deferred():
        ask()
        time.sleep(20)
    assert time.monotonic() - started < 10
    assert stop.value.number == signal.SIGTERM


def test_what_stopped_raises_nothing_later(monkeypatch):
    monkeypatch.setattr(stopping, "GRACE", 0.05)
    with pytest.raises(Stopped), listening(), deferred():
        ask()
        stopping.check()
    time.sleep(0.1)  # the alarm does not ring


def test_a_launcher_s_handler_requeues_the_job_after_all_is_stopped():
    order = []
    before = signal.signal(signal.SIGUSR2, lambda *_: order.append("requeue"))
    try:
        with pytest.raises(Stopped), listening():
            try:
                ask(signal.SIGUSR2)
            finally:
                order.append("stopped")
        assert order == ["stopped", "requeue"]
        ask(signal.SIGUSR2)
        assert order[2:] == ["requeue"]
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_a_signal_that_nobody_handles_is_left_alone():
    with listening():
        assert signal.getsignal(signal.SIGUSR2) == signal.SIG_DFL
