"""GPUs by the names that CUDA_VISIBLE_DEVICES gives them, one for each worker process."""

import os
from collections.abc import Sequence

VARIABLE = "CUDA_VISIBLE_DEVICES"


def visible_gpus() -> tuple[str, ...]:
    """Names of the GPUs that this process sees. CUDA does not start where NVML counts them: workers may be forked."""
    import torch  # what only reads results runs without it

    return names(os.environ.get(VARIABLE), torch.cuda.device_count())


def names(visible: str | None, count: int) -> tuple[str, ...]:
    """Of the first `count` GPUs that `visible`, a value of CUDA_VISIBLE_DEVICES, lists: numbers, or ids as GPU-8f2a;
    all by number if it is None."""
    listed = map(str, range(count)) if visible is None else map(str.strip, visible.split(","))
    return tuple(listed)[:count]


def device_of(worker: int, gpus: Sequence[str]) -> str:
    """The GPU of a worker, in turn: with 4 workers on GPUs 2 and 5 they are 2, 5, 2, 5."""
    return gpus[worker % len(gpus)]


def pin(gpus: Sequence[str], worker: int) -> None:
    """Let this process see the GPU of its worker alone; without effect once CUDA has started."""
    if gpus:
        os.environ[VARIABLE] = device_of(worker, gpus)
