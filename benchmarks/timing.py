"""Interleaved timing, and the peak memory of a step."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch._C._profiler import _EventType
from torch.profiler import ProfilerActivity, profile
from torch.profiler._utils import traverse_dfs

from benchmarks.measurement import Settings

SAMPLE = 0.02  # least seconds of one sample: hundreds of clock ticks, and caches are warm again after a rival
MOST = 31  # rounds


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch, and the libraries below NumPy and SciPy, to one thread within the block."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(threads)


def clock(device: torch.device) -> float:
    """Return the time in seconds after the device has finished all work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


class Stopwatch:
    """A stopwatch that adds up the times between `start` and `stop`."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.seconds = device, 0.0

    def start(self) -> None:
        self.started = clock(self.device)

    def stop(self) -> None:
        self.seconds += clock(self.device) - self.started


@dataclass(frozen=True)
class Timings:
    """Seconds per call of each contender, one number per round."""

    seconds: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        return float(np.median(self.seconds[name]))

    def ratio(self, name: str, to: str) -> float:
        """Return the median of the ratios within each round, which cancels slow rounds."""
        return float(np.median(np.divide(self.seconds[name], self.seconds[to])))


def interleave(work: Mapping[str, Callable[[], object]], settings: Settings) -> Timings:
    """Time every contender once per round, in a new order each round, after a warm-up.

    A contender that is faster than `SAMPLE` is repeated within its sample. The number of rounds depends on the time
    that the settings allow, between their smallest number and `MOST`.
    """
    device = settings.device
    repeats, cost = {}, 0.0
    for name, call in work.items():
        call()
        once = _sample(call, 1, device)
        repeats[name] = max(1, round(SAMPLE / once))
        cost += once * repeats[name]
    rounds = min(max(int(settings.budget / cost), settings.fewest_rounds), MOST)
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for i in range(rounds):
        for name in random.Random(i).sample(list(work), len(work)):
            seconds[name].append(_sample(work[name], repeats[name], device))
    return Timings(seconds)


def _sample(call: Callable[[], object], repeats: int, device: torch.device) -> float:
    started = clock(device)
    for _ in range(repeats):
        call()
    return (clock(device) - started) / repeats


def peak_bytes(call: Callable[[], object], device: torch.device) -> int:
    """Return the bytes of tensors that live at the peak of a call, beyond those that lived before it.

    On the CPU the allocations and releases of torch's allocator are replayed from its profiler.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        return torch.cuda.max_memory_allocated(device) - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        call()
    roots = profiler.profiler.kineto_results.experimental_event_tree()
    events = [event for event in traverse_dfs(roots) if event.tag == _EventType.Allocation]
    live: dict[int, int] = {}  # by address; a release of memory allocated before the call is not counted
    now = peak = 0
    for event in sorted(events, key=lambda event: event.start_time_ns):
        change, address = event.extra_fields.alloc_size, event.extra_fields.ptr
        if change > 0:
            live[address] = change
        now += change if change > 0 else -live.pop(address, 0)
        peak = max(peak, now)
    return peak
