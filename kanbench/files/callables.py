"""Hashes of functions and classes that a program hands over: of their source and of the values they use.

The source of a module is hashed as `read_source` does it. A function of the program that runs, or of a notebook, is
hashed by its own text and by everything that it refers to: other functions and classes of that program, captured
values, defaults and global constants. So an edit elsewhere in the program does not change the hash. Imports no torch.
"""

import ast
import dis
import functools
import hashlib
import inspect
import linecache
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib.metadata import version
from pathlib import Path, PurePath
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from kanbench.files.user_source import INSTALLED, TargetError, read_source

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...))
BY_NAME = ("dtype", "device", "layout", "memory_format")  # types of torch and NumPy whose text says everything
BUILT_IN = ("builtin_function_or_method", "ufunc", "_ArrayFunctionDispatcher")  # types of functions without a source
HELD = (*PLAIN, list, tuple, dict, set, frozenset)  # types of class attributes that are values


class CannotHash(ValueError):
    """Error for a function or a value whose content cannot be told; one sentence that asks for a key."""


def hash_of_callable(thing: Callable[..., Any], key: str = "") -> str:
    """Return the hash of a function, a class or a partial of one, 24 hexadecimal digits.

    Args:
        thing: What is called. A function or class of a module has the hash of the target `module:name`; one of torch
            is known by its name and the version of torch.
        key: A text that stands for the code instead, changed by its author when the code changes.

    Raises:
        CannotHash: The source is not known, or a value that it uses cannot be hashed.
    """
    if key:
        return _digest(f"key {key}")
    module = _module_of(thing)
    if module is not None and module.__name__.partition(".")[0] == "torch":  # reading all of its files takes a minute
        return _digest(f"{module.__name__}.{getattr(thing, '__qualname__', thing)} {version('torch')}")
    if module is not None and isinstance(thing, FunctionType | type) and thing.__qualname__.isidentifier():
        try:
            return read_source(f"{module.__name__}:{thing.__qualname__}").hash
        except TargetError:
            pass  # a module that no path leads to, hashed as the program itself
    name = getattr(thing, "__name__", type(thing).__name__)
    try:
        return _digest("\n".join(_Walk().describe(thing, name)))
    except RecursionError as error:
        raise _cannot(name, thing) from error


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:24]


def _module_of(thing: Any) -> ModuleType | None:
    """Return the module of a thing if it was imported from a file, and None for the program itself."""
    module = sys.modules.get(getattr(thing, "__module__", None) or "")
    if module is None or module.__name__ == "__main__" or not getattr(module, "__file__", None):
        return None
    return module


def _is_elsewhere(module: ModuleType | None, name: str) -> bool:
    """Return True for code that others publish, which is known by its name: its version is in the environment."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top in ("builtins", "kanbench"):
        return top != "__main__"
    file = getattr(module, "__file__", None)
    return file is not None and any(part in INSTALLED for part in Path(file).parts)


class _Walk:
    """One walk through a thing and all that it refers to; each part is described once."""

    def __init__(self) -> None:
        self.seen: dict[int, int] = {}
        self.kept: list[Any] = []  # ids are those of living things only

    def describe(self, value: Any, where: str) -> Iterator[str]:
        """Yield lines that differ if the value differs. Raises `CannotHash`."""
        if isinstance(value, PLAIN):
            yield f"{type(value).__name__} {value!r}"
        elif id(value) in self.seen:
            yield f"part {self.seen[id(value)]}"
        else:
            self.seen[id(value)] = len(self.seen)
            self.kept.append(value)
            yield from self._describe_part(value, where)

    def _describe_part(self, value: Any, where: str) -> Iterator[str]:
        if isinstance(value, ModuleType):
            yield from self._of_module(value)
        elif isinstance(value, type) or isinstance(getattr(value, "__code__", None), CodeType):
            yield from self._of_code(value, where)
        elif isinstance(value, functools.partial):
            yield "partial"
            yield from self._of_items([value.func, value.args, value.keywords], where)
        elif isinstance(value, Enum | PurePath | range | slice | np.generic) or type(value).__name__ in BY_NAME:
            yield f"{type(value).__name__} {value!r}"
        elif isinstance(value, Mapping):
            yield f"{type(value).__name__} of {len(value)}"
            for key, content in value.items():
                yield from self._of_items([key, content], where)
        elif isinstance(value, list | tuple):
            yield f"{type(value).__name__} of {len(value)}"
            yield from self._of_items(value, where)
        elif isinstance(value, set | frozenset):
            yield f"{type(value).__name__} {sorted(''.join(_Walk().describe(each, where)) for each in value)}"
        elif (array := _array(value)) is not None:
            yield f"{type(value).__name__} {array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"
        elif is_dataclass(value):
            yield from self.describe(type(value), where)
            yield from self._of_items([getattr(value, each.name) for each in fields(value)], where)
        elif type(value).__name__ in BUILT_IN:
            yield f"{getattr(value, '__module__', '')} {value.__name__}"
        else:
            raise _cannot(where, value)

    def _of_items(self, values: Any, where: str) -> Iterator[str]:
        for each in values:
            yield from self.describe(each, where)

    def _of_module(self, module: ModuleType) -> Iterator[str]:
        yield f"module {module.__name__}"
        if not _is_elsewhere(module, module.__name__):
            yield _source_of(module)

    def _of_code(self, thing: Any, where: str) -> Iterator[str]:
        """Describe a function or a class: by its name if it is published, else by its text and all that it uses."""
        module = _module_of(thing)
        if _is_elsewhere(module, thing.__module__ or ""):
            yield f"{thing.__module__}.{thing.__qualname__}"
            return
        if module is not None:
            yield f"{thing.__qualname__} of {_source_of(module)}"
            for function in _functions(thing):
                for name, value in sorted(_captured(function).items()):
                    yield f"{name} ="
                    yield from self.describe(value, f"{name}, which {where} captures,")
                yield from self._of_items([function.__defaults__, function.__kwdefaults__], f"a default of {where}")
            return
        functions = [each for each in _functions(thing) if linecache.getlines(each.__code__.co_filename)]
        yield _text_of(thing, functions)
        for used, value in sorted(_used(thing, functions).items()):
            yield f"{used} ="
            yield from self.describe(value, f"{used}, which {where} uses,")
        for function in functions:
            yield from self._of_items([function.__defaults__, function.__kwdefaults__], f"a default of {where}")


def _source_of(module: ModuleType) -> str:
    """Return the hash of a module of the user's and of the files that it imports from beside it."""
    try:
        return read_source(f"{module.__name__}:all").hash
    except TargetError as error:
        raise _cannot(f"module {module.__name__}", module) from error


