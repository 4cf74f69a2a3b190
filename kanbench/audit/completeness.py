"""Checks of all rows together: one protocol, nothing left out, sizes as asked."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd

from kanbench.analysis.parts import kind_of
from kanbench.analysis.protocol import AXES, FIXED, complete, unshared
from kanbench.analysis.shapes import choose_shapes
from kanbench.audit.finding import Check, Fault
from kanbench.audit.rows import Audited
from kanbench.errors import counted
from kanbench.methods.budget import MARKED_MISS
from kanbench.store.record import OUTRANKED

SHARED = {  # what the rows of one protocol, one task or one cell have in common
    "protocol": (("protocol",), tuple(FIXED)),
    "task": (
        ("suite", "task", "protocol"),
        ("data", "n_train", "metric", "measure", "same_as", "n_inputs", "smooth", "heavy_tailed"),
    ),
    "method, task and budget": (("suite", "task", "method", "budget", "protocol"), ("cell",)),
    "cell": (
        ("cell",),
        (
            *("suite", "task", "method", "family", "basis", "aggregation", "activation", "depth", "budget", "protocol"),
            *("shape", "width", "params", "flops", "budget_miss", "missed", "skipped"),
        ),
    ),
}
EXACT = 1e-9


def protocol(audited: Audited) -> Check:
    """Check that all rows share one protocol but for the levels of a sweep, and that its columns say one thing."""
    frame = complete(audited.frame())
    kinds = {name: kind_of(part) for name, part in frame.groupby("protocol")}
    kind = frame.protocol.map(kinds)
    n_kinds = len(set(kinds.values()))
    faults = _inside(audited, frame)
    if n_kinds > 1:
        usual = frame[kind == kind.value_counts().index[0]]
        for name in kinds:
            other = frame[frame.protocol == name]
            if kinds[name] != kind[usual.index[0]]:
                row = audited.rows[other.index[0]]
                said = f"{counted(len(other), 'row')} are of another protocol than most: {_differing(other, usual)}"
                faults.append(row.fault(said))
    levels = f" at {len(kinds)} levels of {_axes(frame)}" if len(kinds) > 1 and n_kinds == 1 else ""
    shared = "one protocol" if n_kinds <= 1 else f"{n_kinds} protocols"
    return Check("protocol", f"{counted(len(frame), 'row')} of {shared}{levels}", tuple(faults))


def _inside(audited: Audited, frame: pd.DataFrame) -> list[Fault]:
    """The rows whose settings are not those of their protocol, which is their hash; the same of tasks and cells."""
    frame = frame.assign(skipped=frame.status == "skipped")
    faults = []
    for whose, (by, names) in SHARED.items():
        for name in names:
            if name in frame:
                faults += [audited.rows[i].fault(f"{name} is {value} where other rows of its {whose} have {usual}")
                           for i, value, usual in _odd(frame, list(by), name)]  # fmt: skip
    return faults


def _odd(frame: pd.DataFrame, by: list[str], name: str) -> Iterator[tuple[int, object, object]]:
    """Yield the rows with another value than most of their group: their position, their value and that of most."""
    several = frame.groupby(by, dropna=False)[name].transform("nunique").to_numpy() > 1
    positions = pd.Series(np.arange(len(frame)), frame.index)
    for _, group in frame[several].groupby(by, dropna=False)[name]:
        values = group.dropna()
        usual = values.value_counts().index[0]
        yield from ((int(positions[i]), value, usual) for i, value in values[values != usual].items())


def _axes(frame: pd.DataFrame) -> str:
    return " and ".join(AXES[axis] for axis in AXES if axis in frame and len(frame[axis].dropna().unique()) > 1)


def _differing(other: pd.DataFrame, usual: pd.DataFrame) -> str:
    """Return the settings of another protocol, each with that of most rows."""
    said = []
    for name, meaning in FIXED.items():
        values = [frame[name].dropna().unique() for frame in (other, usual)] if name in other else [[], []]
        if len(values[0]) and len(values[1]) and not set(values[0]) & set(values[1]):
            texts = unshared(pd.Series([*values[0], *values[1]]))
            said.append(f"{meaning} {texts[values[0][0]]} and not {texts[values[1][0]]}")
    seeds = [", ".join(f"{seed:.0f}" for seed in sorted(frame.seed.dropna().unique())) for frame in (other, usual)]
    if seeds[0] != seeds[1]:
        said.append(f"seeds {seeds[0]} and not {seeds[1]}")
    return "; ".join(said) or "their settings are not described"


def coverage(audited: Audited) -> Check:
    """Check that every method has every task, budget, seed and learning rate, failed members included."""
    frame = choose_shapes(audited.frame().dropna(subset=["method", "task", "seed"]))
    faults, members, cells = list[Fault](), 0, 0
    for _, level in frame.groupby(["suite", "protocol"]):
        for part in (level[level.budget.notna()], level[level.budget.isna()]):
            found, expected = _absent(audited, part)
            faults += found
            cells += expected
        members += len(level)
    faults += _of_descriptions(audited)
    planned = {key: label for plan in audited.plans for key, label in zip(plan.cells, plan.labels, strict=True)}
    known = {record.key for record in audited.records.values()}
    faults += [
        Fault(str(audited.source), "", f"planned and absent: {planned[key]}") for key in planned if key not in known
    ]
    failures = frame[frame.status != "ok"].groupby("status").size()
    failed = "".join(f", {n} {status}" for status, n in failures.items())
    n_tasks = len(frame.drop_duplicates(["suite", "task"]))
    said = (
        f"{counted(frame.method.nunique(), 'method')} on {counted(n_tasks, 'task')} "
        f"at {counted(frame.budget.nunique(), 'budget')} with {counted(frame.seed.nunique(), 'seed')}: "
        f"{counted(members, 'member')} of {counted(cells, 'cell')}{failed}"
    )
    return Check("coverage", said, tuple(faults))


def _absent(audited: Audited, part: pd.DataFrame) -> tuple[list[Fault], int]:
    """The cells and members that are missing among rows of one protocol, and how many cells there should be."""
    if part.empty:
        return [], 0
    part = part.assign(budget=part.budget.fillna(0.0), lr=part.lr.fillna(0.0))
    members = set(product(part.seed.unique(), part.lr.unique()))
    there = dict(list(part.groupby(["method", "task", "budget"])))
    faults = []
    expected = list(product(part.method.unique(), part.task.unique(), part.budget.unique()))
    for key in expected:
        method, task, budget = key
        name = f"{method} on {task}{f' at {budget:.0f}' if budget else ''}"
        if key not in there:
            faults.append(
                Fault(str(audited.source), "", f"{name} is absent: a failed or skipped cell has rows that say so")
            )
            continue
        rows = there[key]
        first = audited.rows[rows.index[0]]
        for seed, rate in sorted(members - set(zip(rows.seed, rows.lr, strict=True))):
            at = f" and learning rate {rate:g}" if rate else ""
            faults.append(Fault(first.file, "", f"{name}: seed {seed:.0f}{at} is absent"))
        twice = rows.index[rows.duplicated(["seed", "lr"])]
        faults += [audited.rows[i].fault(f"{name}: seed {rows.seed[i]:.0f} is there twice") for i in twice]
    return faults, len(expected)


def _of_descriptions(audited: Audited) -> Iterator[Fault]:
    """The seeds that the description of a cell has and its members do not."""
    for path, record in audited.records.items():
        seeds = {member.get("seed") for member in record.members}
        described = record.cell.get("seeds") or []
        if record.members[0].get("stopped") == OUTRANKED:
            described = described[: record.cell.get("search", {}).get("first_seeds", 0)]
        for seed in described:
            if seed not in seeds:
                yield Fault(str(path), "", f"{record.label}: seed {seed} of its description is absent")


def sizes(audited: Audited) -> Check:
    """Check that models have the parameters of their budget within 5 %, are marked, or were skipped with a reason."""
    frame = audited.frame()
    frame = frame[frame.budget.notna()]
    skipped = frame.status == "skipped"
    miss = (frame.params - frame.budget) / frame.budget
    marked = frame["missed"].map(lambda value: value is True) if "missed" in frame else pd.Series(False, frame.index)
    faults = []
    for i in frame.index[~skipped]:
        fault = _size_fault(frame.loc[i], float(miss[i]), bool(marked[i]))
        if fault:
            faults.append(audited.rows[i].fault(fault))
    near = int((miss[~skipped].abs() <= MARKED_MISS).sum())
    said = f"{near:,} of {counted(int((~skipped).sum()), 'trained member')} are within 5 % of their budget"
    if n := int((marked & ~skipped).sum()):
        said += f", {n:,} further off and marked"
    if skipped.any():
        said += f", {int(skipped.sum()):,} skipped because their smallest model is too large"
    return Check("sizes", said, tuple(faults))


def _size_fault(row: pd.Series, miss: float, is_marked: bool) -> str:
    if np.isnan(miss):
        return "params must not be missing in a row that was not skipped"
    said = f"{row.params:.0f} parameters at a budget of {row.budget:.0f} are {100 * miss:+.1f} %"
    if abs(miss) > MARKED_MISS and not is_marked:
        return f"{said}, and the row does not say so (missed)"
    if abs(miss) <= MARKED_MISS and is_marked:
        return f"{said}, and the row is marked as further off (missed)"
    stored = row.get("budget_miss")
    if stored is not None and not np.isnan(stored) and abs(stored - miss) > EXACT:
        return f"{said}, and the row says {100 * stored:+.1f} % (budget_miss)"
    return ""
