"""The content of W&B runs: flat configs, short learning curves, summaries. Plain data; imports no wandb."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from kanbench.analysis.kinds import CLASSIFICATION, REGRESSION
from kanbench.analysis.protocol import level_of, say_level
from kanbench.report.result import Result
from kanbench.store.record import CellRecord

POINTS = 100  # at most, of a learning curve
SPLITS = ("train_", "val_", "test_")
OF_MEMBER = ("seed", "lr", "status", "reason", "stopped", "evaluations", "steps", "seconds", "peak_memory_bytes")
OF_DATA = ("task", "sizes", "seeds", "conditions", "vary")  # the parts of a cell's config that its data depend on
History = list[tuple[int, dict[str, float]]]


@dataclass(frozen=True)
class Content:
    """The content of one W&B run. Equal contents have equal ids."""

    id: str
    name: str
    group: str
    job_type: str
    tags: list[str]
    config: dict[str, Any]
    history: History = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    failed: bool = False


def training(record: CellRecord, name: str, project: str) -> Content:
    """Return the W&B run of a cell; if a failed cell is tried again, it becomes another W&B run."""
    first = record.members[0]
    statuses = sorted({member["status"] for member in record.members})
    return Content(
        id=digest(project, name, record.key, record.failed),
        name=record.label,
        group=f"{name}/{first['task']}",
        job_type="train",
        tags=[
            tag
            for tag in (
                first["suite"],
                first.get("family") or first["basis"] or first["activation"] or first["method"],
                *statuses,
            )
            if tag
        ],
        config=config_of(record),
        history=list(history_of(record)),
        summary=summary_of(record),
        failed=record.failed,
    )


def aggregate(result: Result, name: str, project: str, command: str) -> Content:
    """Return the W&B run of a result, the "aggregate"; its id follows from its records.

    The records are of one run of kanbench, and so of one number of training rows, one noise and one extrapolation. A
    sweep over these has an aggregate for each, told apart by name and config.
    """
    records, summary, level = result.records, result.summary, level_of(result.records)
    said = say_level({axis: value for axis, value in level.items() if value})
    place = f" on {records.suite.iloc[0]}{', ' * bool(said)}{said}"
    content = records[["cell", "seed", "lr", "score"]].sort_values(["cell", "seed", "lr"]).to_csv(index=False)
    last = summary[summary.budget == summary.budget.max()].sort_values("error")
    facts = {"error": last.error, "error_low": last.error_low, "error_high": last.error_high, "params": last.params}
    return Content(
        id=digest(project, name, content),
        name=" | ".join(last.method)[: max(0, 120 - len(place))] + place,
        group=name,
        job_type="aggregate",
        tags=sorted(set(records.suite)),
        config={
            "experiment": name,
            "command": command,
            "methods": sorted(set(summary.method)),
            "budgets": sorted(int(budget) for budget in set(summary.budget)),
            "tasks": int(summary.tasks.max()),
            "seeds": sorted(int(seed) for seed in set(records.seed)),
            "members": len(records),
            "commits": sorted(set(records.commit)),
        }
        | level,
        summary={"answer": result.answer}
        | {f"{fact}/{m}": v for fact, column in facts.items() for m, v in zip(last.method, column, strict=True)},
    )


def digest(*parts: Any) -> str:
    """Return the id of a W&B run: 16 hexadecimal digits that depend on the parts."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def config_of(record: CellRecord) -> dict[str, Any]:
    """Return a flat config: shared columns of members, switches of method and optimizer, data, versions, machine."""
    first = record.members[0]
    shared = {key: value for key, value in first.items() if key not in OF_MEMBER and not key.startswith(SPLITS)}
    data = {key: record.cell.get(key) for key in OF_DATA}
    rates = sorted({member["lr"] for member in record.members if member["lr"] is not None})
    return (
        dict(flat(record.environment, "environment"))
        | dict(flat(record.cell.get("method", {}), "method"))
        | dict(flat(record.cell.get("optimizer", {}), "optimizer"))
        | shared
        | {"seeds": sorted({member["seed"] for member in record.members}), "rates": rates, "data": digest(data)}
    )


def flat(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested dictionaries with their keys joined by "_"."""
    if not isinstance(node, dict):
        yield path, node
        return
    for key, value in node.items():
        yield from flat(value, f"{path}_{key}")


def history_of(record: CellRecord) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield (step, numbers by name) for at most `POINTS` checks, evenly spaced, with the first and the last."""
    loss, losses = losses_of(record)
    names = [f"{loss}/{_name(member)}" for member in record.members]
    steps = record.curve.get("steps", [])
    for check in thinned(len(steps), POINTS):
        numbers = dict(zip(names, losses[check], strict=True))
        if finite := [loss for loss in losses[check] if loss is not None]:
            numbers[f"{loss}/median"] = median(finite)
        for statistic, checks in record.curve.get("layers", {}).items():
            numbers |= {f"layer_{i}/{statistic}": number for i, number in enumerate(checks[check])}
        yield steps[check], {name: number for name, number in numbers.items() if number is not None}


def losses_of(record: CellRecord) -> tuple[str, list[list[float | None]]]:
    """Return the name of the validation loss and its values (checks, members)."""
    name = next((key for key in record.curve if key.startswith("validation_")), "validation_mse")
    return name, record.curve.get(name, [])


def thinned(n: int, most: int) -> list[int]:
    """Return at most `most` of range(n), evenly spaced, with both ends."""
    return [int(i) for i in np.unique(np.linspace(0, n - 1, min(n, most)).round())] if n else []


def _name(member: dict[str, Any]) -> str:
    return f"seed_{member['seed']}" + ("" if member["lr"] is None else f"_lr_{member['lr']:g}")


def summary_of(record: CellRecord) -> dict[str, Any]:
    """Summarize the members that are ok: median and range, final and best losses, the best on validation, failures."""
    fine = [member for member in record.members if member["status"] == "ok"]
    summary: dict[str, Any] = {"members": len(record.members)}
    for status in ("ok", "diverged", "failed", "skipped"):
        summary[f"members/{status}"] = sum(member["status"] == status for member in record.members)
    measured = [key for key in (fine or [{}])[0] if key.startswith(SPLITS) or key in OF_MEMBER[5:]]
    for key in measured:
        values = [member[key] for member in fine if member.get(key) is not None]
        if values:
            summary |= {f"{key}/median": median(values), f"{key}/min": min(values), f"{key}/max": max(values)}
    if fine:
        before = REGRESSION if f"val_{REGRESSION}" in fine[0] else CLASSIFICATION
        error = fine[0].get("metric") or before
        best = min(fine, key=lambda member: member[f"val_{error}"])
        told = ("seed", "lr", f"val_{error}", f"test_{error}")
        summary |= {f"best/{key}": best[key] for key in told if key in best}
        if f"test_{error}" in best:  # a shape that a search did not choose is not graded on test
            summary["score/median"] = summary[f"test_{error}/median"]  # under one name, whatever kind of task it is
    loss, losses = losses_of(record)
    if losses:
        columns = [[loss for loss in column if loss is not None] for column in zip(*losses, strict=True)]
        ends = [(column[-1], min(column)) for column in columns if column]
        if ends:
            final, lowest = zip(*ends, strict=True)
            summary |= {f"{loss}/final": median(final), f"{loss}/best": median(lowest)}
    return summary
