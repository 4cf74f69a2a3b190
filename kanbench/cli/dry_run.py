"""`WORDS --dry-run`: what a run, or every run of a sweep, would train, and the time that it may take."""

from pathlib import Path

import hydra

from kanbench.cli.jobs import jobs_of
from kanbench.cli.words import Words
from kanbench.config.read import read_config
from kanbench.errors import UsageError, counted, duration
from kanbench.run.dry_run import Forecast, forecast, lines
from kanbench.run.job import job_of

OTHERS = ("--cfg", "-c", "--info", "--hydra-help")  # flags that print something else


def dry_run(given: list[str]) -> int:
    """Print the plan of the words, and write nothing.

    Args:
        given: The words of a run, without the flag.

    Returns:
        0.

    Raises:
        UsageError: The words mean a system, or have a flag that prints something else.
        ConfigError: The run could not begin.
    """
    if other := next((word for word in given if word.partition("=")[0] in OTHERS), ""):
        raise UsageError(f"--dry-run: {other} prints something else; leave one of them out")
    words = Words.parse(given)
    found: list[Forecast] = []
    with words.composing():
        jobs = jobs_of(words)
        for number, job in enumerate(jobs, 1):
            if len(jobs) > 1:
                print(f"job {number} of {len(jobs)} of the sweep: {' '.join(job)}\n")
            found.append(_forecast(words, job, found))
            print("\n".join(lines(found[-1])) + "\n" * (len(jobs) > 1), flush=True)
    if len(jobs) > 1:
        n_cells = sum(len(each.missing) for each in found)
        seconds = sum(each.seconds(each.missing) for each in found)
        print(f"the whole sweep: {counted(n_cells, 'cell')} to train, about {duration(seconds)} of one core")
    return 0


def _forecast(words: Words, job: list[str], earlier: list[Forecast]) -> Forecast:
    node = hydra.compose(words.name, job)
    if "system" in node:
        raise UsageError("--dry-run: a system is one process without cells; run it without the flag")
    config = read_config(node)
    planned = job_of(config, ["python", "-m", "kanbench", *job], Path())
    before = {cell.key for each in earlier if each.job.results == planned.results for cell in each.missing}
    return forecast(planned, frozenset(before))
