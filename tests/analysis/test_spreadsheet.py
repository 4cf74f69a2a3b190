"""CSV files may be opened by spreadsheets, which run what begins like a formula."""

import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanbench.analysis.spreadsheet import FORMULA, marked, read_marked, unmarked, write_csv

ATTACK = '=HYPERLINK("http://evil","x")'


def test_no_cell_of_a_file_begins_like_a_formula(tmp_path):
    names = [ATTACK, "+1", "-x", "@SUM(A1)", "\t=1", "\r=1", "'=1", "KAN Taylor", ""]
    frame = pd.DataFrame({"task": names, "error": -1.0, ATTACK: 1})
    write_csv(frame, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["task", "error", f"'{ATTACK}"]
    assert not [row[0] for row in rows if row[0][:1] in set("=+-@\t\r\n")]
    assert {row[1] for row in rows} == {"-1.0"}  # a number is a number
    again = read_marked(pd.read_csv(tmp_path / "a.csv", keep_default_na=False))
    assert again.task.tolist() == [name.replace("\r", "\n") for name in names]


@given(st.text() | st.text("=+-@'\t", max_size=5))
def test_every_text_comes_back(text):
    assert unmarked(marked(text)) == text.replace("\r", "\n")
    assert not pd.Series([marked(text)]).str.match(FORMULA).any()


@pytest.mark.parametrize("value", [np.nan, None, 1.5, True])
def test_what_is_no_text_stays_as_it_is(value):
    assert marked(value) is value
    assert unmarked(value) is value
