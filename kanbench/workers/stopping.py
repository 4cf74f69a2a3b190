"""Stopping on a signal: at once where nothing is lost by it, at the next check of a training where something would be.

Schedulers stop a job by SIGTERM and kill it half a minute later; a terminal sends SIGINT, and SIGHUP when it is closed.
Imports no torch.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

GRACE = 5.0  # seconds that a training has to come to its next check
_ASK_TO_END = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_deferring, _asked = False, 0


class Stopped(BaseException):
    """This process was asked to end; `number` is the signal. Like KeyboardInterrupt, no failure of anything."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def listen() -> None:
    """From now on SIGTERM, SIGINT and SIGHUP raise `Stopped` in the main thread, or are kept for `check`.

    SIGHUP stays ignored under `nohup`.
    """
    for number in _ASK_TO_END:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _on_signal)


@contextmanager
def listening() -> Iterator[None]:
    """`listen` for a block. A launcher's own handler of USR1 or USR2, which requeues its job, is called at the end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    requeue = {n: signal.getsignal(n) for n in (signal.SIGUSR1, signal.SIGUSR2) if callable(signal.getsignal(n))}
    earlier = {number: signal.getsignal(number) for number in _ASK_TO_END} | requeue
    listen()
    for number in requeue:
        signal.signal(number, _on_signal)
    try:
        yield
    except Stopped as stop:
        if callable(handler := requeue.get(signal.Signals(stop.number))):
            handler(stop.number, None)
        raise
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _on_signal(number: int, frame: FrameType | None) -> None:
    global _asked
    if not _deferring or number == signal.SIGALRM:
        _stop(_asked or number)
    if not _asked:
        _asked = number
        signal.signal(signal.SIGALRM, _on_signal)
        signal.setitimer(signal.ITIMER_REAL, GRACE)  # if no check comes, it stops where it is


def _stop(number: int) -> None:
    for each in _ASK_TO_END:
        signal.signal(each, signal.SIG_IGN)  # it is on its way out
    raise Stopped(number)


@contextmanager
def deferred() -> Iterator[None]:
    """In the block a signal waits for `check`, for `GRACE` seconds at most; a second one changes nothing."""
    global _deferring, _asked
    _deferring = True
    try:
        yield
        _deferring = False
        check()
    finally:
        if _asked:
            signal.setitimer(signal.ITIMER_REAL, 0)
        _deferring, _asked = False, 0


def is_asked() -> bool:
    """Whether a signal waits."""
    return bool(_asked)


def is_deferred() -> bool:
    """Whether a signal would wait."""
    return _deferring


def check() -> None:
    """Raise `Stopped` if a signal waits."""
    if _asked:
        _stop(_asked)
