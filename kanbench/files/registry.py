"""Registries that are filled from a folder: a class is known by the name of its file."""

from importlib import import_module
from inspect import isabstract
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