def _array(value: Any) -> np.ndarray | None:
    """Return an array or a tensor as an array."""
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu().numpy()
    return value if isinstance(value, np.ndarray) and value.dtype != object else None


def _functions(thing: Any) -> Iterator[FunctionType]:
    """Yield a function itself, or the functions that a class defines."""
    if isinstance(thing, FunctionType):
        yield thing
        return
    for value in vars(thing).values() if isinstance(thing, type) else ():
        plain = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
        plain = inspect.unwrap(plain) if isinstance(plain, FunctionType) else plain
        if isinstance(plain, FunctionType) and plain.__code__.co_qualname.startswith(f"{thing.__qualname__}."):
            yield plain


def _used(thing: Any, functions: list[FunctionType]) -> dict[str, Any]:
    """Return the values of all names that the code takes from outside: captured, global and bases of a class."""
    found: dict[str, Any] = {}
    if isinstance(thing, type):
        found |= {f"base {place}": base for place, base in enumerate(thing.__bases__)}
        found |= {n: value for n, value in vars(thing).items() if not n.startswith("__") and isinstance(value, HELD)}
    for function in functions:
        found |= _captured(function)
        names = _globals_in(function.__code__)
        found |= {name: function.__globals__[name] for name in names if name in function.__globals__}
    return {name: value for name, value in found.items() if value is not thing}


def _captured(function: FunctionType) -> dict[str, Any]:
    """Return the values that a function captures from the functions around it."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells if name != "__class__" and _is_filled(cell)}


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _globals_in(code: CodeType) -> set[str]:
    names = {each.argval for each in dis.get_instructions(code) if each.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _globals_in(constant)
    return names


def _text_of(thing: Any, functions: list[FunctionType]) -> str:
    """Return the source text of a function or a class of the program. Raises `CannotHash` where it is not known."""
    name = thing.__qualname__
    if not functions:
        raise _cannot(name, thing)
    code = functions[0].__code__
    lines = linecache.getlines(code.co_filename)
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        lines = []
    if not lines:
        raise _cannot(name, thing)
    wanted = ast.ClassDef if isinstance(thing, type) else ast.Lambda if name.endswith("<lambda>") else ast.FunctionDef
    found = [node for node in ast.walk(tree) if isinstance(node, wanted) and _is_node_of(node, thing, code)]
    if len(found) != 1:  # two lambdas on a line
        raise _cannot(name, thing)
    node = found[0]
    if isinstance(node, ast.Lambda):
        return ast.get_source_segment("".join(lines), node) or ""
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return textwrap.dedent("".join(lines[first - 1 : node.end_lineno])).rstrip()


def _is_node_of(node: Any, thing: Any, code: CodeType) -> bool:
    """Return True if a part of the syntax tree defines the thing."""
    if isinstance(node, ast.ClassDef):
        is_inside = node.lineno <= code.co_firstlineno <= (node.end_lineno or 0)
        return node.name == thing.__name__ and is_inside
    decorators = [each.lineno for each in getattr(node, "decorator_list", [])]
    return min([node.lineno, *decorators]) == code.co_firstlineno


def _cannot(where: str, value: Any) -> CannotHash:
    kind = type(value).__name__
    what = "its source is not known" if isinstance(value, FunctionType | type) else f"it is a {kind}"
    return CannotHash(
        f'{where} cannot be hashed ({what}), so a change of it would not be seen; give key="...", a text that you '
        "change whenever the code changes"
    )
