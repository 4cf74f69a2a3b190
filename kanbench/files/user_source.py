"""The source of a target, `file.py:Name` or `package.module:Name`: its files found and hashed without running them.

The source is the file that holds the name and, by its imports, the files beside it. The hash is that of their text and
knows no paths, so a moved file keeps its hash.
"""

import ast
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from types import TracebackType

from kanbench.errors import shown

INSTALLED = ("site-packages", "dist-packages")  # folders where a package has nothing to do with those beside it
LONGEST = 160  # characters of an error's own words
FORM = "must be file.py:Name or package.module:Name"


class TargetError(ValueError):
    """Error for a target that cannot be loaded; one sentence that begins with `target`."""


@dataclass(frozen=True)
class Source:
    """The source of a target, read and not run.

    Args:
        target: As it was given.
        file: The file that holds the name.
        root: The folder from which it imports the files beside it.
        module: Its dotted name below the root; "" if the target names a file.
        files: All files of the source by their dotted names below the root.
        imported: The names of the packages from elsewhere that they import, without the standard library.
    """

    target: str
    file: Path
    root: Path
    module: str
    files: dict[str, Path] = field(repr=False)
    imported: frozenset[str]

    @property
    def name(self) -> str:
        """The name that is looked up in the module."""
        return self.target.rpartition(":")[2]

    @cached_property
    def hash(self) -> str:
        """The hash of the text of all files, 24 hexadecimal digits; only names below the root are part of it."""
        named = (("" if path == self.file else name, text_of(path)) for name, path in self.files.items())
        texts = (hashlib.sha256(name.encode() + b"\n" + text).digest() for name, text in sorted(named))
        return hashlib.sha256(b"".join(texts)).hexdigest()[:24]

    def outside(self) -> list[str]:
        """Return the modules that were imported from folders of the user's own, whose text is not in the hash."""
        names = sorted(self.imported - packages_distributions().keys())
        files = {name: getattr(sys.modules.get(name), "__file__", None) for name in names}
        return [
            name for name, file in files.items() if file and not any(part in INSTALLED for part in Path(file).parts)
        ]

    @cached_property
    def late(self) -> frozenset[str]:
        """The names of its files that functions import, so that they are looked up when these run."""
        used = (each for name, path in self.files.items() for each in _imports(self.target, path, name, late=True))
        return frozenset(part for each in used for part in _prefixes(each) if part in self.files)

    def versions(self) -> dict[str, str]:
        """Return the versions of the packages that are imported from elsewhere, by the names of their distributions."""
        homes = packages_distributions()
        top = self.module.partition(".")[0]
        names = sorted({home for name in self.imported | {top} for home in homes.get(name, [])})
        found = {}
        for name in names:
            try:
                found[name] = version(name)
            except PackageNotFoundError:  # a distribution that is half removed
                continue
        return found


def read_source(target: str) -> Source:
    """Find the source of a target without running it.

    Raises:
        TargetError: The target is of another form, or its file or module is not there or is not Python.
    """
    place, _, name = target.rpartition(":")
    if not place or not name.isidentifier():
        raise TargetError(f"target {FORM}, got {shown(target)}")
    if place.endswith(".py"):
        file = Path(place).expanduser()
        if not file.is_file():
            raise TargetError(f"target {target}: there is no file {place}")
        file = file.resolve()
        return _source(target, file, file.parent, "")
    if not all(part.isidentifier() for part in place.split(".")):
        raise TargetError(f"target {FORM}, got {shown(target)}")
    return _source(target, *_find_module(target, place), place)


def _find_module(target: str, module: str) -> tuple[Path, Path]:
    """Return the file of a module and the folder that its package lies in, without running the package."""
    parts, path, root = module.split("."), [str(Path.cwd()), *sys.path], Path()
    for i in range(len(parts)):
        spec = PathFinder.find_spec(".".join(parts[: i + 1]), path)
        if spec is None:
            where = f"no module {parts[i]} in {'.'.join(parts[:i])}" if i else f"no module or package {parts[0]}"
            raise TargetError(f"target {target}: there is {where}")
        path = list(spec.submodule_search_locations or [])
        if i == 0:
            root = Path(path[0] if path else spec.origin or "").parent
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise TargetError(f"target {target}: {module} is no Python file, so its source cannot be hashed")
    return Path(spec.origin), root


def _source(target: str, file: Path, root: Path, module: str) -> Source:
    """Return a source with all files that it imports from its root."""
    top = module.partition(".")[0]
    is_installed = any(part in INSTALLED for part in root.parts)
    files, imported, waiting = dict[str, Path](), set[str](), [(module, file)]
    waiting += [(name, path) for name in _prefixes(module)[:-1] if (path := _file_of(name, root)) is not None]
    while waiting:
        name, path = waiting.pop()
        if name in files:
            continue
        files[name] = path
        for used in _imports(target, path, name):
            first = used.partition(".")[0]
            found = [(each, _file_of(each, root)) for each in _prefixes(used)]
            beside = [(each, own) for each, own in found if own is not None]
            if first == "kanbench" or not beside or (is_installed and first != top):
                imported.add(first)
            else:
                waiting += beside
    elsewhere = imported - sys.stdlib_module_names - {"kanbench", top} - {name.partition(".")[0] for name in files}
    return Source(target, file, root, module, files, frozenset(elsewhere))


def _prefixes(dotted: str) -> list[str]:
    """Return a.b.c as a, a.b, a.b.c: importing the last runs them all."""
    parts = dotted.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def _file_of(dotted: str, root: Path) -> Path | None:
    base = root.joinpath(*dotted.split("."))
    return next((path for path in (base / "__init__.py", base.with_name(f"{base.name}.py")) if path.is_file()), None)


def _imports(target: str, path: Path, name: str, *, late: bool = False) -> Iterator[str]:
    """Yield the dotted names of everything that a file may import, in functions too; of `late` imports, only there."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise TargetError(f"target {target}: {path.name} is not Python: {said_in(error, None, {path})}") from error
    except OSError as error:
        raise TargetError(f"target {target}: {path.name} cannot be read ({error.strerror})") from error
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    for node in (part for body in (functions if late else [tree]) for part in ast.walk(body)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level and package else []
            base = ".".join([*home, *([node.module] if node.module else [])])
            if base and (home or not node.level):
                yield from (f"{base}.{alias.name}" for alias in node.names)


def text_of(path: Path) -> bytes:
    """Return the text of a file; the ends of its lines make no difference."""
    return path.read_bytes().replace(b"\r\n", b"\n")


def said_in(error: BaseException, traceback: TracebackType | None, files: set[Path]) -> str:
    """Return an error in one line: its kind, its own words, and the last line of the source that it went through."""
    words = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    words = words if len(words) <= LONGEST else f"{words[:LONGEST]}.."
    where = f"line {error.lineno}" if isinstance(error, SyntaxError) else ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if Path(code.co_filename) in files:
            where = f"{Path(code.co_filename).name} line {traceback.tb_lineno}"
        traceback = traceback.tb_next
    return f"{type(error).__name__}{f': {words}' if words else ''}{f' ({where})' if where else ''}"
