"""The memory of a process: what it keeps, and what it gives back."""

import subprocess
import sys

import pytest

BLOCK = 64 * 2**20
FAULTS = f"""
import resource, sys, torch
from kanbench.cells.cost import keep_freed_memory
if "keep" in sys.argv:
    keep_freed_memory()
for _ in range(3):  # take and free
    torch.ones({BLOCK // 4})
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones({BLOCK // 4})
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*words):
    run = subprocess.run([sys.executable, "-c", FAULTS, *words], capture_output=True, text=True, check=True)
    return int(run.stdout)


@pytest.mark.skipif("linux" not in sys.platform, reason="glibc's allocator")
def test_freed_blocks_are_taken_again_without_new_pages():
    pages = BLOCK // 4096
    assert faults("keep") < pages / 100
