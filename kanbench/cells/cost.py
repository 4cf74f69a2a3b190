"""The cost of a model: FLOPs as torch counts them, and the memory that a training takes."""

import ctypes
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # as glibc's malloc.h numbers them


def forward_flops(model: nn.Module, n_in: int) -> int:
    """FLOPs of one forward pass per row, by torch's counter: matrix products count, elementwise work does not.

    So the recurrences, sines and exponentials of a basis are free here, and B-spline's local polynomials are not.
    """
    rows = 8
    dtype = next(model.parameters()).dtype
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(rows, n_in, dtype=dtype))
    return counter.get_total_flops() // rows


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, where the C library can be told so.

    glibc gives large blocks back at once, and a training takes them anew at every step: with a thousand parameters a
    third of its time would go into pages fresh from the kernel. `peak_memory` gives back what is left between cells.
    """
    if hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, -1)


class PeakMemory:
    """Bytes that the process needed at its peak beyond what it held before."""

    def __init__(self) -> None:
        self.bytes = 0


@contextmanager
def peak_memory(device: torch.device) -> Iterator[PeakMemory]:
    """Measures a block: allocated memory on CUDA, resident memory on the CPU.

    On the CPU it is Linux's own account, to within some hundred kB; where the kernel does not let a process reset its
    peak, a block that stays under an earlier peak reads 0.
    """
    peak = PeakMemory()
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
    else:
        _reset_resident_peak()
        before = _resident("VmRSS")
    yield peak
    peak.bytes = max(0, (torch.cuda.max_memory_allocated(device) if on_gpu else _resident("VmHWM")) - before)


def _reset_resident_peak() -> None:
    """Give freed memory back first: what an earlier cell left in the heap would hide what this one takes."""
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _resident(field: str) -> int:
    """VmRSS (now) or VmHWM (peak) of this process, in bytes."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
