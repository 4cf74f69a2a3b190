"""The README's main job, as a user runs it."""

import subprocess
import sys
import tempfile
import time

from benchmarks.measurement import Result, Settings, at_most
from kanbench.analysis import load_records


def run(settings: Settings) -> Result:
    """Measure the time of the whole command from an empty folder: start of Python, training, tables and figures."""
    command = ["experiment=smoke", "seeds=1"] if settings.quick else ["experiment=feynman", "basis=bspline"]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "kanbench", *command, f"results={folder}", f"hydra.run.dir={folder}/job",
             f"trainer.accelerator={settings.device.type}"],
            check=True, capture_output=True,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        trainings = len(load_records(folder))
    row = {"command": " ".join(command), "trainings": trainings, "seconds": seconds, "per second": trainings / seconds}
    return Result({"main job": [row]}, [at_most(f"main job, {trainings:,} trainings", 300.0, {"": seconds}, " s")])
