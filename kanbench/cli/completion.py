"""Answers to completion.bash: the words that could come next on a line that is being typed."""

import os
import re
import sys
from pathlib import Path

from kanbench.cli.command import commands, parsers

FLAGS = ("-sc", "--shell-completion")
SCRIPT = Path(__file__).parent / "completion.bash"  # what eval "$(kanbench --completion)" runs


def complete(words: list[str]) -> int:
    """Print the words that could complete `COMP_LINE`: commands, their options, and what Hydra knows of a run.

    Args:
        words: the flag of Hydra and its query, such as `-sc query=bash`.
    """
    known = commands()
    program, *given = os.environ.get("COMP_LINE", "").split(" ")
    typed = given[-1] if given else ""
    command = known.get(given[0]) if len(given) > 1 else None
    options = list(known) if len(given) == 1 else parsers(known)[1][given[0]].options if command else []
    print(" ".join(option for option in options if option.startswith(typed)), flush=True)
    if command and not command.takes_words:
        return 0
    from kanbench.cli.job import run_job

    line = " ".join([program, *given[1:]] if command else [program, *given])
    os.environ |= {"COMP_LINE": line, "COMP_POINT": str(len(line)), "HYDRA_FULL_ERROR": "1"}
    sys.argv[1:] = [*_config_dir(given[:-1]), *words]
    run_job()
    return 0


def _config_dir(typed: list[str]) -> list[str]:
    """Return the flag that names a folder of the user's own configs, if the line has one and the folder exists."""
    flag = re.search(r"(?:^|\s)(?:--config-dir|-cd)[ =](\S+)", " ".join(typed))
    folder = Path(flag[1]).expanduser() if flag else None
    return [f"--config-dir={folder}"] if folder and folder.is_dir() else []
