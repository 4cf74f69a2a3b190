"""The members of two tables of records compared one by one: those of a published study, and those trained again."""

from dataclasses import dataclass, field
from math import inf, isnan, nan

import pandas as pd

from kanbench.analysis.merge import OTHER, difference, distances
from kanbench.errors import are, counted

SAME_MEMBER = [
    *("suite", "task", "method", "searched", "optimizer", "settings", "precision"),
    *("budget", "seed", "lr", "n_train", "noise", "extrapolation"),
]
NEAR = 0.01  # a ratio of errors that is within this of 1 agrees
NEAR_MEDIANS = 0.05  # and a ratio of medians over seeds


@dataclass(frozen=True)
class Agreement:
    """The agreement of two trainings of the same members.

    members: those that were compared, of so many `published` ones.   ratio: the median ratio of their test errors, NaN
    where none has one.   within: the share of ratios within 1 % of one.   largest: the largest relative difference of
    any error, infinite where the status differs.   furthest: the member that has it, and its two values.   cells: those
    that the members belong to.   near: the cells whose medians over seeds are within 5 % of each other.   equal: the
    members of which no error differs, to the last bit.   other: sentences about records of other versions of the
    results, which are not compared.

    On one machine, with one thread and the same seeds, no error differs at all. Beside other seeds a member has another
    place in its ensemble, and elsewhere the processor is another: rounding differs, and medians of cells agree.
    """

    members: int
    published: int
    ratio: float = nan
    within: float = nan
    largest: float = nan
    furthest: str = ""
    other: tuple[str, ...] = field(default=())
    cells: int = 0
    near: int = 0
    equal: int = 0

    def __str__(self) -> str:
        return "\n".join([*([self._compared] if self.members or not self.other else []), *self.other])

    @property
    def _compared(self) -> str:
        if self.members == 0:
            return "none of these members is in the published table"
        absent = self.published - self.members
        equal = f"{self.equal:,} {are(self.equal)} equal to the last bit"
        furthest = f"{equal}, and the largest difference is that of {self.furthest}"
        apart = furthest if self.furthest else "no error differs at all"
        left = f"; {absent:,} of the published ones {are(absent)} not among them" if absent else ""
        return (
            f"{counted(self.members, 'member')} {are(self.members)} in the published table as well, and compared one "
            f"by one: {apart}; {self._on_test}{left}"
        )

    @property
    def _on_test(self) -> str:
        if isnan(self.ratio):
            return "none has an error on test in both tables, because only the shapes that a search chose have one"
        return (
            f"the median ratio of their errors is {self.ratio:.4f}, and {100 * self.within:.0f} % of the ratios are "
            f"within 1 % of one; the medians over seeds of {self.near:,} of {counted(self.cells, 'cell')} are within "
            "5 % of the published"
        )


def agreement(ours: pd.DataFrame, published: pd.DataFrame) -> Agreement:
    """Compare the errors of every member that two tables share, on all splits, and its status.

    Trained again, a member differs by rounding only, which another processor may do differently. Members of different
    versions of the results are different by intention, and are not compared.
    """
    ours, published = (frame.assign(version=versions(frame)) for frame in (ours, published))
    known = [name for name in SAME_MEMBER if name in ours and name in published]  # older tables have fewer
    other = tuple(_of_other_versions(ours, published))
    both = ours.merge(published, on=[*known, "version"], suffixes=("", OTHER))
    comparable = int(published.version.isin(ours.version).sum())
    if both.empty:
        return Agreement(0, comparable, other=other)
    ratios = (both.score / both[f"score{OTHER}"]).mask((both.score == 0.0) & (both[f"score{OTHER}"] == 0.0), 1.0)
    ratios = ratios.dropna()  # shapes that no search chose have no test error, and are compared on the other splits
    apart = _distances(both)
    furthest = apart.max(axis=1).fillna(0.0)
    if f"status{OTHER}" in both:
        furthest = furthest.mask(both.status != both[f"status{OTHER}"], inf)
    worst = furthest.idxmax()
    return Agreement(
        len(both),
        comparable,
        ratio=float(ratios.median()),
        within=float(((ratios - 1.0).abs() <= NEAR).mean()),
        largest=float(furthest[worst]),
        furthest=difference(both.loc[worst], apart.loc[worst]) if furthest[worst] > 0.0 else "",
        other=other,
        equal=int((furthest == 0.0).sum()),
        **_near_medians(both, [name for name in known if name != "seed"]),
    )


def _distances(both: pd.DataFrame) -> pd.DataFrame:
    """Return the distances of all errors, 0 of a measure that one record does not even have on train: it is older."""
    apart = distances(both)
    for train in [name for name in apart if name.startswith("train_")]:
        measure = train.removeprefix("train_")
        absent = both[train].isna() != both[f"{train}{OTHER}"].isna()
        apart.loc[absent, [name for name in apart if name.partition("_")[2] == measure]] = 0.0
    return apart


def _near_medians(both: pd.DataFrame, cell: list[str]) -> dict[str, int]:
    """Return the number of cells, and of those whose medians over the shared seeds agree."""
    medians = both.groupby(cell, dropna=False)[["score", f"score{OTHER}"]].median().dropna()
    apart = (medians.score - medians[f"score{OTHER}"]).abs()
    return {"cells": len(medians), "near": int((apart <= NEAR_MEDIANS * medians[f"score{OTHER}"]).sum())}


def versions(frame: pd.DataFrame) -> pd.Series:
    """Return the version of the results of each row; 0 where it is older than the column."""
    if "results_version" not in frame:
        return pd.Series(0, frame.index)
    return frame.results_version.fillna(0).astype(int)


def _of_other_versions(ours: pd.DataFrame, published: pd.DataFrame) -> list[str]:
    """Return a sentence about the published members, and one about ours, that only one of the two has a version of."""
    newest = ours.version.max()
    said = []
    old = published[~published.version.isin(ours.version)]
    if len(old):
        said.append(
            f"{counted(len(old), 'published member')} {are(len(old))} of {_named(old)} and these of version {newest}: "
            "their numbers differ by intention, and they are not compared; the new tables take the place of the old "
            "ones"
        )
    stale = ours[ours.version < newest]
    if len(stale):
        said.append(
            f"{counted(len(stale), 'member')} below the results {are(len(stale))} of {_named(stale)} and not of "
            f"version {newest}: train them again in an empty folder, --results DIR"
        )
    return said


def _named(frame: pd.DataFrame) -> str:
    found = sorted(set(frame.version))
    names = ["a version before they were counted" if version == 0 else f"version {version}" for version in found]
    return f"{' and '.join(names)} of the results"
