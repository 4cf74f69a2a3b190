"""CPU time of a process is that of its work and not of its sleep."""

import pytest

from benchmarks.startup import cpu_seconds


def test_only_the_processor_is_counted():
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    assert cpu_seconds(["-c", busy]) >= 0.3
    assert cpu_seconds(["-c", "import time; time.sleep(0.3)"]) < 0.25


def test_a_command_that_fails_is_no_measurement():
    with pytest.raises(RuntimeError, match="ended with exit code 3"):
        cpu_seconds(["-c", "raise SystemExit(3)"])
