"""The benchmark that trains slices of the published studies again: what it trains, and what it says of them."""

import pandas as pd
import pytest

from benchmarks.reproduced import SLICES, Slice, goals, row
from kanbench.cli.reproduce import study_files

NEEDS_CHECKOUTS = {"outside"}


def test_every_published_study_has_a_slice_with_its_own_seeds_and_one_worker():
    of_same_seeds = {part.study for part in SLICES if not part.other_seeds}
    assert of_same_seeds == set(study_files()) - NEEDS_CHECKOUTS
    assert all(part.all_words.split()[-1] == "trainer.workers=1" for part in SLICES)
    assert len({(part.folder, part.study) for part in SLICES}) == len(SLICES)  # no slice is among another's records


def test_a_row_counts_members_to_the_last_bit_and_medians_to_five_percent():
    published = pd.DataFrame(
        {"suite": "s", "task": "t", "method": "m", "budget": 50, "seed": range(4), "status": "ok", "commit": "a" * 40}
        | {"results_version": 3, "score": [0.1, 0.2, 0.3, 0.4]}
    ).assign(test_rel_l2=lambda frame: frame.score)
    ours = published[published.seed < 3].assign(commit="b" * 40)
    ours.loc[2, ["score", "test_rel_l2"]] *= 1.0 + 2**-52  # a last bit
    found = row(Slice("study", "data.tasks=[t]", other_seeds="seeds=3"), ours, published)
    assert (found["words"], found["seeds"]) == ("data.tasks=[t] seeds=3 trainer.workers=1", "other")
    assert [found[name] for name in ("members", "equal", "cells", "near")] == [3, 2, 1, 1]
    assert found["largest_difference"] == pytest.approx(2**-52, rel=0.5)
    assert (found["published_at"], found["trained_at"]) == ("aaaaaaa", "bbbbbbb")
    equal, near = goals([found, {"seeds": "same", "members": 2, "equal": 2}])
    assert (equal.measured, equal.reached, near.measured, near.reached) == ("2 of 2", True, "1 of 1", True)
    assert goals([found | {"seeds": "same"}])[0].reached is False
