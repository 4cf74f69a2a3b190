"""Models of one's own as methods: any module that a class or function of widths builds."""

import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, ClassVar

import torch

from kanbench.errors import require, require_name, shown
from kanbench.files.callables import hash_of_callable
from kanbench.files.user_code import load_target, loaded_before, said
from kanbench.files.user_source import TargetError
from kanbench.methods.base import NetworkMethod, changes, crossed
from kanbench.methods.budget import Sizing, solve_nodes
from kanbench.models.own import OwnNetwork, Plan, Takes, build_own, call_arguments, n_trained

TRIED = 4  # widths in a row of which one must build, in each hidden layer
MOST_NODES = 2**20
WORD = re.compile(r"[\w.+-]+")  # an argument that a label shows without quotes
DIGITS = 6  # of the hash in a label


_given: dict[tuple[str, str], Callable[..., Any]] = {}  # what this process was given itself, by name and hash


class OwnFault(ValueError):
    """Error for an own model that cannot be built; one sentence."""


@dataclass(frozen=True, init=False)
class OwnMethod(NetworkMethod):
    """A model of your own, from model.target=file.py:Name or package.module:Name.

    Its key has the name, the keyword arguments, the depth and the hash of the source, and no path.

    Args:
        name: The name in tables: that of the target. A class or function that is given itself may have another.
        target: `file.py:Name` or `package.module:Name`, or the class or function itself.
        kwargs: Keyword arguments of the target: numbers, texts, true, false, null, lists and dictionaries.
        takes: "model" for target([n_in, w, .., n_out]), "layer" for target(a, b) per layer.
        depth: The number of hidden layers.
        hidden: Their widths, such as (4, 2); the number of parameters is then that of the shape.
        shapes: Keyword arguments that a search of shapes tries in place of those in `kwargs`, as [{"grid": 3}, ..]; the
            first three, and spare ones.
        hash: The hash of the source. Without a target, code with this hash must have been loaded before by this
            process; with one, its source must have this hash.
        key: A text that stands for the code of a class or function that is given itself, where its source or a value
            that it uses cannot be hashed. Change it when the code changes.

    Raises:
        ValueError: The target cannot be loaded or hashed, or an argument cannot be.
    """

    is_foreign: ClassVar[bool] = True

    name: str = ""
    target: Any = field(default="", compare=False)  # a text, or what it stands for
    kwargs: dict[str, Any] = field(default_factory=dict, hash=False)
    takes: Takes = Takes.model
    hash: str = ""
    shapes: tuple[Any, ...] = field(default=(), compare=False)  # each of them is another method

    def __init__(
        self,
        name: str = "",
        target: str | Callable[..., Any] = "",
        *,
        kwargs: Mapping[str, Any] | None = None,
        takes: Takes | str = Takes.model,
        depth: int = 1,
        hash: str = "",
        shapes: Sequence[Mapping[str, Any]] = (),
        key: str = "",
        hidden: tuple[int, ...] | None = None,
    ) -> None:
        if callable(target):
            name, hash = _of_callable(name, target, hash, key)
        else:
            require(not key, "key", "must be empty for a target in a file, whose source is hashed", key)
        plain = tuple(_plain(each) for each in shapes)
        given: dict[str, Any] = {"shapes": plain, "name": name, "target": target, "takes": takes, "hash": hash}
        given |= {"depth": depth, "hidden": hidden}
        for each, value in (given | {"kwargs": _plain(kwargs or {})}).items():
            object.__setattr__(self, each, value)
        self.__post_init__()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.target and (self.name, self.hash) in _given:
            object.__setattr__(self, "target", _given[self.name, self.hash])
        if callable(self.target):
            _given[self.name, self.hash] = self.target
            return
        if not self.target and self.hash:
            if loaded_before(self.name, self.hash) is None:
                raise TargetError(
                    f"target of {self.name} {self.hash[:DIGITS]}: its code was not loaded by this command"
                )
            return
        loaded = load_target(str(self.target))
        name = loaded.source.name
        require(self.name in ("", name), "name", f"must be that of the target, {name}", self.name)
        fits = self.hash in ("", loaded.hash)
        require(fits, "target", f"must have the source of hash {self.hash[:DIGITS]}", loaded.hash[:DIGITS])
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "hash", loaded.hash)

    def __eq__(self, other: object) -> bool:
        """Return True for what has the same key: 1, 1.0 and true are different arguments."""
        return type(other) is type(self) and self._compared == other._compared

    @property
    def _compared(self) -> tuple[Any, ...]:
        return self.name, self.hash, self.takes, self.depth, self.hidden, json.dumps(self.kwargs, sort_keys=True)

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"{self.unversioned} {self.hash[:DIGITS]}"

    @property
    def unversioned(self) -> str:
        kwargs = [f"{name}={_short(value)}" for name, value in self.kwargs.items()]
        return " ".join(
            [self.name, *kwargs, *changes(self, "name", "target", "kwargs", "hash", "shapes", *self.implied)]
        )

    def candidates(self) -> tuple[NetworkMethod, ...]:
        every = [self.kwargs | each for each in self.shapes] or [self.kwargs]
        return tuple(replace(self, depth=depth, kwargs=kwargs, shapes=()) for depth, kwargs in crossed(every))

    @property
    def family(self) -> str:
        return f"own {self.name}"

    def columns(self) -> dict[str, Any]:
        return {"depth": self.depth}

    @property
    def versions(self) -> dict[str, str]:
        loaded = loaded_before(self.name, self.hash)
        return {} if loaded is None else loaded.source.versions()

    @property
    def outside(self) -> list[str]:
        """The modules that its source imports from other folders of the user's, whose changes its key does not see."""
        loaded = loaded_before(self.name, self.hash)
        return [] if loaded is None else loaded.source.outside()

    @property
    def callable(self) -> Callable[..., Any]:
        """The class or function that the target stands for."""
        if not isinstance(self.target, str):
            return self.target
        loaded = loaded_before(self.name, self.hash)
        if loaded is None:
            loaded = load_target(self.target)
            if loaded.hash != self.hash:
                raise OwnFault(f"the source of {self.target} has changed since the run began")
        return loaded.thing

    def plan(self, n_in: int, nodes: int, n_out: int = 1) -> Plan:
        """Return what its networks of so many hidden nodes depend on."""
        target = self.target if isinstance(self.target, str) else ""
        shape = tuple(self.shape(n_in, nodes, n_out))
        return Plan(self.name, self.hash, shape, self.kwargs, self.takes, target)

    def build(
        self, n_in: int, nodes: int, generator: torch.Generator, dtype: torch.dtype, n_out: int = 1
    ) -> OwnNetwork:
        """Return a network. Raises `OwnFault` with the words and the line of the target's own error."""
        plan = self.plan(n_in, nodes, n_out)
        self._check_signature(plan)
        seed = int(torch.randint(2**31, (), generator=generator))
        try:
            return build_own(self.callable, plan, seed=seed, dtype=dtype)
        except (Exception, SystemExit) as error:
            raise OwnFault(f"{self._call_of(plan)} fails: {self.said(error)}") from error

    def said(self, error: BaseException) -> str:
        """Return an error of the target's code in one line, with the file and line."""
        loaded = loaded_before(self.name, self.hash)
        return said(error, loaded.source if loaded else None)

    def _check_signature(self, plan: Plan) -> None:
        """Raise `OwnFault` with the signature of the target for keyword arguments that it does not take."""
        try:
            signature = inspect.signature(self.callable)
        except (TypeError, ValueError):
            return
        widths = plan.shape[:2] if plan.takes is Takes.layer else (list(plan.shape),)
        try:
            signature.bind(*widths, **call_arguments(self.callable, plan, 0))
        except TypeError as error:
            hint = "" if plan.takes is Takes.layer else f"; takes=layer calls {self.name}(a, b) per layer"
            own = f"its signature is {self.name}{signature}"
            raise OwnFault(
                f"{self._call_of(plan)}: {error}; {own}{hint if 'required' in str(error) else ''}"
            ) from error

    def _call_of(self, plan: Plan) -> str:
        widths = "a, b" if plan.takes is Takes.layer else str(list(plan.shape))
        return f"{self.name}({', '.join([widths, *(f'{name}={shown(value)}' for name, value in self.kwargs.items())])})"

    def next_nodes(self, n_in: int, nodes: int, n_out: int = 1) -> int:
        """Return the first number of nodes that builds, of those up to three further in each hidden layer.

        Raises `OwnFault`, that of the last one, if none does.
        """
        return _buildable(self, n_in, nodes, n_out)

    def count(self, n_in: int, nodes: int, n_out: int = 1) -> int:
        """Return the number of parameters that are trained and reach the output, found by building the network.

        A number of nodes that is refused counts as the next one that builds, see `next_nodes`.
        """
        if nodes > MOST_NODES:
            most = _count(self, n_in, _buildable(self, n_in, MOST_NODES, n_out), n_out)
            raise OwnFault(f"the parameters of {self.name} do not grow with the width beyond {most}")
        return _count(self, n_in, _buildable(self, n_in, nodes, n_out), n_out)

    def size(self, n_in: int, budget: int, n_out: int = 1) -> Sizing:
        if self.hidden is not None:
            return super().size(n_in, budget, n_out)
        sizing = solve_nodes(self, n_in, budget, n_out)
        nodes = _buildable(self, n_in, sizing.nodes, n_out)
        return replace(sizing, nodes=nodes, shape=tuple(self.shape(n_in, nodes, n_out)))


