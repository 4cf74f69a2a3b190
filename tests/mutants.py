"""Mutants: functions that answer nothing, or hand back their first argument. A test must notice each of them.

    python tests/mutants.py                       # all rooms: an hour of one core
    python tests/mutants.py analysis.answer rbf   # only functions whose name holds one of these words

Each mutant lives in a process of its own, which runs the tests of its room until the first failure. The last lines name
the mutants that survived; the exit code is 1 if there are any.
"""

import gc
import importlib
import inspect
import os
import pkgutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {
    "kanbench.bases": ["tests/bases"],
    "kanbench.data.metrics": ["tests/data/test_metrics.py"],
    "kanbench.analysis": ["tests/analysis", "tests/report"],
}
OPTIONS = ["-x", "-q", "-n", "0", *(f"-pno:{plugin}" for plugin in ("cacheprovider", "unraisableexception"))]
LONGEST = 600  # seconds; a mutant that never ends is noticed
PASSED, FAILED, INTERRUPTED, NO_TESTS = 0, 1, 2, 5  # pytest's exit codes


@dataclass(frozen=True)
class Target:
    """A function, a method or a property: where it hangs, and what hangs there."""

    owner: ModuleType | type
    name: str
    found: Any

    @property
    def function(self) -> FunctionType:
        """The function itself, without its decorator."""
        found = self.found.fget if isinstance(self.found, property) else self.found
        found = found.func if isinstance(found, cached_property) else found
        return inspect.unwrap(getattr(found, "__func__", found))

    @property
    def skipped_arguments(self) -> int:
        """The number of arguments that the caller does not write: `self` or `cls`."""
        return int(inspect.isclass(self.owner) and not isinstance(self.found, staticmethod))

    def __str__(self) -> str:
        where = self.owner.__name__ if isinstance(self.owner, ModuleType) else self.function.__module__
        return f"{where}.{self.function.__qualname__}".removeprefix("kanbench.")


def targets_of(module: ModuleType) -> Iterator[Target]:
    """Public functions and methods that are written in a module, and special methods as well."""
    for name, found in vars(module).items():
        if inspect.isclass(found) and found.__module__ == module.__name__:
            yield from (Target(found, each, value) for each, value in vars(found).items())
        elif not name.startswith("_"):
            yield Target(module, name, found)


def is_written_in(target: Target, module: ModuleType) -> bool:
    """Whether the target is a concrete function with a body in the file of the module."""
    try:
        function = target.function
    except (AttributeError, ValueError):
        return False
    private = target.name.startswith("_") and not target.name.endswith("__")
    return (
        isinstance(function, FunctionType)
        and not private
        and function.__code__.co_filename == module.__file__
        and not getattr(function, "__isabstractmethod__", False)
    )


def answer_nothing(*arguments: Any, **named: Any) -> None:
    """The mutant that returns None."""


def first_argument(skipped: int) -> Callable[..., Any]:
    """The mutant that returns the first argument that the caller wrote."""

    def mutant(*arguments: Any, **named: Any) -> Any:
        return next(iter([*arguments[skipped:], *named.values()]), None)

    return mutant


def mutate(target: Target, mutant: Callable[..., Any]) -> None:
    """Put the mutant in the place of the target, for everyone who has imported it before as well."""
    mutant.__signature__ = inspect.signature(target.function)  # type: ignore[attr-defined]
    if isinstance(target.owner, ModuleType):
        everywhere = [module for name, module in sys.modules.items() if name.startswith(("kanbench", "test_", "tests"))]
        for module in everywhere:
            for name, found in list(vars(module).items()):
                if found is target.found:
                    setattr(module, name, mutant)
        return
    decorator = type(target.found)
    decorated = mutant if decorator is FunctionType else decorator(mutant)
    if isinstance(decorated, cached_property):
        decorated.__set_name__(target.owner, target.name)
    setattr(target.owner, target.name, decorated)


def files_of(room: str) -> list[Path]:
    """The test files of a room."""
    return [file for place in ROOMS[room] for file in (sorted((ROOT / place).rglob("test_*.py")) or [ROOT / place])]


def by_mention(files: list[Path], target: Target) -> list[Path]:
    """The files in another order: those that name the target, or its class, most often come first."""
    words = [word for word in target.function.__qualname__.split(".") if not word.startswith("_")]
    return sorted(files, key=lambda file: -max(file.read_text(encoding="utf-8").count(word) for word in words))


def passes(files: list[Path], change: Callable[[], None] = lambda: None, only: str = "") -> bool:
    """Whether the tests in these files, or those that `-k only` selects, pass where `change` was called."""
    child = os.fork()
    if child == 0:
        signal.alarm(LONGEST)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        code = FAILED
        try:
            change()
            code = int(pytest.main([*OPTIONS, "-k", only, *map(str, files)]))
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (PASSED, FAILED, INTERRUPTED, NO_TESTS, -signal.SIGALRM):
        sys.exit(f"pytest ended with {code}: neither passed nor failed")
    return code in (PASSED, NO_TESTS)


def survives(target: Target, mutant: Callable[..., Any], files: list[Path]) -> bool:
    """Whether no test notices the mutant; those that name its module or mention it most are asked first."""
    change, files = partial(mutate, target, mutant), by_mention(files, target)
    return passes(files, change, target.function.__module__.rpartition(".")[2]) and passes(files, change)


def modules_of(room: str) -> list[ModuleType]:
    """The modules of a room, imported."""
    package = importlib.import_module(room)
    below = pkgutil.iter_modules(getattr(package, "__path__", []), f"{room}.")
    return [package, *(importlib.import_module(each.name) for each in below)]


def targets_in(room: str, words: list[str]) -> list[Target]:
    """The targets of a room whose name holds one of the words, all of them without words."""
    return [
        target
        for module in modules_of(room)
        for target in targets_of(module)
        if is_written_in(target, module) and (not words or any(word in str(target) for word in words))
    ]


def survivors_in(room: str, words: list[str]) -> list[str]:
    """The mutants of a room that no test notices; a line on the terminal for each mutant."""
    targets = targets_in(room, words)
    if not targets:
        return []
    files = files_of(room)
    pytest.main(["--collect-only", "-qq", *OPTIONS[1:], *map(str, files)])  # imports what all children share
    gc.freeze()  # or each child would copy all memory by looking through it for garbage
    if not passes(files):
        sys.exit(f"{room}: its tests fail without any mutant, so they can judge none")
    survived = []
    for target in targets:
        mutants: dict[str, Callable[..., Any]] = {"None": answer_nothing}
        if len(inspect.signature(target.function).parameters) > target.skipped_arguments:
            mutants["its first argument"] = first_argument(target.skipped_arguments)
        for answer, mutant in mutants.items():
            alive = survives(target, mutant, files)
            print(f"{'SURVIVED' if alive else 'noticed'}: {target} returns {answer}", flush=True)
            survived += [f"{target} returns {answer}"] * alive
    return survived


def main(words: list[str]) -> int:
    """The command."""
    survived = [each for room in ROOMS for each in survivors_in(room, words)]
    print(f"\n{len(survived)} survived", *survived, sep="\n  ")
    return int(bool(survived))


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
