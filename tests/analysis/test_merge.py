"""Records of several folders and tables as one."""

import re
from pathlib import Path

import pandas as pd
import pytest
from analysis.test_summary import both, frame, member

from kanbench.analysis import load_records, summarize
from kanbench.cli.main import run_command

SETTING = {"optimizer": "LevenbergMarquardt", "settings": "steps=9", "precision": "double", "results_version": 2}
SAID = {"metric": "rel_l2", "measure": "relative L2 error on test", "data": "d", "protocol": "p"}


def theirs(method, error, task="a", budget=50, seeds=(0, 1), **changes):
    return [member(method, task, budget, seed, error * (1 + seed), **SETTING | SAID | changes) for seed in seeds]


ALL = [theirs("MLP tanh", 0.2), theirs("KAN Taylor", 0.1), theirs("KAN RBF", 0.3)]


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Two folders of records: the MLP is in both, each has a KAN of its own."""
    monkeypatch.chdir(tmp_path)
    frame(theirs("MLP tanh", 0.2) + theirs("KAN Taylor", 0.1), tmp_path / "A")
    frame(theirs("MLP tanh", 0.2) + theirs("KAN RBF", 0.3), tmp_path / "B")
    return ["A", "B"]


def test_two_folders_are_one_comparison_and_what_both_have_counts_once(places, caplog):
    records = load_records(places)
    assert records.groupby("method").size().to_dict() == {"KAN RBF": 2, "KAN Taylor": 2, "MLP tanh": 2}
    assert caplog.messages == ["2 records are in both A and B and are counted once, as in A"]
    pd.testing.assert_frame_equal(
        summarize(records, "MLP tanh"),
        summarize(frame([row for rows in ALL for row in rows], Path("C")), "MLP tanh"),
    )


def test_a_table_and_a_folder_are_one_too_and_a_record_in_its_table_is_the_same_record(places, caplog):
    load_records("A").assign(lr=1 / 3).to_csv("records.csv", index=False)
    frame([row | {"lr": 1 / 3} for row in theirs("MLP tanh", 0.2)], Path("D"))
    records = load_records(["records.csv", "D"])
    assert len(records) == 4
    assert caplog.messages == ["2 records are in both records.csv and D and are counted once, as in records.csv"]


def test_numbers_that_differ_beyond_rounding_are_said_and_how_far(places, caplog):
    frame(theirs("MLP tanh", 0.25, seeds=(0,)), Path("C"))
    frame(theirs("MLP tanh", 0.2 * (1 + 1e-9), seeds=(0,)), Path("D"))
    records = load_records(["A", "C"])
    assert records[records.method == "MLP tanh"].test_rel_l2.tolist() == [0.2, 0.4]
    (said,) = caplog.messages
    assert said == (
        "1 record is in both A and C and is counted once, as in A; 1 of them differs beyond rounding, most of all "
        "MLP tanh on a at 50, seed 0 (train_rel_l2 0.2 and 0.25, 20 % apart)"
    )
    caplog.clear()
    load_records(["A", "D"])
    assert caplog.messages == ["1 record is in both A and D and is counted once, as in A"]


def test_of_many_that_differ_the_furthest_are_named(places, caplog):
    frame(
        [row | {"val_rel_l2": row["val_rel_l2"] * (1.01 + row["seed"])} for row in theirs("KAN Taylor", 0.1)], Path("C")
    )
    load_records(["A", "C"])
    assert re.search(
        r"2 of them differ beyond rounding, most of all KAN Taylor on a at 50, seed 1 .*, seed 0 ", caplog.text
    )


def test_one_method_as_two_cells_would_count_twice_and_is_refused(places):
    again = load_records("A")
    again.assign(cell=again.cell.where(again.method != "KAN Taylor", "z")).to_csv("again.csv", index=False)
    said = "A and again.csv cannot be compared: KAN Taylor on a at 50 is another cell in each, and would count twice"
    with pytest.raises(ValueError, match=said):
        load_records(["A", "again.csv"])


def test_another_status_is_a_difference(places, caplog):
    frame(theirs("MLP tanh", 0.2, status="diverged"), Path("C"))
    load_records(["A", "C"])
    assert "MLP tanh on a at 50, seed 0 (status ok and diverged), MLP tanh on a at 50, seed 1" in caplog.text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"precision": "single", "protocol": "q"}, "precision differ (double in A, single in B; column precision)"),
        (
            {"settings": "steps=9; damping=2", "protocol": "q"},
            "settings of the optimizer differ (none in A, damping=2 in B; column settings)",
        ),
        (
            {"results_version": 1, "protocol": "q"},
            "versions of the results differ (2 in A, 1 in B; column results_version)",
        ),
        ({"seeds": (0, 1, 2), "protocol": "q"}, "seeds differ (0, 1 in A, 0, 1, 2 in B)"),
        (
            {"metric": "rel_cross_entropy", "measure": "cross-entropy", "test_rel_cross_entropy": 0.4},
            "their scores differ (relative L2 error on test in A, cross-entropy in B)",
        ),
        ({"data": "e"}, "the data of task a differ (suite s; column data)"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_setting_and_both_sources(
    changes, sentence, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    frame(theirs("MLP tanh", 0.2), tmp_path / "A")
    frame(theirs("KAN RBF", 0.3, **changes), tmp_path / "B")
    for words in (["tables", "A", "B", "--out", "T"], ["report", "A", "B", "--out", "page.html"]):
        assert run_command(*words) == 2
        error = capsys.readouterr().err
        assert f"A and B cannot be compared: {sentence}\n" in error
        assert error.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"A", "B"}


def test_older_records_that_do_not_say_their_settings_are_refused_by_their_protocol(tmp_path):
    frame(both("a", 50, [0.1], [0.2]), tmp_path / "A")
    frame(both("a", 50, [0.1], [0.2], protocol="q"), tmp_path / "B")
    with pytest.raises(ValueError, match="different protocols, which older records do not describe"):
        load_records([tmp_path / "A", tmp_path / "B"])


def test_levels_of_an_axis_may_come_from_several_folders(tmp_path):
    for noise, protocol in ((0.0, "p"), (0.1, "q")):
        rows = theirs("MLP tanh", 0.2, noise=noise, protocol=protocol, cell=f"c{protocol}")
        frame(rows, tmp_path / protocol)
    assert load_records([tmp_path / "p", tmp_path / "q"]).noise.tolist() == [0.0, 0.0, 0.1, 0.1]


def test_a_third_source_may_have_what_the_second_has(places):
    frame(theirs("KAN Sine", 0.1), Path("C"))
    assert len(load_records([*places, "C"]).method.unique()) == 4


def test_a_source_without_records_is_named(places, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for words in (["A", "empty"], ["A", "nowhere"]):
        assert run_command("tables", *words, "--out", "T") == 2
        assert re.search(f"kanbench: {words[1]}: no (such folder of )?records", capsys.readouterr().err)
    assert not (tmp_path / "T").exists()


def test_tables_of_two_folders(places, tmp_path, capsys):
    assert run_command("tables", "A", "B", "--out", "T", "--baseline", "MLP tanh") == 0
    assert len(pd.read_csv("T/failures.csv")) == 3


def test_where_the_words_about_several_results_stand(places, capsys):
    assert run_command("report", "A", "B") == 2
    assert capsys.readouterr().err == "kanbench: report: say where the page of several results goes: --out page.html\n"
    assert run_command("tables", "A", "--out", "T", "B") == 2
    assert "tables takes folders and tables of records, one after the other" in capsys.readouterr().err
