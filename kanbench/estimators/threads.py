"""Threads of the estimators: small systems are solved fastest by one."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

FEWEST_FOR_TWO = 1e7  # rows x parameters, from which a fit is spread over torch's threads


@contextmanager
def threads_for(entries: float) -> Iterator[None]:
    """Keep torch to one thread within the block if the problem is small, and set its threads back afterwards.

    Threads save little on small matrices, and where other programs use the cores, the threads that wait for each other
    make a fit many times slower.

    Args:
        entries: rows x parameters.
    """
    before = torch.get_num_threads()
    if entries < FEWEST_FOR_TWO:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
