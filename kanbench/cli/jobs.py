"""The jobs that words make: one run, or all runs of a sweep."""

import hydra
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode

from kanbench.cli.words import Words

MULTIRUN = ("-m", "--multirun")


def jobs_of(words: Words) -> list[list[str]]:
    """Return the overrides of every run that words mean: one, or all that Hydra makes of a sweep.

    The caller has entered `words.composing()`.
    """
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
