"""The pages of the studies say what their records say, as it is computed again by hand."""

import numpy as np
import pandas as pd
import pytest

from kanbench.analysis.ratio import error_ratio
from tests.analysis.by_hand import MLP, ROOT, graded, pair, part, words
from tests.analysis.front_pages import FRONT_ONLY, STUDIES
from tests.analysis.pages import TABLES, rows_of


@pytest.mark.parametrize("study", TABLES)
def test_the_page_of_a_study_has_the_table_of_its_records(study):
    page = (ROOT / "results" / study / "README.md").read_text(encoding="utf-8")
    for row in rows_of(study):
        assert row in page


@pytest.mark.parametrize("study", STUDIES)
def test_the_pages_say_what_the_records_say(study):
    page = words(f"results/{study}/README.md")
    for name, sentence in STUDIES[study]().items():
        assert f"{study}.{name}" in FRONT_ONLY or sentence in page, sentence


@pytest.mark.parametrize("method", ["KAN Taylor", "KAN BSpline"])
def test_the_interval_of_a_ratio_is_that_of_kanbench(method):
    frame, found = part("frontier", budget=300), pair(part("frontier", budget=300), method)
    ours, theirs = (frame[frame.line == line].pivot_table("score", "task", "seed").to_numpy() for line in (method, MLP))
    published = error_ratio(ours, theirs, np.random.default_rng(1))
    by_hand = pd.Series(found)[["ratio", "low", "high"]].astype(float)
    np.testing.assert_allclose(np.log([published.estimate, published.low, published.high]), np.log(by_hand), atol=0.1)


@pytest.mark.parametrize("study", ["frontier", "frequency", "irregular", "pde", "robustness", "samples", "tables"])
def test_one_member_of_each_method_task_and_seed_is_graded_after_a_search(study):
    where = ["experiment", "line", "task", "budget", "train_size", "noise", "seed"]
    members = graded(study).query("searched.notna()").drop_duplicates([*where, "score"])  # two searches may have one
    assert not members.duplicated(where).any()
