"""The settings that a comparison holds fixed. Records that differ are refused, and the refusal names the difference."""

from collections.abc import Hashable
from math import isnan

import pandas as pd

from kanbench.analysis.curves import is_of_curve

FIXED = {  # column: what it is
    "train_size": "training rows",
    "validation_size": "validation rows",
    "test_size": "test rows",
    "noise": "noise of the training targets",
    "extrapolation": "extrapolation of the test points",
    "vary": "what varies between seeds",
    "optimizer": "optimizers",
    "settings": "settings of the optimizer",
    "precision": "precision",
    "results_version": "versions of the results",
}
AXES = {  # of a sweep whose every level is a comparison of its own: column and name
    "train_size": "training rows",
    "noise": "noise",
    "extrapolation": "extrapolation",
}
BEFORE = {"noise": 0.0, "extrapolation": 0.0, "vary": "all"}  # of all records that are older than the column
Level = dict[str, float]


def complete(frame: pd.DataFrame) -> pd.DataFrame:
    """The records with what older ones among them leave unsaid in columns of `FIXED`.

    A protocol is the hash of all that these columns say, so what one record of it says holds for every other. A column
    that no record has stays away.
    """
    unsaid = [name for name in FIXED if name in frame and frame[name].isna().any()]
    if not unsaid:
        return frame
    known = frame[unsaid].fillna(frame.groupby("protocol")[unsaid].transform("first"))
    before = BEFORE | ({"train_size": frame.n_train} if "n_train" in frame else {})
    return frame.assign(**{name: known[name].fillna(before[name]) if name in before else known[name] for name in known})


def levels(frame: pd.DataFrame) -> list[tuple[Level, pd.DataFrame]]:
    """The records apart by the axes that differ among them: ({axis: value}, records), one pair if none does.

    Every record is in one of the pairs: those that do not say a value are a level of their own, NaN.
    """
    axes = [axis for axis in AXES if axis in frame and len(frame[axis].unique()) > 1]
    if not axes:
        return [({}, frame)]
    return [(dict(zip(axes, values, strict=True)), part) for values, part in frame.groupby(axes, dropna=False)]


def level_of(frame: pd.DataFrame) -> Level:
    """Return the level of records that share one: the value on every axis. Older records have no axes."""
    return {axis: float(frame[axis].iloc[0]) for axis in AXES if axis in frame}


def say_level(level: Level) -> str:
    """noise 0.1, training rows 1,000."""
    return ", ".join(f"{AXES[axis]} {'unknown' if isnan(value) else f'{value:,g}'}" for axis, value in level.items())


def check_protocol(frame: pd.DataFrame) -> None:
    """Raise `ValueError`, naming every difference, for records that no one comparison may hold.

    All must have the same splits, conditions, optimizer, precision and seeds, each task the same data, and all
    methods that are trained the same trials in every cell, and the same budgets unless shapes were given.
    """
    trained = frame[frame.budget.notna()]
    faults = [
        *_fixed(frame),
        *_per_cell(trained, "seed", "seeds"),
        *_per_cell(trained, "lr", "learning rates (trials)"),
        *_data(frame),
        *([] if is_of_curve(trained).any() else _budgets(trained)),
    ]
    if not faults and len(frame.protocol.unique()) > 1:
        faults = [f"they are of {frame.protocol.nunique()} protocols, which older records do not describe"]
    if faults:
        raise ValueError(f"these records cannot be compared: {'; '.join(faults)}")


def _fixed(frame: pd.DataFrame) -> list[str]:
    return [
        f"{meaning} differ ({_listed(frame[column].dropna())}; column {column})"
        for column, meaning in FIXED.items()
        if column in frame and len(frame[column].dropna().unique()) > 1
    ]


def _per_cell(frame: pd.DataFrame, column: str, meaning: str) -> list[str]:
    """Every cell must have the same values in a column."""
    values = frame.assign(value=frame[column].astype(object).where(frame[column].notna(), "none"))
    sets = values.groupby("cell").value.agg(lambda each: tuple(sorted(set(each), key=str)))
    if sets.nunique() < 2:
        return []
    first = sets.drop_duplicates()
    method = frame.drop_duplicates("cell").set_index("cell").method
    found = " and ".join(f"{', '.join(map(_short, sets[cell]))} of {method[cell]}" for cell in first.index[:2])
    return [f"{meaning} differ between cells ({found})"]


def _data(frame: pd.DataFrame) -> list[str]:
    if "data" not in frame:
        return []
    kinds = frame.groupby(["suite", "task"]).data.nunique()
    return [f"the data of task {task} differ (suite {suite}; column data)" for suite, task in kinds[kinds > 1].index]


def _budgets(trained: pd.DataFrame) -> list[str]:
    """Methods on other budgets have no place in each other's table; the sentence says which ones all share."""
    of_method = trained.groupby("method").budget.agg(lambda each: frozenset(int(budget) for budget in each))
    if of_method.nunique() < 2:
        return []
    shared = frozenset.intersection(*of_method)
    found = "; ".join(f"{method}: {', '.join(map(str, sorted(each)))}" for method, each in of_method.items())
    advice = f"all have {', '.join(map(str, sorted(shared)))}" if shared else "there is none that all have"
    return [f"budgets differ ({found}); {advice}"]


def _listed(values: pd.Series) -> str:
    return " and ".join(list(unshared(values).values())[:4])


def unshared(values: pd.Series) -> dict[object, str]:
    """Each of the values as text; of lists of settings only what they do not share."""
    texts = {value: _short(value).split("; ") for value in values.unique()}
    shared = set.intersection(*map(set, texts.values()))
    return {value: "; ".join(part for part in text if part not in shared) or "none" for value, text in texts.items()}


def _short(value: Hashable) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
