"""From a record back to its cell, and to the networks that it trained."""

from collections.abc import Iterator
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass, replace
from enum import Enum
from inspect import isabstract
from math import ceil
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
from torch import nn

from kanbench.bases.own import basis_of, is_own
from kanbench.cells.cell import Cell, Vary
from kanbench.cells.train import prepare
from kanbench.data import EquationTask, TableTask
from kanbench.files.stored_names import absent_values, current_word, stored_name
from kanbench.training.module import EnsembleModule
from kanbench.training.trainer import fit


class CannotRestore(ValueError):
    """A description that this version has no classes for."""


def restore_cell(described: dict[str, Any], experiment: str = "", suite: str = "") -> Cell:
    """The inverse of `Cell.describe`. Raises `CannotRestore`, as for tables, whose rows are not in records."""
    fields = {name: value for name, value in described.items() if name not in ("type", "results_version")}
    if "digest" in described.get("task", {}):
        raise CannotRestore("records hold no rows of tables, so a network of a table cannot be trained again from them")
    try:
        return _made(Cell, fields | {"experiment": experiment, "suite": suite})
    except (TypeError, ValueError, KeyError) as error:
        raise CannotRestore(f"this version of kanbench cannot build the cell of the record ({error})") from error


def restore_without_rows(described: dict[str, Any], experiment: str = "", suite: str = "") -> Cell:
    """Return the cell of a table with zeros for its rows: its names, sizes and key are right, its numbers of rows not.

    Raises `CannotRestore` for other tasks, and for a description that this version has no classes for.
    """
    task = described.get("task", {})
    if not isinstance(task, dict) or task.get("type") != TableTask.__name__:
        raise CannotRestore("only a table can be without its rows")
    try:
        target = task["target"]
        shape = () if isinstance(target, str) else (len(target),)
        rows = _enough(described["sizes"])
        blank = {
            name: np.broadcast_to(0.0, (rows, *each)) for name, each in (("x", (len(task["inputs"]),)), ("y", shape))
        }
        known = {name: value for name, value in described.items() if name not in ("type", "results_version")}
        return _made(Cell, known | {"experiment": experiment, "suite": suite, "task": task | blank})
    except (TypeError, ValueError, KeyError) as error:
        raise CannotRestore(f"this version of kanbench cannot build the cell of the record ({error})") from error


def restore_equation(described: dict[str, Any]) -> EquationTask:
    """Return the equation that `as_plain` described. Raises `CannotRestore` for what is none."""
    try:
        task = _typed(described, EquationTask)
    except (TypeError, ValueError, KeyError) as error:
        raise CannotRestore(f"this version of kanbench cannot build the equation ({error})") from error
    if not isinstance(task, EquationTask):
        raise CannotRestore("its task is no differential equation")
    return task


def _enough(sizes: dict[str, Any]) -> int:
    """Return a number of rows from which the three splits can be taken."""
    values = [float(value) for name, value in sizes.items() if name != "type"]
    share = sum(value for value in values if value < 1)
    least = 2 / min((value for value in values if value < 1), default=1.0)
    return ceil(max(least, sum(value for value in values if value >= 1) / max(1.0 - share, 1e-3)) + 10)


def retrain(cell: Cell, seed: int, rate: float | None) -> nn.Module:
    """The network of one member of a cell, trained once more: what `run_cell` reached with it, to rounding.

    Records hold no parameters, and need none: everything that a training depends on is in the cell.

    Raises `CannotRestore` for a reference, which is no network, and for seeds that share what the first one drew.
    """
    if not cell.method.is_trained:
        raise CannotRestore(f"{cell.method.label} is no network")
    if cell.vary is not Vary.all:
        raise CannotRestore(f"only the {cell.vary} differs between the seeds")
    return trained_again(cell, seed, rate)


def trained_again(cell: Cell, seed: int, rate: float | None) -> nn.Module:
    """Train one member of a cell once more, with those that it depends on, and return its network."""
    module, member = train_again(cell, seed, rate)
    return module.ensemble.members(module.best_theta)[member]  # buffers differ by member too


def train_again(cell: Cell, seed: int, rate: float | None) -> tuple[EnsembleModule, int]:
    """Train one member of a cell once more, with those that it depends on; return them and its place among them."""
    fewer = with_fewest(cell, seed, rate)
    module, _, splits = prepare(fewer)
    fit(module, *splits, accelerator="cpu", precision=cell.precision.lightning, logger=None)
    return module, fewer.members.index((seed, rate))


def with_fewest(cell: Cell, seed: int, rate: float | None) -> Cell:
    """Return a cell with as few members as let one of them reach what it reaches in the whole cell.

    Members are trained alone, but for two kinds: where runs are repeated with twice the length, all members decide
    together how often; where seeds share what the first one drew, the first one is needed.
    """
    if len(cell.optimizer.runs) > 1:
        return cell
    seeds = (seed,) if cell.vary is Vary.all else tuple(dict.fromkeys((cell.seeds[0], seed)))
    optimizer = cell.optimizer if rate is None else replace(cell.optimizer, rates=(rate,))  # type: ignore[call-arg]
    return replace(cell, seeds=seeds, optimizer=optimizer)


def _made(kind: type, fields: dict[str, Any]) -> Any:
    hints = get_type_hints(kind)
    named = {current_word(name): value for name, value in fields.items()}
    known = {name: _typed(value, hints[name]) for name, value in named.items()}
    return kind(**(absent_values(dataclass_fields(kind)) | known))


def _typed(value: Any, hint: Any) -> Any:
    """Plain data as what the field of a dataclass holds."""
    if get_origin(hint) is dict:  # whose keys are not ours
        return value
    if isinstance(value, dict) and "source_hash" in value:
        values = {name: part for name, part in value.items() if name not in ("type", "source_hash")}
        return basis_of(value["type"], value["source_hash"], values)
    if isinstance(value, dict):
        named = {stored_name(each): each for each in _kinds()}
        return _made(named[value["type"]], {name: part for name, part in value.items() if name != "type"})
    if isinstance(value, list):
        return tuple(_typed(each, get_args(hint)[0]) for each in value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return value


def _kinds() -> Iterator[type]:
    """Every dataclass that a cell can be made of: those that its fields name, their subclasses, and so on."""
    found, waiting = set[type](), list[type]([Cell])
    while waiting:
        kind = waiting.pop()
        if kind in found or is_own(kind) or not (is_dataclass(kind) or isabstract(kind)):
            continue
        found.add(kind)
        waiting += kind.__subclasses__()
        if not isabstract(kind):
            yield kind
            waiting += [each for hint in get_type_hints(kind).values() for each in _classes(hint)]


def _classes(hint: Any) -> Iterator[type]:
    """The classes in a type hint, such as `Variable` in `tuple[Variable, ...]`."""
    if parts := get_args(hint):
        for part in parts:
            yield from _classes(part)
    elif isinstance(hint, type):
        yield hint
