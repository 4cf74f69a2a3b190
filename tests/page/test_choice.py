"""Which records and which networks are on the page."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kanbench.page.choose import Choice, choose, named
from kanbench.page.results import plain, plain_records
from kanbench.page.source import CannotReport, comparable_records, find_source
from kanbench.store.record import CellRecord, RecordStore


def member(method, task, budget, seed, error, **changes):
    key = f"{method}-{task}-{budget}"
    facts = {
        "experiment": "e", "suite": "s", "task": task, "same_as": "", "method": method, "budget": budget, "seed": seed,
        "lr": None, "val_rel_l2": error, "test_rel_l2": error, "score": error, "status": "ok", "cell": key,
        "protocol": "p",
    }  # fmt: skip
    return facts | changes


def frame(rows):
    made = pd.DataFrame(rows)
    return made.assign(lr=made.lr.astype(float))


# Task b is where the methods differ most: its errors are about 0.1 and 0.001, those of a 0.1 and 0.05.
ERRORS = {
    ("KAN", "a"): (0.12, 0.1, 0.08),
    ("KAN", "b"): (0.12, 0.1, 0.08),
    ("MLP", "a"): (0.025, 0.05, 0.075),
    ("MLP", "b"): (0.0015, 0.0005, 0.001),
}
ROWS = [
    member(method, task, budget, seed, error)
    for (method, task), errors in ERRORS.items()
    for budget in (50, 100, 200)
    for seed, error in enumerate(errors)
]


def test_best_and_median_members_at_the_middle_budget_where_methods_differ_most():
    assert choose(frame(ROWS), limit=5) == [
        Choice("KAN-b-100", 2, None, "best"),
        Choice("KAN-b-100", 1, None, "median"),
        Choice("MLP-b-100", 1, None, "best"),
        Choice("MLP-b-100", 2, None, "median"),
        Choice("KAN-a-100", 2, None, "best"),
    ]


def test_another_budget_and_no_networks():
    assert {choice.cell for choice in choose(frame(ROWS), 99, 200)} == {
        "KAN-a-200",
        "KAN-b-200",
        "MLP-a-200",
        "MLP-b-200",
    }
    assert choose(frame(ROWS), 0) == []
    with pytest.raises(CannotReport, match="budget must be one of 50, 100, 200, got 70"):
        choose(frame(ROWS), 9, 70)


def test_members_that_diverged_are_not_shown():
    rows = [member("KAN", "a", 50, 0, 1.0, status="diverged"), member("KAN", "a", 50, 1, 0.5)]
    assert choose(frame(rows), 9) == [Choice("KAN-a-50", 1, None, "best")]


def test_members_by_name():
    assert named(frame(ROWS), "MLP-a-50") == Choice("MLP-a-50", 0, None, "named")
    assert named(frame(ROWS), "MLP-a-50:2") == Choice("MLP-a-50", 2, None, "named")
    with pytest.raises(CannotReport, match="member=MLP: 6 cells"):
        named(frame(ROWS), "MLP")
    with pytest.raises(CannotReport, match="member=MLP-a-50:7: 0 cells"):
        named(frame(ROWS), "MLP-a-50:7")


@pytest.fixture
def study(tmp_path):
    """Records of a run of two jobs, whose folder has moved since."""
    store = RecordStore(tmp_path / "run" / "cells")
    store.prepare()
    for key, protocol in (("one", "p1"), ("two", "p2")):
        row = member("KAN", "a", 50, 0, 0.5, cell=key, protocol=protocol)
        row.pop("score")
        store.write(CellRecord(key, [row], {"steps": [], "validation_mse": []}, {}, {}))
        job = tmp_path / "run" / "jobs" / key
        job.mkdir(parents=True)
        manifest = {"cells": [f"/elsewhere/cells/{key}.json"], "baseline": None, "title": key, "command": f"run {key}"}
        (job / "cells.json").write_text(json.dumps(manifest))
    return tmp_path / "run"


def test_a_folder_holds_the_records_of_all_its_jobs_and_a_job_its_own(study):
    whole, one = find_source(study), find_source(study / "jobs" / "one")
    assert [cell.stem for cell in whole.cells] == ["one", "two"]
    assert whole.commands == ("run one", "run two")
    assert (whole.title, one.title) == ("run", "one")
    assert one.cells == (study / "cells" / "one.json",)


def test_a_sweep_holds_the_records_of_all_its_jobs_wherever_all_runs_have_moved(study):
    for number, key in enumerate(("one", "two")):
        job = study.parent / "sweeps" / "today" / str(number)
        job.mkdir(parents=True)
        manifest = json.loads((study / "jobs" / key / "cells.json").read_text())
        (job / "cells.json").write_text(json.dumps(manifest | {"cells": [f"elsewhere/run/cells/{key}.json"]}))
    sweep = find_source(study.parent / "sweeps" / "today")
    assert sweep.cells == (study / "cells" / "one.json", study / "cells" / "two.json")
    assert sweep.commands == ("run one", "run two")


def test_a_copied_run_shows_its_own_records_and_not_those_of_the_run_it_was_copied_from(study, tmp_path):
    copy = tmp_path / "copy" / "run"
    manifest = study / "jobs" / "one" / "cells.json"
    manifest.write_text(json.dumps(WHOLE | {"cells": [str(study / "cells" / "one.json")]}))
    shutil.copytree(study, copy)
    assert find_source(copy / "jobs" / "one").cells == (copy / "cells" / "one.json",)
    (copy / "cells" / "one.json").unlink()
    with pytest.raises(CannotReport, match="no records below"):
        find_source(copy / "jobs" / "one")


def test_a_job_in_a_folder_of_its_own_finds_its_records_by_their_path(study, tmp_path):
    job = tmp_path / "jobs" / "of" / "mine"
    job.mkdir(parents=True)
    (job / "cells.json").write_text(json.dumps(WHOLE | {"cells": [str(study / "cells" / "one.json")]}))
    assert find_source(job).cells == (study / "cells" / "one.json",)


def test_the_folder_of_a_job_may_be_the_one_where_one_is(study, monkeypatch):
    monkeypatch.chdir(study / "jobs" / "one")
    assert find_source(Path()).cells == (study / "cells" / "one.json",)


def test_protocols_are_not_mixed(study):
    source = find_source(study)
    with pytest.raises(CannotReport, match=r"2 protocols .*choose one with protocol=.*p1 \(e\), p2 \(e\)"):
        comparable_records(source)
    assert comparable_records(source, "p2").cell.tolist() == ["two"]
    with pytest.raises(CannotReport, match="begins with 'p3'"):
        comparable_records(source, "p3")


def test_no_records_no_page(tmp_path):
    with pytest.raises(CannotReport, match="no records below"):
        find_source(tmp_path)
    with pytest.raises(CannotReport, match="is not a folder"):
        find_source(tmp_path / "none")


WHOLE = {"cells": [], "baseline": None, "title": "a", "command": "b"}
WRONG = [{"cells": [3]}, {"cells": "one"}, {"cells": {}}, {"baseline": 3}, {"title": None}, {"command": ["b"]}]


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"cells": []}', "null", "\\ud800", *(json.dumps(WHOLE | each) for each in WRONG)]
)
def test_a_damaged_manifest_is_named(study, content):
    path = study / "jobs" / "two" / "cells.json"
    path.write_text(content)
    with pytest.raises(CannotReport, match=f"{path} is damaged"):
        find_source(study)


def test_a_manifest_that_is_a_folder_is_one_sentence(study):
    path = study / "jobs" / "two" / "cells.json"
    path.unlink()
    path.mkdir()
    with pytest.raises(CannotReport, match=f"report: {path}: not a file"):
        find_source(study)


def test_two_versions_of_one_table_are_one_sentence_and_each_job_still_has_its_page(study):
    """As after an edit of the table: both runs write into one folder."""
    store = RecordStore(study / "cells")
    for key in ("one", "two"):
        store.path(key).unlink()
        row = member("KAN", "t", 50, 0, 0.5, cell=key, data=key, protocol="p")
        row.pop("score")
        store.write(CellRecord(key, [row], {"steps": [], "validation_mse": []}, {}, {}))
    with pytest.raises(CannotReport, match=r"cannot be compared: the data of task t differ .*one job"):
        comparable_records(find_source(study))
    assert comparable_records(find_source(study / "jobs" / "two")).cell.tolist() == ["two"]


def test_records_that_are_all_damaged_make_no_page(study):
    for path in study.glob("cells/*.json"):
        path.write_text("{")
    with pytest.raises(CannotReport, match="none of the 2 records can be read"):
        comparable_records(find_source(study))


def test_numbers_as_json_has_them():
    assert plain(0.123456789) == 0.123457
    assert plain(np.float64(3.0)) == 3
    assert plain(float("nan")) is None
    assert plain(float("-inf")) is None
    assert plain("text") == "text"
    assert plain(1e300) == 1e300


def test_records_column_by_column_lose_nothing():
    table = plain_records(frame(ROWS[:4]))
    assert table["seed"]["values"] == [0, 1, 2, 0]
    assert [table["task"]["texts"][code] for code in table["task"]["codes"]] == ["a", "a", "a", "a"]
    assert "lr" not in table  # there is none
