"""Records that cannot share tables, of several suites or protocols, apart; each part with a name for its folder."""

import hashlib
import re
from collections.abc import Sequence

import pandas as pd

from kanbench.analysis.protocol import AXES, FIXED, unshared

LABELS = ("experiment", "commit", "accelerator", "threads", "cell", "reason", "status")  # no part of a protocol
SIZES = "|".join(name for name in FIXED if name.endswith("_size"))
LONGEST = 60  # characters of a name, before what tells it from another


def split(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Split records into parts that can share tables, by a name that says which settings differ.

    A part has one suite, one protocol but for the axes, and one data set for each task.

    Names are short, of letters, digits and `.=+_-`, and differ in more than their case. A part alone has that of its
    suite.
    """
    kinds = {protocol: kind_of(part) for protocol, part in frame.groupby("protocol")}
    kind = frame.protocol.map(kinds).rename("kind")
    data = _data_sets(frame).rename("data set")
    parts = dict(list(frame.groupby(["suite", kind, data], sort=False)))
    trained = frame[frame.budget.notna()]  # references may have other values
    settings = {name: unshared(trained[name]) for name in differing(trained, kind)}
    several = len(frame.suite.unique()) > 1 or len(parts) == 1
    labels = [
        "-".join(
            [*[suite] * several, *(_said(part, name, texts) for name, texts in settings.items()), *[data] * bool(data)]
        )
        for (suite, _, data), part in parts.items()
    ]
    return dict(zip(folder_names(labels, ["\n".join(key) for key in parts]), parts.values(), strict=True))


def in_words(name: str) -> str:
    """Return the name of a part as titles say it, such as "2,000 training rows, steps=80"."""
    said = re.sub(rf"({SIZES})=(\d+)(\.0)?\b", lambda found: f"{int(found[2]):,} {FIXED[found[1]]}", name)
    return re.sub(r"(?<= rows)-|-(?=[\d,]+ \w+ rows)", ", ", said)


def _data_sets(frame: pd.DataFrame) -> pd.Series:
    """For tasks whose data differ, as two targets of one table do, which data a record is of; "" for all others."""
    if "data" not in frame:
        return pd.Series("", frame.index)
    several = frame.groupby(["suite", "task"]).data.transform("nunique") > 1
    return ("data=" + frame.data.str[:6]).where(several, "")


def folder_names(labels: Sequence[str], contents: Sequence[str]) -> list[str]:
    """A name like each label; digits of the hash of the contents, which differ, end them where labels alone do not."""
    short = [re.sub(r"[^\w.=+-]+", "_", label, flags=re.ASCII)[:LONGEST].strip("._-") for label in labels]
    hashes = [hashlib.sha256(content.encode()).hexdigest() for content in contents]
    tries = ([f"{name}-{each[:n]}".strip("-") for name, each in zip(short, hashes, strict=True)] for n in (0, 6, 64))
    return next(names for names in tries if len({name.casefold() for name in names if name}) == len(names))


def _said(part: pd.DataFrame, name: str, texts: dict[object, str]) -> str:
    """Return a column's value as `name=value`; `settings` is returned as it is, since it lists names and values."""
    value = part.sort_values("budget", na_position="last")[name].iloc[0]
    said = texts.get(value, str(value))
    return said if name == "settings" else f"{name}={said}"


def kind_of(part: pd.DataFrame) -> str:
    """Return what the protocol of each record fixes, the axes left out.

    Older records do not say it, so each of their protocols is a kind of its own."""
    first = part.iloc[0]
    if not isinstance(first.get("settings"), str):
        return str(first.protocol)
    held = [str(first[name]) for name in FIXED if name not in AXES and name in part]
    return "; ".join([*held, *map(str, sorted(part.seed.unique()))])


def differing(trained: pd.DataFrame, kind: pd.Series) -> list[str]:
    """Columns that hold one value per kind, and not the same in all of them: what makes them differ."""
    if len(set(kind)) == 1:
        return []
    by_kind = trained.groupby(kind)
    candidates = [name for name in trained if name not in (*LABELS, "protocol", "suite", "task")]
    return [
        n for n in candidates if by_kind[n].nunique(dropna=False).max() == 1 and len(trained[n].dropna().unique()) > 1
    ]
