"""Registries that are filled from a folder: a class is known by the name of its file."""

import ast
from functools import cache
from importlib import import_module
from inspect import isabstract
from pathlib import Path
from pkgutil import iter_modules
from typing import TypeVar

T = TypeVar("T")


def registered(package: str, base: type[T]) -> dict[str, type[T]]:
    """Find the classes of a package that extend `base`, by the names under which configs choose them.

    The name of a class is its attribute `word` if it has one of its own, else the name of its file. Abstract classes
    and imported ones are left out.

    Args:
        package: the dotted name of the package whose files are read.
        base: the class that its entries extend.

    Returns:
        Name to class, in alphabetical order of the files.
    """
    found: dict[str, type[T]] = {}
    for info in iter_modules(import_module(package).__path__):
        module = import_module(f"{package}.{info.name}")
        for value in vars(module).values():
            is_own = isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__
            if is_own and not isabstract(value):
                found[vars(value).get("word", info.name)] = value
    return found


@cache
def documented(folder: Path, base: str) -> dict[str, str]:
    """Read the docstrings of the classes that `registered` finds, from the source alone: nothing is imported.

    Abstract classes are among them, because a reader of the source cannot tell.

    Args:
        folder: the folder of the package.
        base: the name of the class that its entries extend.

    Returns:
        Name to docstring, "" for a class without one.
    """
    classes: dict[str, tuple[str, ast.ClassDef]] = {}
    for path in sorted(folder.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        classes |= {node.name: (path.stem, node) for node in tree.body if isinstance(node, ast.ClassDef)}

    def extends(node: ast.ClassDef) -> bool:
        above = [each.id for each in node.bases if isinstance(each, ast.Name)]
        return base in above or any(name in classes and extends(classes[name][1]) for name in above)

    known = [(stem, node) for stem, node in classes.values() if extends(node)]
    return {_word(node) or stem: ast.get_docstring(node) or "" for stem, node in known}


def _word(node: ast.ClassDef) -> str:
    """Return the value of the attribute `word` that a class gives itself, or "" without one."""
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.target.id == "word":
            return str(ast.literal_eval(each.value)) if each.value else ""
    return ""
