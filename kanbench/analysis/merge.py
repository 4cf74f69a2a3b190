"""Records of several sources as one frame: each member once, and nothing beside what it cannot be compared with."""

import logging
from itertools import combinations
from math import inf

import pandas as pd

from kanbench.analysis.kinds import measure, metrics
from kanbench.analysis.parts import kind_of
from kanbench.analysis.protocol import AXES, FIXED, complete, unshared
from kanbench.errors import are, counted
from kanbench.store.record import label

ROUNDING = 1e-6  # relative; errors of one training that was stored twice are nearer to each other
NAMED = 3  # members in a sentence
OTHER = " of the other"  # the end of the columns of the second source
IDENTITY = ["cell", "seed", "rate"]
SAME_CELL = ["suite", "task", "method", "budget", "protocol", "data"]
ERRORS = ("train_", "val_", "test_")
DERIVED = ("_r2", "_accuracy")  # the end of columns whose relative differences say nothing

log = logging.getLogger(__name__)


def merge(sources: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the records of several sources, by their names, as one frame. A member of two sources counts once.

    The log says in one sentence how many records two sources share, and which of them differ by more than rounding;
    those of the first source are kept.

    Raises:
        ValueError: for a source without records, and for sources that no comparison may hold together. The message
            names the setting that differs and the two sources.
    """
    for name, frame in sources.items():
        if frame.empty:
            raise ValueError(f"{name}: no records there")
    whole = complete(pd.concat(sources.values(), ignore_index=True))
    source = pd.Series([name for name, frame in sources.items() for _ in range(len(frame))], whole.index)
    _check_comparable({name: whole[source == name] for name in sources})
    for (one, first), (other, second) in combinations(sources.items(), 2):
        if sentence := _shared(one, first, other, second):
            log.warning("%s", sentence)
    kept = whole[~_identified(whole).duplicated(IDENTITY)]
    _check_cells(kept, source)
    return kept.reset_index(drop=True)


def _check_cells(kept: pd.DataFrame, source: pd.Series) -> None:
    """Refuse a method with the same task, budget and settings in two sources as two cells: it would count twice."""
    same = [name for name in SAME_CELL if name in kept]
    cells = kept.assign(source=source).drop_duplicates([*same, "cell"])
    twice = cells[cells.duplicated(same, keep=False)]
    for _, rows in twice.groupby(same, dropna=False):
        one, *others = rows.source.unique()
        if others:
            row = rows.iloc[0]
            name = label(row.method, row.task, None if pd.isna(row.budget) else row.budget)
            raise _cannot(one, others[0], f"{name} is another cell in each, and would count twice (column cell)")


def _identified(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with `rate`, the learning rate as text: a table holds its last digit less exactly than a record."""
    return frame.assign(rate=frame.lr.map(lambda rate: f"{rate:.12g}"))


def _check_comparable(sources: dict[str, pd.DataFrame]) -> None:
    """Refuse every source that shares no settings, no score or no data with those before it."""
    names = list(sources)
    kinds = {name: _kinds(frame) for name, frame in sources.items()}
    for i, other in enumerate(names[1:], start=1):
        one, frame = names[0], sources[other]
        if not any(kinds[other] & kinds[name] for name in names[:i]):
            faults = _differences(sources[one], frame, one, other)
            raise _cannot(one, other, "; ".join(faults))
        for name in names[:i]:
            if fault := _other_score(sources[name], frame, name, other) or _other_data(sources[name], frame):
                raise _cannot(name, other, fault)


def _cannot(one: str, other: str, fault: str) -> ValueError:
    return ValueError(f"{one} and {other} cannot be compared: {fault}")


def _kinds(frame: pd.DataFrame) -> set[str]:
    """Return the protocols of a source, and what each of them fixes apart from the axes."""
    parts = dict(list(frame.groupby("protocol")))
    return {*map(str, parts), *map(kind_of, parts.values())}


def _differences(first: pd.DataFrame, second: pd.DataFrame, one: str, other: str) -> list[str]:
    """Return the settings that two sources have no value of in common; the axes of sweeps may differ."""
    faults = []
    for column, meaning in FIXED.items():
        if column in AXES or column not in first:
            continue
        here, there = first[column].dropna(), second[column].dropna()
        if len(here) and len(there) and not set(here) & set(there):
            texts = unshared(pd.concat([here, there]))
            said = [" or ".join(texts[value] for value in of.unique()) for of in (here, there)]
            faults.append(f"{meaning} differ ({said[0]} in {one}, {said[1]} in {other}; column {column})")
    seeds = [sorted(int(seed) for seed in frame.seed.unique()) for frame in (first, second)]
    if seeds[0] != seeds[1]:
        said = [", ".join(map(str, of)) for of in seeds]
        faults.append(f"seeds differ ({said[0]} in {one}, {said[1]} in {other})")
    return faults or ["they are of different protocols, which older records do not describe"]


def _other_score(first: pd.DataFrame, second: pd.DataFrame, one: str, other: str) -> str:
    if set(metrics(first)) & set(metrics(second)):
        return ""
    return f"their scores differ ({measure(first)} in {one}, {measure(second)} in {other})"


def _other_data(first: pd.DataFrame, second: pd.DataFrame) -> str:
    """Return the fault of the first task whose data two sources describe differently; older records do not say it."""
    if "data" not in first:
        return ""
    here, there = (frame.dropna(subset="data").groupby(["suite", "task"]).data.agg(set) for frame in (first, second))
    for suite, task in here.index.intersection(there.index):
        if not here[suite, task] & there[suite, task]:
            return f"the data of task {task} differ (suite {suite}; column data)"
    return ""


def _shared(one: str, first: pd.DataFrame, other: str, second: pd.DataFrame) -> str:
    """Return the sentence about the members that are in both sources, or "" if there are none."""
    both = _identified(first).merge(_identified(second), on=IDENTITY, suffixes=("", OTHER))
    if both.empty:
        return ""
    verb = are(len(both))
    said = f"{counted(len(both), 'record')} {verb} in both {one} and {other} and {verb} counted once, as in {one}"
    apart = distances(both)
    furthest = apart.max(axis=1).mask(both.status != both[f"status{OTHER}"], inf)
    differing = both.assign(furthest=furthest)[furthest > ROUNDING].sort_values("furthest", ascending=False)
    if differing.empty:
        return said
    named = [difference(row, apart.loc[i]) for i, row in differing.head(NAMED).iterrows()]
    more = f" and {len(differing) - NAMED:,} more" if len(differing) > NAMED else ""
    verb = "differs" if len(differing) == 1 else "differ"
    return f"{said}; {len(differing):,} of them {verb} beyond rounding, most of all {', '.join(named)}{more}"


def distances(both: pd.DataFrame) -> pd.DataFrame:
    """Return |a - b| / max(|a|, |b|) of each error that two trainings of the members have, a column for each.

    An error that only one of the two has is at distance 1.
    """
    apart = {}
    for column in both:
        if column.startswith(ERRORS) and not column.endswith(DERIVED) and f"{column}{OTHER}" in both:
            one, other = both[column].astype(float), both[f"{column}{OTHER}"].astype(float)
            largest = pd.concat([one.abs(), other.abs()], axis=1).max(axis=1)
            distance = ((one - other).abs() / largest).mask(largest == 0.0, 0.0)
            apart[column] = distance.mask(one.isna() != other.isna(), 1.0).fillna(0.0)
    return pd.DataFrame(apart, index=both.index)


def difference(row: pd.Series, apart: pd.Series) -> str:
    """Return the name of a member and what its two trainings differ in most."""
    at = "" if pd.isna(row.budget) else f" at {row.budget}"
    name = f"{row.method} on {row.task}{at}, seed {row.seed:.0f}"
    if f"status{OTHER}" in row and row.status != row[f"status{OTHER}"]:
        return f"{name} (status {row.status} and {row[f'status{OTHER}']})"
    column = apart.idxmax()
    values = f"{row[column]:.6g} and {row[f'{column}{OTHER}']:.6g}"
    return f"{name} ({column} {values}, {100 * apart[column]:.2g} % apart)"
