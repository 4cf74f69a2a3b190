"""`check WORDS`: the contract of a model or a basis of one's own, without a training."""

import os
from argparse import Namespace

from yaml import YAMLError

from kanbench.cli.command import Command
from kanbench.cli.output import complain
from kanbench.errors import ConfigError, UsageError


def check(given: Namespace) -> int:
    """Print every check of the model, or of the basis, that the words name."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us instead of being printed in Hydra's way
    if not given.words:
        raise UsageError("check: say which model or basis, as in check model.target=my_kan.py:MyKAN")
    try:
        return _check(given.words)
    except (ConfigError, HydraException, OmegaConfBaseException, YAMLError) as error:
        return complain(error)


def _check(words: list[str]) -> int:
    import hydra
    from rich.console import Console

    from kanbench.cli.words import Words
    from kanbench.run.checking import check_basis, check_model

    group = "basis" if any(word.startswith(("basis=", "basis.")) for word in words) else "model"
    chosen = [] if any(word.startswith(f"{group}=") for word in words) else [f"{group}=own"]
    parsed = Words.parse([*chosen, *words])
    with parsed.composing():
        node = hydra.compose(parsed.name, list(parsed.overrides))
    (check_basis if group == "basis" else check_model)(node, Console(highlight=False, soft_wrap=True, markup=False))
    return 0


COMMAND = Command(
    line="check a model or a basis of your own: shape, seeds, rows, gradient; nothing is trained",
    run=check,
    usage="model.target=FILE:NAME | basis.target=FILE:NAME [WORDS]",
    more="WORDS are those of a run: data=.. gives the numbers of inputs and outputs, trainer.precision the precision.",
    takes_words=True,
)
