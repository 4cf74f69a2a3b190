"""Stop on a signal: at once where nothing is lost, otherwise at the next check of a training.

Schedulers send SIGTERM and kill the job half a minute later. A terminal sends SIGINT, and SIGHUP when it is closed.
Imports no torch.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

GRACE = 5.0  # seconds for a training to reach its next check
TIME_IS_OVER = signal.SIGXCPU  # the number of a stop by `within`
_ASK_TO_END = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_deferring, _asked = False, 0


class Stopped(BaseException):
    """The request to end this process; `number` is the signal. Like KeyboardInterrupt, it is not a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def listen() -> None:
    """Make SIGTERM, SIGINT and SIGHUP raise `Stopped` in the main thread, or wait for `check` inside `deferred`.

    SIGHUP stays ignored under `nohup`.
    """
    for number in _ASK_TO_END:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _on_signal)


@contextmanager
def listening() -> Iterator[None]:
    """Apply `listen` for the block, then call a launcher's own handler of USR1 or USR2, which requeues its job."""
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


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise `Stopped` with the number `TIME_IS_OVER` when the block has lasted so long, as a signal would.

    Raises:
        ValueError: Another thread than the main one calls it, which gets no signals.
    """
    earlier = signal.signal(signal.SIGALRM, lambda *_: _on_signal(TIME_IS_OVER, None))
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)


def _on_signal(number: int, frame: FrameType | None) -> None:
    global _asked
    if not _deferring or number == signal.SIGALRM:
        _stop(_asked or number)
    if not _asked:
        _asked = number
        signal.signal(signal.SIGALRM, _on_signal)
        signal.setitimer(signal.ITIMER_REAL, GRACE)  # without a check within this time, stop at once


def _stop(number: int) -> None:
    for each in _ASK_TO_END:
        signal.signal(each, signal.SIG_IGN)  # the process is about to end
    raise Stopped(number)


@contextmanager
def deferred() -> Iterator[None]:
    """Let a signal in the block wait for `check`, for at most `GRACE` seconds; a second signal changes nothing."""
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
    """Return True if a signal is waiting."""
    return bool(_asked)


def is_deferred() -> bool:
    """Return True inside `deferred`, where a signal would wait."""
    return _deferring


def check() -> None:
    """Raise `Stopped` if a signal is waiting."""
    if _asked:
        _stop(_asked)
