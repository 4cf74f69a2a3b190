"""The settings and the results of every benchmark."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

Row = dict[str, Any]  # heading: text, number or None


@dataclass(frozen=True)
class Settings:
    """Settings of the measurement; `quick` is a smoke run whose numbers mean nothing."""

    device: torch.device
    quick: bool
    peers: Path | None  # the folder that holds the checkouts
    seeds: int
    equations: str  # a pattern of task names
    partial: Path  # the file of finished parts, from which a stopped benchmark continues
    console: Console

    @property
    def budget(self) -> float:
        """The time in seconds for one interleaved measurement, unless the smallest number of rounds takes longer."""
        return 0.5 if self.quick else 60.0

    @property
    def fewest_rounds(self) -> int:
        """The smallest number of rounds of an interleaved measurement, however long they take."""
        return 1 if self.quick else 3

    @property
    def backend(self) -> str:
        """The backend of torch.compile; a smoke run skips the generation of code, which takes minutes."""
        return "aot_eager" if self.quick else "inductor"

    def compile(self, function: Callable) -> Callable:
        """Compile a function by torch.compile for fixed shapes."""
        return torch.compile(function, dynamic=False, backend=self.backend)


@dataclass(frozen=True)
class Goal:
    """A goal and what was measured; `reached` is None if nothing could be measured."""

    goal: str
    limit: str
    measured: str
    reached: bool | None


@dataclass
class Result:
    """The result of a benchmark: tables by title, goals, notes, and the raw numbers behind the tables."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    raw: list[Row] = field(default_factory=list)


def at_most(goal: str, limit: float, values: Mapping[str, float], unit: str = "") -> Goal:
    """Judge a goal by the largest value, which is named; for several values, count those within the limit."""
    if not values:
        return Goal(goal, f"<= {limit:g}{unit}", "not measured", None)
    worst = max(values, key=values.__getitem__)
    name = f" ({worst})" if worst else ""
    within = f"; {sum(v <= limit for v in values.values())} of {len(values)} are" if len(values) > 1 else ""
    measured = f"{values[worst]:.3g}{unit}{name}{within}"
    return Goal(goal, f"<= {limit:g}{unit}", measured, bool(values[worst] <= limit))


def at_least(goal: str, limit: float, value: float | None, unit: str = "") -> Goal:
    """Judge a goal with a lower limit by one value."""
    if value is None:
        return Goal(goal, f">= {limit:g}{unit}", "not measured", None)
    return Goal(goal, f">= {limit:g}{unit}", f"{value:.3g}{unit}", bool(value >= limit))
