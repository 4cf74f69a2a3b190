"""Worker processes: cells are small and many, so one thread each on every core beats many threads on one cell."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerDied(RuntimeError):
    """A worker process was killed from outside; what it had finished is kept."""


def unordered(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """`function` of every item, as they finish; in this process if `workers` is 1.

    Workers are forked at once, which costs nothing, and so this must be called before the process starts threads or
    computes on a GPU. They end with this process, even if it is killed; Ctrl-C lets them finish the item in work.

    The iterator raises `WorkerDied`.
    """
    if workers == 1:
        return map(function, items)
    fork = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(workers, mp_context=fork, initializer=_follow, initargs=(os.getpid(),))
    return _results(pool, [pool.submit(function, item) for item in items])


def _results(pool: ProcessPoolExecutor, futures: list[Future[Result]]) -> Iterator[Result]:
    try:
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise WorkerDied("a worker process died, perhaps for lack of memory") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _follow(parent: int) -> None:
    """End this process when its parent has gone: a killed parent cannot tell its workers. Ctrl-C is the parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
