"""GPUs, by the names that CUDA_VISIBLE_DEVICES gives them, for worker processes."""

import os
from collections.abc import Sequence

VARIABLE = "CUDA_VISIBLE_DEVICES"


def visible_gpus() -> tuple[str, ...]:
    """Return the names of the GPUs that this process sees.

    NVML counts them, so CUDA does not start in this process and workers may still be forked.
    """
    import torch  # reading results must work without torch

    return names(os.environ.get(VARIABLE), torch.cuda.device_count())


def names(visible: str | None, count: int) -> tuple[str, ...]:
    """Return the names of the first `count` GPUs that CUDA_VISIBLE_DEVICES lists: numbers, or ids such as GPU-8f2a.

    `visible` is the value of the variable; if it is None, all GPUs are named by number.
    """
    listed = map(str, range(count)) if visible is None else map(str.strip, visible.split(","))
    return tuple(listed)[:count]


def device_of(worker: int, gpus: Sequence[str]) -> str:
    """Return the GPU of a worker, in turn: 4 workers on GPUs 2 and 5 get 2, 5, 2, 5."""
    return gpus[worker % len(gpus)]


def pin(gpus: Sequence[str], worker: int) -> None:
    """Let this process see only the GPU of its worker; this has no effect once CUDA has started."""
    if gpus:
        os.environ[VARIABLE] = device_of(worker, gpus)
