"""`submit WORDS`: a run as a Slurm array that needs nobody to wait for it. Imports no torch.

Every job of the array does one shard of the run, by the same words. A job that is preempted or requeued goes on by
itself; one that comes near its time limit stops, saved, and asks to be queued again.
"""

import os
import re
import shlex
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kanbench.cli.command import Command
from kanbench.cli.output import complain
from kanbench.errors import UsageError, counted
from kanbench.store.plan import MOST_SHARDS
from kanbench.workers.stopping import GRACE

if TYPE_CHECKING:
    from kanbench.cli.words import Words

DEFAULTS = {"time": "04:00:00", "cpus-per-task": "4", "mem": "8G"}
OURS = ("array", "output", "error", "open-mode", "requeue", "signal", "chdir", "ntasks", "nodes")
PASSED_ON = ("config-dir", "config-name")  # flags of the run
SILENT = ("cfg", "info", "resolve", "package", "hydra-help", "run", "config-path", "shell-completion")
AHEAD = 120  # seconds before the time limit at which a job stops
MULTIRUN = ("-m", "--multirun")
MOST_LIVES = 100  # of a job: one that never comes to an end has a fault


@dataclass(frozen=True)
class Submission:
    """A run that is to be submitted.

    words: those of the run.
    options: those of sbatch, without their dashes.
    setup: lines of shell that come first in every job.
    """

    words: tuple[str, ...]
    jobs: int = 1
    options: tuple[tuple[str, str], ...] = ()
    setup: tuple[str, ...] = ()
    is_dry: bool = False

    @classmethod
    def of(cls, given: Namespace) -> "Submission":
        """Return the submission that the parsed arguments describe.

        Raises:
            UsageError: for an option that cannot be.
        """
        options, rest = dict(DEFAULTS), []
        for word in _with_values(given.words):
            name, _, value = word.partition("=")
            if not word.startswith("-") or word in MULTIRUN or name.removeprefix("--") in PASSED_ON:
                rest.append(word)
            elif not word.startswith("--"):
                raise UsageError(f"{word}: options of sbatch are written --name=value, as --partition=cpu")
            elif name.removeprefix("--") in OURS:
                raise UsageError(f"{name}: submit sets it itself")
            elif name.removeprefix("--") in SILENT:
                raise UsageError(f"{name}: belongs to a run, and submit does not take it")
            elif not re.fullmatch(r"--[a-z][a-z0-9-]*", name) or len(value.splitlines()) > 1:
                raise UsageError(f"{word!r} is no option of sbatch: --name=value on one line, as --partition=cpu")
            else:
                options[name.removeprefix("--")] = value
        jobs = given.jobs
        if not (jobs.isdecimal() and len(jobs) < 10 and 1 <= int(jobs) <= MOST_SHARDS):
            raise UsageError(f"--jobs must be a positive integer up to {MOST_SHARDS:,}, got {jobs!r}")
        if not rest:
            raise UsageError("submit: say what to run, as in submit experiment=feynman --jobs 8")
        if any(word.lstrip("+").startswith("shard=") for word in rest):
            raise UsageError("shard: --jobs=N makes the shards")
        return cls(tuple(rest), int(jobs), tuple(options.items()), tuple(given.setup), given.dry_run)

    def script(self, logs: Path, here: Path) -> str:
        """Return the script for sbatch; output goes to `logs`, the jobs run in `here`.

        Raises:
            UsageError: for a folder with a line break in its name, which no directive can hold.
        """
        log = str(logs / "%A_%a.log")
        if len(log.splitlines()) > 1:
            raise UsageError(f"results: sbatch cannot write its logs to {str(logs)!r}, whose name has a line break")
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


def _with_values(words: list[str]) -> Iterator[str]:
    """Join `--name value` to `--name=value`, for options of sbatch: a value has no `=` in it and no dash before it."""
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        is_option = word.startswith("--") and "=" not in word and word not in MULTIRUN
        if is_option and word.removeprefix("--") not in PASSED_ON and waiting and re.match(r"[^-~=][^=]*$", waiting[0]):
            word = f"{word}={waiting.pop(0)}"
        yield word


def submit(script: str) -> str:
    """Hand a script to sbatch and return the number of the array job; raises `UsageError`."""
    try:
        done = subprocess.run(["sbatch", "--parsable"], input=script, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise UsageError("submit: no sbatch here; --dry-run prints the script") from error
    except subprocess.CalledProcessError as error:
        raise UsageError(f"submit: {error.stderr.strip()}") from error
    job = done.stdout.strip().partition(";")[0]
    if not job.isdecimal():
        raise UsageError(f"submit: sbatch gave no number of a job; it said {(done.stdout + done.stderr).strip()!r}")
    return job


def _check(words: "Words") -> Path:
    """Return the folder of all runs; raises the error of the first run that could not begin."""
    import hydra

    from kanbench.cli.jobs import jobs_of
    from kanbench.config.read import read_config

    with words.composing():
        for job in jobs_of(words):
            node = hydra.compose(words.name, job)
            if "system" in node:
                raise UsageError("submit: a system is one process and has no shards; run it without submit")
            read_config(node, elsewhere=True)
    return Path(node.results)


def add(parser: ArgumentParser) -> None:
    """Add the options that are not those of sbatch."""
    parser.add_argument("--jobs", metavar="N", default="1", help="Slurm jobs that share the cells; 1 by default")
    parser.add_argument(
        "--setup",
        metavar="LINE",
        action="append",
        default=[],
        help="a line of shell that comes first in every job, as 'module load python'; may be repeated",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the script, and submit nothing; --dry-run without submit says what is trained",
    )


def submit_words(given: Namespace) -> int:
    """Submit a run as an array of Slurm jobs, once its words are known to be good."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from kanbench.errors import ConfigError

    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us instead of being printed in Hydra's way
    try:
        return _submit(Submission.of(given))
    except (ConfigError, HydraException, OmegaConfBaseException, OSError, ValueError) as error:
        return complain(error)


def _submit(submission: Submission) -> int:
    from kanbench.cli.words import Words

    words = Words.parse(list(submission.words))
    results = _check(words)
    logs = results / "slurm"
    script = replace(submission, words=tuple(words)).script(logs, Path.cwd())
    if submission.is_dry:
        print(script)
        return 0
    logs.mkdir(parents=True, exist_ok=True)  # Slurm does not
    job = submit(script)
    print(f"submitted {counted(submission.jobs, 'job')} as array job {job}; nobody needs to wait")
    print(f"logs      {logs}/{job}_*.log")
    print(f"status    python -m kanbench status {shlex.quote(str(results))}")
    print(f"stop      scancel {job}   (what is finished is kept: the same command goes on)")
    return 0


COMMAND = Command(
    line="submit a run, or a sweep, as an array of Slurm jobs; nobody needs to wait",
    run=submit_words,
    add=add,
    usage="WORDS [--jobs N] [--setup LINE ...] [--dry-run] [--OPTION VALUE ...]",
    more="WORDS are those of any run, or of a sweep. --OPTION VALUE is any option of sbatch, such as --partition cpu; "
    "a value with = in it is written --OPTION=VALUE. Without others, --time 04:00:00 --cpus-per-task 4 --mem 8G.",
    takes_words=True,
)
