"""The words of a run, handed to Hydra: a comparison or a system, or a sweep. Heavy imports wait until there is work."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import hydra
from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from kanbench.cli.output import Lasting, complain
from kanbench.cli.word_checks import check_words_beside_system
from kanbench.cli.words import PRIMARY, Words, of_job
from kanbench.config.options import CONF
from kanbench.errors import UsageError
from kanbench.run.sweep import SweepSummary, remove_empty
from kanbench.workers import stopping

KEPT = "everything that was finished is kept: the same command goes on from here"
DRY_RUN = "--dry-run"
entered, status = False, 0


@hydra.main(version_base="1.3", config_path=str(CONF), config_name=PRIMARY)
def run_job(node: DictConfig) -> None:
    """Do one Hydra job: a run. Its exit code is kept in `status`."""
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
    except (ConfigError, UsageError, OmegaConfBaseException) as error:
        remove_empty(Path(job.runtime.output_dir))
        sys.exit(complain(error))
    except OSError as error:
        sys.exit(_complain_of_files(error))  # here, or Hydra would say it as well
    except WorkerDied as error:
        _say_what_is_kept(str(error))
        sys.exit(1)


def _say_what_is_kept(reason: str) -> None:
    """Print one sentence to stderr, unless the terminal is gone."""
    with suppress(OSError):
        print(f"kanbench: {reason}; {KEPT}", file=sys.stderr, flush=True)


def _complain_of_files(error: OSError) -> int:
    """Say in one sentence what the operating system refused to a run that had begun; return the exit code."""
    remove_empty()
    where = f"{error.filename}: " if error.filename else ""
    _say_what_is_kept(f"{where}{error.strerror or error}")
    return 2


def _run(node: DictConfig, job: HydraConf, folder: Path) -> int:
    """Run a comparison, or the system that the config names; return the exit code."""
    command = ["python", "-m", "kanbench", *of_job(job)]
    if job.mode is RunMode.MULTIRUN:
        print(f"\njob {job.job.num + 1} of the sweep: {' '.join(job.overrides.task)}", flush=True)
    if "system" not in node:
        from kanbench.config.read import read_config
        from kanbench.run.running import run

        return run(read_config(node), command, folder)
    from kanbench.config.read import read_system
    from kanbench.systems.run import run_system

    check_words_beside_system(job.overrides.task)
    return run_system(read_system(node), command, folder)


def _plan(words: list[str]) -> int:
    """Print what the words would train; return the exit code."""
    from kanbench.cli.dry_run import dry_run
    from kanbench.errors import ConfigError

    try:
        return dry_run(words)
    except (ConfigError, UsageError, HydraException, OmegaConfBaseException, YAMLError, OSError, ValueError) as error:
        return complain(error)
    except KeyboardInterrupt:
        return 130


def run_words(words: list[str]) -> int:
    """Run what the words say, Hydra's flags included; return the exit code."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us instead of being printed in Hydra's way
    if DRY_RUN in words and not {"--help", "-h"} & {*words}:
        return _plan([word for word in words if word != DRY_RUN])
    try:
        given = Words.parse(words)
        if given.remark:
            print(f"kanbench: {given.remark}", file=sys.stderr)
        sys.argv[1:] = given
        run_job()
    except (UsageError, HydraException, OmegaConfBaseException, YAMLError) as error:
        return complain(error)
    except OSError as error:
        if entered:
            return _complain_of_files(error)
        return complain(error)  # before that only Hydra has written: the folder of the job
    except ValueError as error:
        if entered:
            raise
        return complain(error)  # Hydra's about its flags
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
