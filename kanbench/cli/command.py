"""A command, and the one parser that reads all of them.

A new command is a file in this folder that defines `COMMAND`; its name is the name of the file. Every such file is
imported to build the parser, so it imports what takes long to import (torch, pandas, Hydra) only where it needs it.
"""

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import kanbench.cli
from kanbench import __version__
from kanbench.errors import UnknownName, UsageError

PROGRAM = "python -m kanbench"


def nothing(parser: ArgumentParser) -> None:
    """Add no argument."""


@dataclass(frozen=True)
class Command:
    """One word of the command line and what follows it.

    line: what the command does, in one line; it is printed by --help.
    run: takes the parsed arguments and returns the exit code. It raises `UsageError` for words that cannot be run.
    add: adds the arguments to the parser of the command.
    usage: the arguments as the help shows them, where the parser's own summary would not say enough.
    more: a sentence below the arguments in the help.
    takes: the sentence for missing and superfluous words, without the name of the command before it.
    synonyms: names of options that may also be written name=value.
    takes_words: words that the parser does not know are those of a run. `run` finds them, in order, as `words`.
    """

    line: str
    run: Callable[[Namespace], int]
    add: Callable[[ArgumentParser], None] = nothing
    usage: str | None = None
    more: str = ""
    takes: str = ""
    synonyms: tuple[str, ...] = ()
    takes_words: bool = False


def add_config_dir(parser: ArgumentParser) -> None:
    """Add the folder of the user's own configs."""
    parser.add_argument("--config-dir", metavar="DIR", help="a folder of config files of your own, beside ours")


class Parser(ArgumentParser):
    """A parser whose errors are `UsageError`, in one sentence."""

    takes = ""

    @property
    def command(self) -> str:
        """The word that the parser belongs to."""
        return self.prog.rpartition(" ")[2]

    @property
    def options(self) -> list[str]:
        """The long options."""
        return [name for action in self._actions for name in action.option_strings if name.startswith("--")]

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`; argparse would print the usage as well."""
        if self.takes and message.startswith("the following arguments are required"):
            raise UsageError(f"{self.command} {self.takes}")
        raise UsageError(f"{self.command}: {message}")


def commands() -> dict[str, Command]:
    """Return every command by its name, in alphabetical order: each file of this folder that defines `COMMAND`."""
    paths = (path for folder in kanbench.cli.__path__ for path in Path(folder).glob("*.py"))
    names = sorted(path.stem for path in paths if "\nCOMMAND = " in path.read_text(encoding="utf-8"))
    return {name: import_module(f"kanbench.cli.{name}").COMMAND for name in names}


def parsers(known: dict[str, Command]) -> tuple[Parser, dict[str, Parser]]:
    """Return the parser of the command line, and those of its commands by name."""
    whole = Parser(prog=PROGRAM, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)
    whole.add_argument("--version", action="version", version=f"kanbench {__version__}")
    whole.add_argument(
        "--completion", action="store_true", help='print the completion for bash: eval "$(kanbench --completion)"'
    )
    places = whole.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    each = {}
    for name, command in known.items():
        usage = command.usage if command.usage is None else f"{PROGRAM} {name} {command.usage}"
        parser = places.add_parser(
            name,
            help=command.line,
            description=command.line,
            usage=usage,
            epilog=command.more,
            allow_abbrev=not command.takes_words,
        )
        parser.takes = command.takes
        parser.set_defaults(parser=parser)
        command.add(parser)
        each[name] = parser
    return whole, each


def perform(name: str, *words: str) -> int:
    """Run the command `name` with the words after it, and return its exit code.

    Raises:
        UsageError: for words that the command cannot run.
    """
    try:
        given = parse(name, *words)
    except SystemExit:  # --help has printed what it has to say
        return 0
    return commands()[name].run(given)


def parse(name: str, *words: str) -> Namespace:
    """Return the arguments of the command `name`.

    Raises:
        SystemExit: for --help, after it was printed.
        UsageError: for words that the command does not know.
    """
    known = commands()
    command, (whole, each) = known[name], parsers(known)
    given, rest = whole.parse_known_args([name, *_with_dashes(command, words)])
    if command.takes_words:
        given.words = rest
    elif rest:
        raise _superfluous(rest[0], command, each[name])
    return given


def _with_dashes(command: Command, words: Iterable[str]) -> list[str]:
    """Return the words with --name=value in place of name=value where the name is that of an option.

    The first word names a folder or a study, and a word after --name is its value; both stay as they are.
    """
    dashed: list[str] = []
    before = ""
    for i, word in enumerate(words):
        key, _, value = word.partition("=")
        is_value = before.startswith("--") and "=" not in before
        dashed.append(f"--{key}={value}" if i and key in command.synonyms and not is_value else word)
        before = word
    return dashed


def _superfluous(word: str, command: Command, parser: Parser) -> UsageError:
    key, equals, _ = word.partition("=")
    if word.startswith("-"):
        return UsageError(f"{parser.command}: {UnknownName('option', key, parser.options)}")
    if command.synonyms and equals:
        return UsageError(f"{parser.command}: {UnknownName('key', key, command.synonyms)}")
    if command.takes:
        return UsageError(f"{parser.command} {command.takes}")
    return UsageError(f"{parser.command}: {word!r} is not of the form key=value")
