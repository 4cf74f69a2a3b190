"""Bases of one's own: subclasses of `Basis` in a file of the user's, told apart by the hash of its source."""

import inspect
import json
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from kanbench.bases.base import Basis
from kanbench.errors import shown
from kanbench.files.callables import CannotHash, hash_of_callable
from kanbench.files.user_code import OF_TARGETS, Loaded, load_target, loaded_before, said
from kanbench.files.user_source import TargetError

DIGITS = 6  # of the hash in a label
_loaded: dict[type, Loaded] = {}


@dataclass(frozen=True)
class OwnBasis:
    """A basis of your own: basis=own basis.target=my.py:Sinc 'basis.kwargs={terms: 8}'.

    Args:
        target: `file.py:Name` or `package.module:Name`, a subclass of `Basis`.
        kwargs: its fields that are not at their default.
    """

    target: str = ""
    kwargs: dict[str, Any] = field(default_factory=dict)

    def made(self) -> Basis:
        """Return the basis. Raises `ValueError`, whose message begins with the key, for one that cannot be made."""
        kind = load_basis(self.target)
        try:
            basis = kind(**{name: _frozen(value) for name, value in self.kwargs.items()})
            hash(basis)
            json.dumps([getattr(basis, each.name) for each in fields(basis)], allow_nan=False)
        except Exception as error:
            hint = ""
            if isinstance(error, TypeError) and "__dataclass_fields__" not in vars(kind):
                hint = "; @dataclass(frozen=True) above the class makes its annotated names settings"
            call = f"{kind.__name__}({', '.join(f'{name}={shown(value)}' for name, value in self.kwargs.items())})"
            signature = f"its signature is {kind.__name__}{inspect.signature(kind)}"
            why = said(error, _loaded[kind].source)
            raise ValueError(f"kwargs: {call} fails: {why}; {signature}{hint}") from error
        return basis


def load_basis(target: str) -> type[Basis]:
    """Run the file of a basis and return its class, whose networks can be saved and whose cells know its source.

    Args:
        target: `file.py:Name` or `package.module:Name`.

    Raises:
        TargetError: The target cannot be loaded, or is no subclass of `Basis` that has everything a basis needs.
    """
    loaded = load_target(target)
    kind = loaded.thing
    if not (isinstance(kind, type) and issubclass(kind, Basis)):
        raise TargetError(f"target {target}: must be a subclass of kanbench.bases.Basis, got {shown(kind)}")
    if missing := sorted(getattr(kind, "__abstractmethods__", ())):
        raise TargetError(f"target {target}: {kind.__name__} does not define {' and '.join(missing)}")
    _loaded[kind] = loaded
    return kind


def hash_of(kind: type) -> str:
    """Return the hash of the source of a basis of one's own, or "" for any other class.

    Raises:
        CannotHash: It is a class of the running program, and uses a value whose content cannot be told.
    """
    if kind in _loaded:
        return _loaded[kind].hash
    return _hash_in_memory(kind) if is_own(kind) else ""


def is_own(kind: type) -> bool:
    """Return True for a basis of one's own: a target loaded it, or the running program defines it."""
    room = kind.__module__.partition(".")[0]
    is_ours = room == "kanbench" or room.startswith(OF_TARGETS)
    return kind in _loaded or (issubclass(kind, Basis) and not is_ours)


@cache
def _hash_in_memory(kind: type) -> str:
    try:
        return hash_of_callable(kind)
    except CannotHash as error:
        raise CannotHash(
            f"basis {kind.__name__}: its source cannot be told; write the class to a file and take it from "
            "kanbench.bases.load_basis('file.py:Name')"
        ) from error


def target_of(kind: type) -> str:
    """Return the target that a basis of one's own was loaded from, or "" for a class that no target loaded."""
    return _loaded[kind].target if kind in _loaded else ""


def versions_of(kind: type) -> dict[str, str]:
    """Return the versions of the packages that a basis of one's own imports."""
    return _loaded[kind].source.versions() if kind in _loaded else {}


def outside_of(kind: type) -> list[str]:
    """Return the modules that a basis of one's own imports from other folders, whose changes its key does not see."""
    return _loaded[kind].source.outside() if kind in _loaded else []


def basis_of(name: str, hash: str, values: dict[str, Any]) -> Basis:
    """Return a basis of one's own from its stored fields. It runs no file: this process must have loaded its source.

    Raises:
        TargetError: No source with this hash was loaded before.
    """
    loaded = loaded_before(name, hash)
    kinds = [loaded.thing] if loaded is not None and loaded.thing in _loaded else _in_memory(name, hash)
    if not kinds:
        raise TargetError(f"target of the basis {name} {hash[:DIGITS]}: its code was not loaded by this command")
    return kinds[0](**{name: _frozen(value) for name, value in values.items()})


def _in_memory(name: str, hash: str) -> list[type[Basis]]:
    """Return the classes of the running program that are this basis."""
    found, waiting = [], list[type[Basis]](Basis.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__name__ == name and kind not in _loaded and hash_of(kind) == hash:
            found.append(kind)
    return found


def title(basis: Basis) -> str:
    """Return the name of a basis in families and columns."""
    own = "own " if hash_of(type(basis)) else ""
    return own + type(basis).__name__


def _frozen(value: Any) -> Any:
    """Return a value with tuples in place of lists, because the fields of a basis are hashed."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
