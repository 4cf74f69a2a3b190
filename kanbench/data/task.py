"""Tasks and suites: one target function with its variables and ranges; a named list of them."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

import numpy as np
import yaml

from kanbench.data.formula import Array, Formula

SUITES_FOLDER = Path(__file__).parent / "suites"


class UnknownName(ValueError):
    """A name that is not in a list; the message suggests the nearest ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = list(known)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
        super().__init__(f"unknown {kind} {name!r}; {hint}")


@dataclass(frozen=True)
class Variable:
    """A range [low, high] that is sampled uniformly; `size` components for a vector variable."""

    name: str
    low: float
    high: float
    size: int = 1


@dataclass(frozen=True)
class Task:
    """One target function: a formula over variables with ranges.

    `same_as` names the first task of its suite that is the same regression problem, up to the order of the inputs
    and an affine map of the target: duplicates count once. `source` and `note` say where it comes from and what to
    know about it.
    """

    name: str
    formula: str
    variables: tuple[Variable, ...]
    same_as: str = ""
    source: str = ""
    note: str = ""
    n_classes: ClassVar[int] = 0  # a regression

    @property
    def n_inputs(self) -> int:
        return sum(variable.size for variable in self.variables)

    @cached_property
    def parsed(self) -> Formula:
        return Formula(self.formula, tuple(variable.name for variable in self.variables))

    def target(self, unit: Array) -> Array:
        """The function at points given on the unit cube: (n, n_inputs) in [-1, 1] -> (n,)."""
        columns = np.split(unit, np.cumsum([v.size for v in self.variables])[:-1], axis=1)
        values = {
            v.name: (v.low + (v.high - v.low) * (column + 1.0) / 2.0)[:, 0 if v.size == 1 else slice(None)]
            for v, column in zip(self.variables, columns, strict=True)
        }
        return self.parsed(values)


AnyTask = TypeVar("AnyTask")


@dataclass(frozen=True)
class Suite(Generic[AnyTask]):
    """A named list of tasks; those of formulas are read from `suites/<name>.yaml`."""

    name: str
    title: str
    tasks: tuple[AnyTask, ...]

    def task(self, name: str) -> AnyTask:
        """Raises `UnknownName` with the nearest names."""
        found = {task.name: task for task in self.tasks}  # type: ignore[attr-defined]
        if name not in found:
            raise UnknownName(f"task of suite {self.name}", name, found)
        return found[name]


def suite_names() -> list[str]:
    """All suites of formulas, in alphabetical order."""
    return sorted(path.stem for path in SUITES_FOLDER.glob("*.yaml"))


@cache
def load_suite(name: str) -> Suite[Task]:
    """Raises `UnknownName` for a suite that does not exist."""
    if name not in suite_names():
        raise UnknownName("suite", name, suite_names())
    content = yaml.safe_load((SUITES_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    tasks = tuple(
        Task(
            name=entry["name"],
            formula=entry["formula"],
            variables=tuple(Variable(v, *bounds) for v, bounds in entry["variables"].items()),
            same_as=entry.get("same_as", ""),
            source=entry.get("source", content["source"]),
            note=entry.get("note", ""),
        )
        for entry in content["tasks"]
    )
    return Suite(name, content["title"], tasks)
