"""User code: runs the source of a target and returns what its name stands for. Imports no torch.

A target is `file.py:Name` or `package.module:Name`, see `user_source`; only `load_target` runs code.
"""

import importlib
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from kanbench.errors import UnknownName, UsageError, shown
from kanbench.files.from_text import TextLoader, imported_from_text
from kanbench.files.user_source import INSTALLED, Source, TargetError, read_source, said_in, text_of

OF_TARGETS = "kanbench_target_"  # how the names of modules begin that files are run under


@dataclass(frozen=True)
class Loaded:
    """A target that was run: the thing that it names, and the hash of its source."""

    target: str
    thing: Callable[..., Any]
    hash: str
    source: Source = field(repr=False)


_loaded: dict[tuple[str, str], Loaded] = {}  # by name and hash
_texts: dict[Path, bytes] = {}  # of the files that were run


def load_target(target: str) -> Loaded:
    """Run the source of a target as `python file.py` would, and return what its name stands for.

    A source that was loaded before by this process is not run again unless its text has changed.

    Raises:
        TargetError: The file or module is not there, does not run (with its own message and line), has no such name,
            or the name stands for something that cannot be called.
    """
    source = read_source(target)
    known = _loaded.get((source.name, source.hash))
    if known is not None and known.source.file == source.file:
        return known
    _forbid_mixing(source)
    module = _run(source)
    if not hasattr(module, source.name):
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        unknown = UnknownName("name", source.name, names) if names else "it defines no class and no function"
        raise TargetError(f"target {target}: {unknown}")
    thing = getattr(module, source.name)
    if not callable(thing):
        raise TargetError(f"target {target}: must be a class or a function, got {shown(thing)}")
    _loaded[source.name, source.hash] = loaded = Loaded(target, thing, source.hash, source)
    return loaded


def load_targets(command: str, targets: Iterable[str]) -> None:
    """Run the code of targets for a command. Raises `UsageError`, which the name of the command begins."""
    for target in targets:
        try:
            load_target(target)
        except TargetError as error:
            raise UsageError(f"{command}: {error}") from error


def loaded_before(name: str, hash: str) -> Loaded | None:
    """Return what this process has loaded under a name from a source of this hash, or None. It runs no code."""
    return _loaded.get((name, hash))


def _forbid_mixing(source: Source) -> None:
    """Refuse a source whose functions would import a file of a source that was loaded before, in place of their own."""
    for other in {id(each.source): each.source for each in _loaded.values()}.values():
        for name in sorted((source.late | other.late) & source.files.keys() & other.files.keys()):
            mine, theirs = source.files[name], other.files[name]
            if mine != theirs and text_of(mine) != _texts[theirs]:
                raise TargetError(
                    f"target {source.target}: {other.target} has another module {name}, and a function imports it; "
                    "give one of the two files another name, or import it at the top of the file"
                )


def _run(source: Source) -> ModuleType:
    """Import the file of a source with its root first on the path, where it stays for imports inside functions."""
    _forbid_hiding(source)
    _forget_others(source)
    _texts.update({path: text_of(path) for path in source.files.values()})
    root = str(source.root)
    is_installed = any(part in INSTALLED for part in source.root.parts)  # they are large, and nobody edits them
    edited = {} if is_installed else {name: path for name, path in source.files.items() if name}
    with (
        _first_on_path(root if source.module == "" else str(Path.cwd())),
        _as_before(source),
        imported_from_text(edited),
    ):
        try:
            return importlib.import_module(source.module) if source.module else _run_file(source)
        except (Exception, SystemExit) as error:
            said = said_in(error, error.__traceback__, set(source.files.values()))
            hint = "; name it as package.module:Name" if "relative import" in said and not source.module else ""
            raise TargetError(f"target {source.target}: {source.file.name} does not run: {said}{hint}") from error


def _run_file(source: Source) -> ModuleType:
    """Run a file under a name of its own: its stem may be that of a package, such as kan.py."""
    name = f"{OF_TARGETS}{source.hash[:12]}"
    spec = spec_from_file_location(name, source.file, loader=TextLoader(name, str(source.file)))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _first_on_path(folder: str) -> Iterator[None]:
    """Put a folder first on the path for the block, and leave it there, at the end if it was not there before."""
    before = folder in sys.path
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(folder)
        if not before:
            sys.path.append(folder)


@contextmanager
def _as_before(source: Source) -> Iterator[None]:
    """Run the block with the file as the only word of the command, and undo what it does to the process.

    The folder, the filters of warnings, and torch's default precision and gradient mode belong to all methods.
    """
    words, folder, torch = sys.argv, os.getcwd(), sys.modules.get("torch")
    state = (torch.get_default_dtype(), torch.is_grad_enabled()) if torch else None
    sys.argv = [str(source.file)]
    try:
        with warnings.catch_warnings():
            yield
    finally:
        sys.argv = words
        os.chdir(folder)
        if torch is None and (torch := sys.modules.get("torch")):
            state = (torch.float32, True)
        if torch and state:
            torch.set_default_dtype(state[0])
            torch.set_grad_enabled(state[1])


def _forbid_hiding(source: Source) -> None:
    """Raise `TargetError` for a file beside a target that would take the place of an installed package."""
    for name, path in source.files.items():
        file = getattr(sys.modules.get(name), "__file__", None) or ""
        is_of_python = name in sys.stdlib_module_names or any(part in INSTALLED for part in Path(file).parts)
        if name and not source.module and is_of_python and Path(file).resolve() != path.resolve():
            raise TargetError(f"target {source.target}: {path.name} beside it hides the package {name}; rename it")


def _forget_others(source: Source) -> None:
    """Forget modules of the same names that come from other folders, and all of its own if a text has changed."""
    changed = any(path in _texts and _texts[path] != text_of(path) for path in source.files.values())
    for name, path in source.files.items():
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if module is not None and (changed or (not source.module and file and Path(file).resolve() != path.resolve())):
            del sys.modules[name]


def said(error: BaseException, source: Source | None = None) -> str:
    """Return an error that the code of a source raised, in one line with the file and line in that source."""
    return said_in(error, error.__traceback__, set() if source is None else set(source.files.values()))
