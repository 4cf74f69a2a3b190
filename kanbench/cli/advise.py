"""`advise WORDS`: which network to use for a table, found within a time."""

import os
import signal
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from yaml import YAMLError

from kanbench.cli.command import Command, add_config_dir
from kanbench.cli.output import complain
from kanbench.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from kanbench.advice import Request

TAKEN = ("data", "seeds", "first_seed", "budget", "optimizer", "search", "trainer", "logger", "retrain")
OURS = {  # words where the user says nothing else
    "data": "table",
    "model": "mlp",
    "baseline": "none",
    "vary": "initialization",
    "search": "shapes",
    "seeds": "3",
    "search.trials": "6",
    "search.least": "3",
    "budget.targets": "[100000]",  # of which every table has a network; the rows choose others
}
SET = ("data", "search")  # those that nothing else can be said of
FIXED = ("seeds", "search.trials", "search.least")
KEPT = "everything that was finished is kept: the same command goes on from here"


def add(parser: ArgumentParser) -> None:
    """Add the time and the folder."""
    parser.add_argument(
        "--minutes", type=float, default=10.0, metavar="N", help="the time that all may take, 10 by default"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="the folder, results/runs/advise/TABLE-TARGET by default"
    )
    add_config_dir(parser)


def advise(given: Namespace) -> int:
    """Advise on the table that the words name, and print the answer; return the exit code."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from kanbench.workers import stopping
    from kanbench.workers.pool import WorkerDied

    started = time.perf_counter()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us instead of being printed in Hydra's way
    try:
        with stopping.listening():
            _advise(given, started)
    except (ConfigError, HydraException, OmegaConfBaseException, YAMLError, OSError) as error:
        return complain(error)
    except stopping.Stopped as stop:
        print(f"kanbench: stopped; {KEPT}", file=sys.stderr)
        return 130 if stop.number == signal.SIGINT else 128 + stop.number
    except WorkerDied as error:
        print(f"kanbench: {error}; {KEPT}", file=sys.stderr)
        return 1
    return 0


def _advise(given: Namespace, started: float) -> None:
    _check(given.words)
    from rich.console import Console

    from kanbench.advice import advise_on

    advise_on(_request(given), Console(highlight=False, soft_wrap=True, markup=False), started)


def _check(words: list[str]) -> None:
    """Raise `UsageError` for words that the command sets itself, and for tasks that are no table."""
    for word in words:
        key, _, value = word.partition("=")
        if key.partition(".")[0] not in TAKEN:
            raise UsageError(f"advise: {word}: it takes --minutes, --out and words of {', '.join(TAKEN)} alone")
        if key in SET and value != OURS[key]:
            raise UsageError(f"advise: {word}: it works with {key}={OURS[key]}; leave the word out")


def _request(given: Namespace) -> "Request":
    """Return what the words ask. Raises `ConfigError` and `UsageError`."""
    from kanbench.advice import Request, folder_of
    from kanbench.config.read import read_config, read_tasks

    words, keys = given.words, {word.partition("=")[0] for word in given.words}
    flags = [f"--config-dir={given.config_dir}"] if given.config_dir else []
    if "budget" in keys:
        keys.add("budget.targets")
    ours = [f"{key}={value}" for key, value in OURS.items() if key not in keys]
    tasks = read_tasks(_composed([*flags, *ours, *(word for word in words if not word.startswith("optimizer"))]))
    loss = tasks[0].grading.loss
    optimizer = [] if "optimizer" in keys else [f"optimizer={'lm' if loss == 'mse' else 'lbfgs'}"]
    config = read_config(_composed([*flags, *ours, *optimizer, *words]))
    assert config.search is not None
    folder = given.out or folder_of(tasks[0])
    budgets = config.budgets if "budget.targets" in keys else None
    command = ("python", "-m", "kanbench", "advise", *words, f"--minutes={given.minutes:g}", f"--out={folder}")
    try:
        return Request(
            replace(config, folder=folder, name=folder.name),
            given.minutes,
            command,
            budgets,
            is_fixed=bool(keys & {*FIXED}),
            is_split="data.train" in keys,
        )
    except ValueError as error:
        raise UsageError(f"advise: --{error}") from error


def _composed(words: Iterable[str]) -> "DictConfig":
    import hydra

    from kanbench.cli.words import Words

    parsed = Words.parse(list(words))
    with parsed.composing():
        return hydra.compose(parsed.name, list(parsed.overrides))


COMMAND = Command(
    line="say which network to use for a table of your own, within a time, and save it fitted",
    run=advise,
    add=add,
    usage="data.path=my.csv data.target=y [--minutes N] [--out DIR] [WORDS]",
    more="WORDS are those of a run: data.inputs=[a,b], data.kind=classification, seeds=5, budget.targets=[100], "
    "trainer.workers=2. The same command with more minutes goes on where it ended.",
    synonyms=("minutes", "out"),
    takes_words=True,
)
