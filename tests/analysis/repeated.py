"""What results/README.md says of slices of the studies that were trained again, from the table of the benchmark."""

import pandas as pd

from tests.analysis.by_hand import ROOT
from tests.analysis.wording import listed, percent, say

LAST_DIGITS, SMALL = 1e-12, 0.01  # relative differences


def repeated():
    found = pd.read_csv(ROOT / "benchmarks/records/reproduced.csv")
    assert found.words.str.endswith("trainer.workers=1").all()
    same, other = (found[found.seeds == seeds] for seeds in ("same", "other"))
    studies, members, cells = same.study.nunique(), same.members.sum(), other.cells.sum()
    assert other.near.sum() == cells
    unequal = same[same.equal < same.members].sort_values("largest_difference")
    return {
        "equal": f"{same.equal.sum():,} of {members:,} members of {say(studies)} studies are equal to the last bit",
        "unequal": f"{say((unequal.members - unequal.equal).sum())}, of older code, are not: {listed(_apart(unequal))}",
        "elsewhere": f"{other.equal.sum()} of {other.members.sum()} are equal, the medians of all {cells} cells are "
        f"within 5 %, and the furthest error is {percent(other.largest_difference.max())} apart",
    }


def _apart(unequal):
    """How far the members of each study are apart."""
    said = []
    for row in unequal.itertuples():
        some = f"{say(row.members - row.equal)} of `{row.study}`"
        if row.largest_difference < LAST_DIGITS:
            said.append(f"{some} differ in the last digit")
        elif row.largest_difference < SMALL:
            said.append(f"{some} by up to {100 * row.largest_difference:.1g} %")
        else:
            near = f"medians within 5 % in {say(row.near)} of {say(row.cells)} cells"
            said.append(f"{some} have drifted apart ({near})")
    return said
