"""Provenance: the versions, commit, machine and code that numbers come from."""

import ast
import hashlib
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from kanbench import __version__

HERE = Path(__file__).parents[1]  # the package
ROOMS = ("bases", "models", "training", "data", "methods", "cells")  # rooms whose code determines the numbers of a cell
ROOTS = ("prepare", "fit", "grade_members")  # the start, the middle and the end of every training
PACKAGES = ("torch", "numpy", "scipy", "lightning", "hydra-core")


@cache
def commit() -> str:
    """Return the git commit of this checkout, with "+" if tracked files differ from it; "" outside a checkout.

    A wheel is installed outside of one, even where a repository holds the environment: git does not track its files.
    """

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(HERE), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


@cache
def environment() -> dict[str, str]:
    """Return the versions of the packages that the numbers depend on, and the kind of machine."""
    return {
        "kanbench": __version__,
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "machine": platform.machine(),
        "system": platform.system(),
    }


@cache
def code_of(kinds: frozenset[str], package: Path = HERE) -> str:
    """Return the hash of the code that computes the numbers of a cell described by dataclasses of these names.

    It covers the definitions that `kinds` and `ROOTS` need, directly or through each other, and only their syntax:
    comments, docstrings, imports, layout and the names of files make no difference.
    """
    known, waiting, needed = _definitions(package), [*ROOTS, *sorted(kinds)], set[str]()
    while waiting:
        if (name := waiting.pop()) not in needed and name in known:
            needed.add(name)
            waiting += [used for definition in known[name] for used in definition.uses]
    texts = sorted({definition.syntax for name in needed for definition in known[name]})
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Definition:
    """A function, a class or a constant of a module: its syntax as text, and the names that occur in it."""

    syntax: str
    uses: frozenset[str]


@cache
def _definitions(package: Path) -> dict[str, list[Definition]]:
    """Return all definitions by name; several modules may define the same name."""
    found: dict[str, list[Definition]] = {}
    for path in sorted(path for room in ROOMS for path in (package / room).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        real = {
            alias.asname: alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
            if alias.asname
        }
        for node in tree.body:
            uses = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            uses |= {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
            definition = Definition(_syntax(node), frozenset(real.get(name, name) for name in uses))
            for name in _defined(node):
                found.setdefault(name, []).append(definition)
    return found


def _defined(node: ast.stmt) -> Iterator[str]:
    """Return the names that a statement of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name))


def _syntax(part: object) -> str:
    """Return a syntax tree as text, the same in every version of Python; without docstrings, imports and positions."""
    if isinstance(part, list):
        return f"[{', '.join(_syntax(each) for each in part if not _is_silent(each))}]"
    if isinstance(part, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(part) if value not in (None, []))
        said = (f"{name}={_syntax(value)}" for name, value in fields if name not in ("ctx", "kind", "type_comment"))
        return f"{type(part).__name__}({', '.join(said)})"
    return repr(part)


def _is_silent(node: object) -> bool:
    """Return True for a docstring or an import."""
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return is_text or isinstance(node, ast.Import | ast.ImportFrom)
