"""`submit WORDS`: a run as a Slurm array that needs nobody to wait for it. Imports no torch.

Every job of the array does one shard of the run, by the same words. A job that is preempted or requeued goes on by
itself; one that comes near its time limit stops, saved, and asks to be queued again.
"""

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from kanbench.store.plan import MOST_SHARDS
from kanbench.workers.stopping import GRACE

DEFAULTS = {"time": "04:00:00", "cpus-per-task": "4", "mem": "8G"}
OURS = ("array", "output", "error", "open-mode", "requeue", "signal", "chdir", "ntasks", "nodes")
PASSED_ON = ("config-dir", "config-name")  # flags of the run
SILENT = ("cfg", "info", "resolve", "package", "hydra-help", "run", "config-path", "shell-completion")
AHEAD = 120  # seconds before the time limit at which a job stops
MULTIRUN = ("-m", "--multirun")
MOST_LIVES = 100  # of a job: one that never comes to an end has a fault


class SubmitError(ValueError):
    """A submission that cannot be made; one sentence."""


@dataclass(frozen=True)
class Submission:
    """words: of the run.   options: of sbatch, without their dashes.   setup: shell lines that come first in a job."""

    words: tuple[str, ...]
    jobs: int = 1
    options: tuple[tuple[str, str], ...] = ()
    setup: tuple[str, ...] = ()
    is_dry: bool = False

    @classmethod
    def parse(cls, words: list[str]) -> "Submission":
        """Raises `SubmitError` for an option that cannot be."""
        options, setup, rest, is_dry, jobs = dict(DEFAULTS), [], [], False, "1"
        for word in words:
            name, _, value = word.partition("=")
            if not word.startswith("-") or word in MULTIRUN or name.removeprefix("--") in PASSED_ON:
                rest.append(word)
            elif not word.startswith("--"):
                raise SubmitError(f"{word}: options of sbatch are written --name=value, as --partition=cpu")
            elif word == "--dry-run":
                is_dry = True
            elif name == "--setup":
                setup.append(value)
            elif name == "--jobs":
                jobs = value
            elif name.removeprefix("--") in OURS:
                raise SubmitError(f"{name}: submit sets it itself")
            elif name.removeprefix("--") in SILENT:
                raise SubmitError(f"{name}: belongs to a run, and submit does not take it")
            elif not re.fullmatch(r"--[a-z][a-z0-9-]*", name) or len(value.splitlines()) > 1:
                raise SubmitError(f"{word!r} is no option of sbatch: --name=value on one line, as --partition=cpu")
            else:
                options[name.removeprefix("--")] = value
        if not (jobs.isdecimal() and len(jobs) < 10 and 1 <= int(jobs) <= MOST_SHARDS):
            raise SubmitError(f"--jobs must be a positive integer up to {MOST_SHARDS:,}, got {jobs!r}")
        if not rest:
            raise SubmitError("submit: say what to run, as in submit experiment=feynman --jobs=8")
        if any(word.lstrip("+").startswith("shard=") for word in rest):
            raise SubmitError("shard: --jobs=N makes the shards")
        return cls(tuple(rest), int(jobs), tuple(options.items()), tuple(setup), is_dry)

    def script(self, logs: Path, here: Path) -> str:
        """For sbatch; output goes to `logs`, the jobs run in `here`.

        Raises `SubmitError` for a folder with a line break in its name, which no directive can hold.
        """
        log = str(logs / "%A_%a.log")
        if len(log.splitlines()) > 1:
            raise SubmitError(f"results: sbatch cannot write its logs to {str(logs)!r}, whose name has a line break")
        options = [("array", f"1-{self.jobs}"), ("output", log), ("signal", f"B:USR2@{AHEAD}"), *self.options]
        lines = "\n".join(f"#SBATCH --{name}" + (f"={shlex.quote(value)}" if value else "") for name, value in options)
        run = shlex.join([sys.executable, "-m", "kanbench", *self.words])
        return f"""#!/bin/bash
#SBATCH --job-name=kanbench
#SBATCH --open-mode=append
#SBATCH --requeue
{lines}
cd {shlex.quote(str(here))} || exit 1
{"".join(line + chr(10) for line in self.setup)}
job=${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID
stop() {{ kill -TERM $run 2>/dev/null; wait $run; }}   # within {GRACE:.0f} seconds, saved
again() {{
    stop
    [ "${{SLURM_RESTART_COUNT:-0}}" -lt {MOST_LIVES} ] || give_up "job $job had all of its {MOST_LIVES} lives"
    scontrol requeue "$job" || give_up "job $job cannot be queued again"
    exit 0
}}
give_up() {{ echo "kanbench: $1; what was finished is kept: the same words to submit go on" >&2; exit 1; }}
trap again USR2           # the time limit is near
trap 'stop; exit 143' TERM  # cancelled, preempted or requeued
{run} shard="$SLURM_ARRAY_TASK_ID/{self.jobs}" &
run=$!
wait $run
"""


def submit(script: str) -> str:
    """The number of the array job; raises `SubmitError`."""
    try:
        done = subprocess.run(["sbatch", "--parsable"], input=script, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise SubmitError("submit: no sbatch here; --dry-run prints the script") from error
    except subprocess.CalledProcessError as error:
        raise SubmitError(f"submit: {error.stderr.strip()}") from error
    job = done.stdout.strip().partition(";")[0]
    if not job.isdecimal():
        raise SubmitError(f"submit: sbatch gave no number of a job; it said {(done.stdout + done.stderr).strip()!r}")
    return job
