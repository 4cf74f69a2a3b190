"""Work done side by side is the work done one by one."""

import os
import signal
import subprocess
import sys
import time

import pytest

from kanbench.workers.pool import WorkerDied, unordered


def square(number):
    if number < 0:
        raise ValueError(f"no root of {number}")
    return number * number


def die(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_item_has_one_result(workers):
    assert sorted(unordered(square, range(20), workers)) == [n * n for n in range(20)]
    assert list(unordered(square, [], workers)) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_function_is_raised(workers):
    with pytest.raises(ValueError, match="no root of -1"):
        list(unordered(square, [1, 2, -1], workers))


def test_a_dead_worker_is_noticed():
    with pytest.raises(WorkerDied):
        list(unordered(die, range(9), 2))


def test_work_is_done_side_by_side_and_workers_end_with_the_iterator():
    pids = unordered(pid_after_a_moment, range(100), 2)
    seen = {next(pids) for _ in range(6)}
    assert len(seen) == 2
    assert os.getpid() not in seen
    pids.close()
    for pid in seen:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def pid_after_a_moment(_):
    time.sleep(0.05)
    return os.getpid()


def test_fresh_workers_need_no_guard_and_take_functions_of_the_main_module(tmp_path):
    script = tmp_path / "main.py"
    script.write_text(
        "from kanbench.workers.pool import unordered\n"
        "offset = 3\n"
        "def shifted(x):\n    return x + offset\n"
        "print(sorted(unordered(lambda x: shifted(x) ** 2, range(4), 2, fresh=True)))\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[9, 16, 25, 36]\n", "")


def test_the_death_of_a_fresh_worker_and_its_errors_are_raised():
    with pytest.raises(WorkerDied):
        list(unordered(lambda x: os._exit(3), range(4), 2, fresh=True))
    with pytest.raises(ZeroDivisionError):
        list(unordered(lambda x: 1 // x, range(4), 2, fresh=True))
