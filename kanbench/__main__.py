"""The entry: `python -m kanbench experiment=feynman basis=bspline`. Heavy imports wait until there is work."""

import os
import shlex
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import hydra
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.conf import HydraConf
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from kanbench.cli import commands as command_line
from kanbench.cli.output import Lasting, lasting
from kanbench.cli.submit import MULTIRUN, Submission, SubmitError, submit
from kanbench.cli.words import PRIMARY, Words, of_job
from kanbench.errors import counted
from kanbench.run.sweep import SweepSummary, remove_empty
from kanbench.workers import stopping

KEPT = "everything that was finished is kept: the same command goes on from here"
entered, status = False, 0


@hydra.main(version_base="1.3", config_path="../conf", config_name=PRIMARY)
def run_job(node: DictConfig) -> None:
    """One Hydra job: a run."""
    from kanbench.errors import ConfigError
    from kanbench.workers.pool import WorkerDied

    global entered, status
    entered = True
    Lasting.consequence = "the run goes on, and writes what it finds into its folder of results"
    job = HydraConfig.get()
    try:
        with stopping.listening():
            status = max(status, _run(node, job, Path(job.runtime.output_dir)))
    except stopping.Stopped as stop:
        _say_what_is_kept("stopped")
        sys.exit(128 + stop.number)
    except (ConfigError, command_line.UsageError, OmegaConfBaseException) as error:
        remove_empty(Path(job.runtime.output_dir))
        sys.exit(command_line.complain(error))
    except OSError as error:
        sys.exit(_complain_of_files(error))  # here, or Hydra would say it as well
    except WorkerDied as error:
        _say_what_is_kept(str(error))
        sys.exit(1)


def _say_what_is_kept(reason: str) -> None:
    """One sentence on stderr, unless the terminal is gone."""
    with suppress(OSError):
        print(f"kanbench: {reason}; {KEPT}", file=sys.stderr, flush=True)


def _complain_of_files(error: OSError) -> int:
    """One sentence about what the operating system refused to a run that had begun; the exit code."""
    remove_empty()
    where = f"{error.filename}: " if error.filename else ""
    _say_what_is_kept(f"{where}{error.strerror or error}")
    return 2


def _run(node: DictConfig, job: HydraConf, folder: Path) -> int:
    """A comparison, or the system that the config names."""
    command = shlex.join(["python", "-m", "kanbench", *of_job(job)])
    if "system" not in node:
        from kanbench.config.read import read_config
        from kanbench.run.running import run

        return run(read_config(node), command, folder)
    from kanbench.config.read import read_system
    from kanbench.systems.run import run_system

    command_line.check_words_beside_system(job.overrides.task)
    return run_system(read_system(node), command, folder)


def _jobs(words: Words) -> list[list[str]]:
    """The words of every run that is submitted: one, or all that Hydra makes of a sweep."""
    parser = OverridesParser.create(GlobalHydra.instance().config_loader())
    overrides = list(words.overrides)
    given = zip(overrides, parser.parse_overrides(overrides), strict=True)
    fixed = [word for word, override in given if not override.is_sweep_override()]
    composed = hydra.compose(words.name, fixed, return_hydra_config=True).hydra
    if not {*MULTIRUN} & {*words.flags} and composed.mode is not RunMode.MULTIRUN:  # which an experiment may set
        return [overrides]
    swept = [f"{key}={values}" for key, values in (composed.sweeper.params or {}).items()]
    (jobs,) = BasicSweeper.split_arguments(parser.parse_overrides([*swept, *overrides]), max_batch_size=None)
    return jobs


def _check(words: Words) -> Path:
    """The folder of all runs; raises the error of the first run that could not begin."""
    from kanbench.config.read import read_config

    with words.composing():
        for job in _jobs(words):
            node = hydra.compose(words.name, job)
            if "system" in node:
                raise SubmitError("submit: a system is one process and has no shards; run it without submit")
            read_config(node, elsewhere=True)
    return Path(node.results)


def _submit(words: list[str]) -> int:
    """A run as an array of Slurm jobs, once its words are known to be good."""
    from kanbench.errors import ConfigError

    try:
        submission = Submission.parse(words)
        readable = Words.parse(list(submission.words))
        results = _check(readable)
        logs = results / "slurm"
        script = replace(submission, words=tuple(readable)).script(logs, Path.cwd())
        if submission.is_dry:
            print(script)
            return 0
        logs.mkdir(parents=True, exist_ok=True)  # Slurm does not
        job = submit(script)
    except (ConfigError, SubmitError) as error:
        return command_line.complain(error)
    print(f"submitted {counted(submission.jobs, 'job')} as array job {job}; nobody needs to wait")
    print(f"logs      {logs}/{job}_*.log")
    print(f"status    python -m kanbench status {shlex.quote(str(results))}")
    print(f"stop      scancel {job}   (what is finished is kept: the same command goes on)")
    return 0


def main() -> int:
    """Exit code 0 if everything went well, 1 if a cell failed, 2 for words that cannot be run or a lost answer."""
    try:
        with lasting():
            return _main()
    finally:
        lost = None if Lasting.consequence else Lasting.lost
        if lost and not isinstance(lost, BrokenPipeError):  # whoever reads no more has read enough
            sys.exit(command_line.complain(command_line.UsageError(f"standard output: {lost.strerror}")))


def _main() -> int:
    words = sys.argv[1:]
    if not words:
        print(command_line.WHAT_NEXT)
        return 0
    if text := command_line.asked_for(words):
        print(text)
        return 0
    if words[0] in command_line.COMMANDS:
        return command_line.run_command(*words)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us instead of being printed in Hydra's way
    try:
        if words[0] == "submit":
            return _submit(words[1:])
        sys.argv[1:] = Words.parse(words)
        run_job()
    except (command_line.UsageError, HydraException, OmegaConfBaseException) as error:
        return command_line.complain(error)
    except OSError as error:
        if entered:
            return _complain_of_files(error)
        return command_line.complain(error)  # before that only Hydra has written: the folder of the job
    except ValueError as error:
        if entered:
            raise
        return command_line.complain(error)  # Hydra's about its flags
    except Exception as error:
        if not type(error).__module__.startswith("submitit"):
            raise
        what = str(error).strip().splitlines()[-1]
        print(f"kanbench: a job of the sweep ended without its result ({what}); {KEPT}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is on its way out
        _say_what_is_kept("stopped")
        return 130
    return max(status, SweepSummary.status)


if __name__ == "__main__":
    sys.exit(main())
