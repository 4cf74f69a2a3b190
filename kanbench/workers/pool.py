"""Worker processes. Cells are small and many, so one thread per cell on every core beats many threads on one cell."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol, TypeVar

from kanbench.workers import stopping
from kanbench.workers.fresh import FreshProcess

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerDied(RuntimeError):
    """A worker process was killed from outside; its finished cells are kept."""


class Worker(Protocol):
    """A process of a pool."""

    def terminate(self) -> None:
        """Ask it to stop."""

    def kill(self) -> None:
        """End it at once."""

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, at most `timeout` seconds."""


def unordered(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    prepare: Callable[[int], None] = lambda worker: None,
    fresh: bool = False,
) -> Generator[Result]:
    """Yield `function(item)` for every item, in the order in which they finish; if `workers` is 1, in this process.

    `prepare` is called first in every other process, with its number from 0.

    Workers are forked at once, so this must be called before the process starts threads or computes on a GPU. With
    `fresh` they begin in new interpreters instead, which takes seconds and is safe in any program. The workers
    end together with the iterator, at its end or when it is closed; they then have until their next check of
    `stopping`. They also end when this process ends, even if it is killed. `concurrent.futures` is not used because it
    can wait for ever for its workers after a second Ctrl-C.

    Raises `WorkerDied`, and every exception that `function` raises.
    """
    if workers == 1:
        return (function(item) for item in items)
    start, crew = _start_fresh if fresh else _fork, dict[Connection, Worker]()
    try:
        for worker in range(workers):
            pipe, crew[pipe] = start(function, partial(prepare, worker))
    except BaseException:
        _end(list(crew.values()))
        raise
    return _results(crew, iter(items))


Started = tuple[Connection, Worker]


def _fork(function: Callable[[Any], Any], prepare: Callable[[], None]) -> Started:
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    process = fork.Process(target=work, args=(function, theirs, os.getpid(), prepare), daemon=True)
    process.start()
    theirs.close()  # then the death of a worker is an end of file
    return ours, process


def _start_fresh(function: Callable[[Any], Any], prepare: Callable[[], None]) -> Started:
    ours, theirs = multiprocessing.Pipe()
    process = FreshProcess(ours, theirs)
    theirs.close()
    try:
        process.begin(function, prepare)
    except BaseException as error:
        process.kill()
        if isinstance(error, ConnectionError):
            raise WorkerDied("a worker process died before its first work") from error
        raise
    return ours, process


def _results(crew: dict[Connection, Worker], items: Iterator[Any]) -> Generator[Any]:
    try:
        busy = [pipe for pipe in crew if _hand_out(pipe, items)]
        while busy:
            for pipe in wait(busy):
                assert isinstance(pipe, Connection)
                result, error = pipe.recv()
                if error is not None:
                    raise error
                if not _hand_out(pipe, items):
                    busy.remove(pipe)
                yield result
    except (EOFError, ConnectionError) as error:
        raise WorkerDied("a worker process died, perhaps for lack of memory") from error
    finally:
        with _undisturbed():
            _end(list(crew.values()))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore a second Ctrl-C during the block, which must not leave workers behind."""
    if threading.current_thread() is not threading.main_thread():  # it gets no signals
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _end(crew: list[Worker]) -> None:
    """Ask all workers to stop, and kill those that still run after the grace period."""
    for process in crew:
        process.terminate()
    deadline = time.monotonic() + stopping.GRACE + 1.0
    for process in crew:
        process.join(max(0.0, deadline - time.monotonic()))
        process.kill()
        process.join()


def _hand_out(pipe: Connection, items: Iterator[Any]) -> bool:
    """Send the next item, if there is one."""
    for item in items:
        pipe.send(item)
        return True
    return False


def work(function: Callable[[Any], Any], pipe: Connection, parent: int, prepare: Callable[[], None]) -> None:
    """Answer every item with (result, None) or (None, error); the parent handles all signals but SIGTERM."""
    with suppress(stopping.Stopped):
        stopping.listen()
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()
        prepare()
        while True:
            item = pipe.recv()
            try:
                pipe.send((function(item), None))
            except Exception as error:
                pipe.send((None, error))


def _follow(parent: int) -> None:
    """End this process when its parent is gone, because a killed parent cannot tell its workers."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
