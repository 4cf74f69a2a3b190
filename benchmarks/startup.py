"""Commands that only read, against a Python that does nothing."""

import os
import random
import subprocess
import sys
import tempfile

from benchmarks.measurement import Result, Row, Settings, at_most
from benchmarks.timing import MOST, Timings

BARE = "-c pass"
RULERS = (BARE, "-c 'import numpy'", "-c 'import hydra'", "-c 'import kanbench'")
QUICK_ANSWERS = ("--version", "--help", "list", "status", "help")
TOPICS = ("help bases", "help suites", "help optimizers")


def run(settings: Settings) -> Result:
    """Measure one row per command: the CPU time of the whole process, and its ratio to that of a bare Python."""
    with tempfile.TemporaryDirectory() as folder:
        work = {ruler: _python(ruler) for ruler in RULERS}
        work |= {
            f"kanbench {words}": ["-m", "kanbench", *words.split(), *[folder] * (words == "status")]
            for words in (*QUICK_ANSWERS, *TOPICS)
        }
        timings = _interleave(work, 1 if settings.quick else MOST)
    rows: list[Row] = [
        {
            "command": name if name.startswith("kanbench") else f"python {name}",
            "CPU time, s": timings.median(name),
            "over a bare Python": timings.ratio(name, BARE),
        }
        for name in work
    ]
    goals = [
        at_most(f"CPU time of {what}", limit, {words: timings.median(f"kanbench {words}") for words in asked}, " s")
        for what, limit, asked in (("--help, list and status", 0.5, QUICK_ANSWERS), ("help by topic", 1.0, TOPICS))
    ]
    notes = ["user and system time of a process of its own, bytecode compiled before; status reads an empty folder"]
    return Result({"startup": rows}, goals, notes, [{"work": k, "seconds": v} for k, v in timings.seconds.items()])


def _python(ruler: str) -> list[str]:
    """Return the words after `python` of a ruler, -c and its statement."""
    return ["-c", ruler.removeprefix("-c ").strip("'")]


def _interleave(work: dict[str, list[str]], rounds: int) -> Timings:
    """Time every command once per round, in a new order each round, after a round that compiles the bytecode."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for i in range(rounds + 1):
        for name in random.Random(i).sample(list(work), len(work)):
            used = cpu_seconds(work[name])
            if i:
                seconds[name].append(used)
    return Timings(seconds)


def cpu_seconds(words: list[str]) -> float:
    """Run Python with these words, and return the user and system time that it took.

    Raises:
        RuntimeError: it ended with an exit code other than 0.
    """
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"python {' '.join(words)} ended with exit code {process.returncode}")
    return used.ru_utime + used.ru_stime
