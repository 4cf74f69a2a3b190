"""What `load_records` does with files that are not what they should be."""

import gzip
import shutil

import pytest
from analysis.test_summary import member

from kanbench.analysis import load_records
from kanbench.store.record import CellRecord, RecordStore


def run_with(folder, error=0.5, **changes):
    """A run of one cell, in a folder of its own."""
    store = RecordStore(folder / "cells")
    store.prepare()
    row = member("KAN RBF", "a", 50, 0, error, cell="k", **changes)
    store.write(CellRecord("k", [row], {}, {}, {}))
    return store.path("k")


def test_a_cell_in_two_runs_counts_once_and_that_is_said(tmp_path, caplog):
    one = run_with(tmp_path / "one", experiment="one", seconds=1.0)
    other = run_with(tmp_path / "other", experiment="other", seconds=2.0)
    frame = load_records(tmp_path)
    assert frame.experiment.tolist() == ["one"]
    assert caplog.messages == [f"1 cell was found more than once and counted once, as {one} and {other}"]
    assert len(load_records([one, one, other])) == 1


def test_a_file_that_is_named_twice_is_one_file(tmp_path, caplog):
    path = run_with(tmp_path)
    assert len(load_records([path, path])) == 1
    assert caplog.messages == []


def test_two_records_of_one_cell_with_different_results_are_refused_with_both_paths(tmp_path):
    one, other = run_with(tmp_path / "one"), run_with(tmp_path / "other", error=0.25)
    with pytest.raises(ValueError, match="of one cell with different results") as refused:
        load_records(tmp_path)
    assert f"{one} and {other}" in str(refused.value)


def test_the_record_of_another_cell_is_left_out(tmp_path, caplog):
    path = run_with(tmp_path)
    shutil.copy(path, path.with_name("j.json"))
    assert load_records(tmp_path).cell.tolist() == ["k"]
    assert "j.json: holds the record of another cell, k" in caplog.text


def test_where_one_of_two_is_damaged_the_other_counts(tmp_path):
    damaged = run_with(tmp_path / "damaged")
    run_with(tmp_path / "other", experiment="other")
    damaged.write_bytes(damaged.read_bytes()[:-3])
    assert load_records(tmp_path).experiment.tolist() == ["other"]


@pytest.mark.parametrize("cut", [5, 60, -4])
def test_a_records_table_that_is_cut_short_is_one_sentence(tmp_path, cut):
    run_with(tmp_path)
    path = tmp_path / "table/records.csv.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(load_records(tmp_path).to_csv(index=False).encode())[:cut])
    with pytest.raises(ValueError, match=r"records.csv.gz: not a table of records"):
        load_records(path.parent)
