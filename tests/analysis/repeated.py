"""What results/README.md says of slices of the studies that were trained again, from the table of the benchmark."""

import pandas as pd

from tests.analysis.by_hand import ROOT
from tests.analysis.wording import percent, say


def repeated():
    found = pd.read_csv(ROOT / "benchmarks/records/reproduced.csv")
    assert found.words.str.endswith("trainer.workers=1").all()
    same, other = (found[found.seeds == seeds] for seeds in ("same", "other"))
    studies, members, cells = same.study.nunique(), same.members.sum(), other.cells.sum()
    assert other.near.sum() == cells
    return {
        "equal": f"{same.equal.sum():,} of {members:,} members of {say(studies)} studies are equal to the last bit",
        "elsewhere": f"{other.equal.sum()} of {other.members.sum()} are equal, the medians of all {cells} cells are "
        f"within 5 %, and the furthest error is {percent(other.largest_difference.max())} apart",
    }
