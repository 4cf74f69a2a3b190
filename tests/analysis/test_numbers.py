"""Every number of the README's opening and of results/README.md is computed from the records, or a named constant."""

import re

import numpy as np
import pandas as pd
import pytest

from tests.analysis.by_hand import ROOT, records
from tests.analysis.front_pages import CONSTANTS, ROWS, all_sentences, front_text, typed_numbers


@pytest.mark.parametrize("page", ROWS)
def test_no_number_of_a_page_is_typed_by_hand(page):
    assert typed_numbers(front_text(page), [*all_sentences(), *ROWS[page](), *CONSTANTS[page]]) == []


@pytest.mark.parametrize("page", ROWS)
def test_every_row_and_constant_is_on_its_page(page):
    for text in (*ROWS[page](), *CONSTANTS[page]):
        assert re.sub(r"\s+", " ", text) in front_text(page), text


def test_nothing_of_kanbench_is_imported_by_what_computes_the_pages():
    computing = [path for path in ROOT.glob("tests/analysis/*.py") if not path.name.startswith("test_")]
    assert len(computing) > 5
    assert not [path.name for path in computing if re.search(r"(from|import) kanbench", path.read_text("utf-8"))]


def test_numbers_in_words_and_digits_are_found_unless_they_are_known():
    text = "Nobody wins over 20 equations, by a factor of two, in one place."
    assert len(typed_numbers(text, [])) == 3
    assert typed_numbers(text, ["over 20 equations", "a factor of two"]) == []
    assert typed_numbers(text.replace("20", "30"), ["over 20 equations", "a factor of two"]) != []


def test_the_intervals_that_the_first_command_printed_are_those_of_redrawn_seeds():
    printed = pd.read_csv(ROOT / "results/feynman/summary.csv").set_index(["budget", "method"])
    draw = np.random.default_rng(0)
    for key, at in records("feynman").groupby(["budget", "line"]):
        errors = at.pivot_table("score", "task", "seed").to_numpy()
        n, n_seeds = errors.shape
        drawn = errors[np.arange(n)[:, None], draw.integers(n_seeds, size=(1000, n, n_seeds))]
        means = np.log(np.median(drawn, axis=-1)).mean(axis=1)
        expected = np.log(printed.loc[key, ["error_low", "error_high"]].astype(float))
        np.testing.assert_allclose(np.percentile(means, [2.5, 97.5]), expected, atol=0.1)