def _of_callable(name: str, thing: Callable[..., Any], hash: str, key: str) -> tuple[str, str]:
    """Return the name and the hash of a class or function. Raises `ValueError` if one of them cannot be told."""
    name = name or getattr(thing, "__name__", "")
    require_name("name", name)
    return name, hash or hash_of_callable(thing, key)


@cache
def _buildable(method: OwnMethod, n_in: int, nodes: int, n_out: int) -> int:
    """Return the first number of nodes that builds. Raises `OwnFault`, that of the last one tried, if none does."""
    last = nodes + (TRIED - 1) * method.depth
    for each in range(nodes, last):
        try:
            _count(method, n_in, each, n_out)
        except OwnFault:
            continue
        return each
    _count(method, n_in, last, n_out)
    return last


@cache
def _count(method: OwnMethod, n_in: int, nodes: int, n_out: int) -> int:
    return n_trained(method.build(n_in, nodes, torch.Generator().manual_seed(0), torch.float32, n_out))


def _short(value: Any) -> str:
    """Return an argument as labels have it: plain words as they are, and as JSON everything else, such as "1"."""
    return value if isinstance(value, str) and WORD.fullmatch(value) and not _is_json(value) else json.dumps(value)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _plain(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of keyword arguments as JSON has them, because they become part of keys and records."""
    require(isinstance(kwargs, Mapping), "kwargs", "must be a mapping of names to values", kwargs)
    try:
        plain = json.loads(json.dumps(dict(kwargs), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"kwargs must hold finite numbers, texts, true, false, null, lists and dictionaries, got {shown(kwargs)}"
        ) from error
    names = all(isinstance(name, str) and name.isidentifier() for name in kwargs)
    require(names, "kwargs", "must have names of parameters as keys", list(kwargs))
    return dict(plain)
