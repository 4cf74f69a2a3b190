"""Worker processes. Cells are small and many, so one thread per cell on every core beats many threads on one cell."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from kanbench.workers import stopping

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerDied(RuntimeError):
    """A worker process was killed from outside; its finished cells are kept."""


def unordered(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    prepare: Callable[[int], None] = lambda worker: None,
) -> Generator[Result]:
    """Yield `function(item)` for every item, in the order in which they finish; if `workers` is 1, in this process.

    `prepare` is called first in every forked process, with its number from 0.

    Workers are forked at once, so this must be called before the process starts threads or computes on a GPU. The
    workers end together with the iterator, at its end or when it is closed; they then have until their next check of
    `stopping`. They also end when this process ends, even if it is killed. `concurrent.futures` is not used because it
    can wait for ever for its workers after a second Ctrl-C.

    Raises `WorkerDied`, and every exception that `function` raises.
    """
    if workers == 1:
        return (function(item) for item in items)
    fork = multiprocessing.get_context("fork")
    crew: dict[Connection, BaseProcess] = {}
    for worker in range(workers):
        ours, theirs = fork.Pipe()
        crew[ours] = fork.Process(
            target=_work, args=(function, theirs, os.getpid(), partial(prepare, worker)), daemon=True
        )
        crew[ours].start()
        theirs.close()  # then the death of a worker is an end of file
    return _results(crew, iter(items))


def _results(crew: dict[Connection, BaseProcess], items: Iterator[Any]) -> Generator[Any]:
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
        # A second Ctrl-C must not leave workers behind.
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGHUP)}
        _end(list(crew.values()))
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(crew: list[BaseProcess]) -> None:
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


def _work(function: Callable[[Any], Any], pipe: Connection, parent: int, prepare: Callable[[], None]) -> None:
    """Answer every item with (result, None) or (None, error); the parent handles all signals but SIGTERM."""
    stopping.listen()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    prepare()
    with suppress(stopping.Stopped):
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
