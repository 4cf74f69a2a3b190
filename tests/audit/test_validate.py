"""Faults that are committed to a folder of records; each must be found, with its file and row."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kanbench.analysis import load_records
from kanbench.analysis.spreadsheet import write_csv
from kanbench.audit.identity import _of_stop
from kanbench.bases import Taylor
from kanbench.cells import Cell, Precision, run_cell, unfinished
from kanbench.cells.cell import digest
from kanbench.cli.main import run_command
from kanbench.data import Shares, SplitSizes, load_suite, table_task
from kanbench.files import user_code
from kanbench.methods import REFERENCES, KANMethod, MLPMethod, OwnMethod
from kanbench.store.plan import Plan
from kanbench.store.record import SEAL, RecordStore, read_record
from kanbench.training import LBFGS, LevenbergMarquardt

TASKS = [replace(load_suite("feynman").task(name), smooth=True) for name in ("I.27.6", "I.6.2")]
CHECKS = ["checksums", "schema", "numbers", "protocol", "coverage", "sizes", "keys", "again"]


def cell(method, task, budget, **changes):
    facts = {
        "experiment": "e", "suite": "feynman", "task": task, "method": method, "budget": budget, "seeds": (0, 1),
        "optimizer": LevenbergMarquardt(steps=3), "sizes": SplitSizes(30, 30, 40), "precision": Precision.double,
    }  # fmt: skip
    return Cell(**facts | changes)


CELLS = [
    *(
        cell(method, task, 30)
        for task in TASKS
        for method in (MLPMethod(depth=1), KANMethod(1, basis=Taylor(degree=8)))
    ),
    *(cell(REFERENCES["regression"][0], task, 0) for task in TASKS),
]
KAN_CELL = CELLS[1]


@pytest.fixture(scope="module")
def trained():
    return [run_cell(each) for each in CELLS]


@pytest.fixture
def folder(trained, tmp_path):
    store = RecordStore(tmp_path / "run" / "cells")
    store.prepare()
    for record in trained:
        store.write(record)
    labels = [record.label for record in trained]
    Plan("command", [each.key for each in CELLS], [1.0] * len(CELLS), labels).write(tmp_path / "run")
    return tmp_path / "run"


def path_of(folder: Path, of: Cell = KAN_CELL) -> Path:
    return folder / "cells" / f"{of.key}.json"


def change(path: Path, row: int = 1, **columns):
    """Change columns of a row and seal the file again, as somebody who knows how would."""
    content = json.loads(SEAL.read(path))
    content["members"][row - 1] |= columns
    SEAL.write(path, json.dumps(content).encode())


def validate(folder, *words):
    """The exit code, and of each check whether it passed and its faults."""
    code = run_command("validate", str(folder), "--json", str(folder / "checks.json"), *(words or ("--again", "0")))
    found = json.loads((folder / "checks.json").read_text())
    assert found["passed"] is (code == 0)
    assert [check["check"] for check in found["checks"]] == CHECKS
    return code, {check["check"]: check for check in found["checks"]}


def the_fault(folder, check, file, row="", *words):
    """What the one check that fails says of the one file and row that it names."""
    code, checks = validate(folder, *words)
    assert code == 1
    assert [name for name in CHECKS if checks[name]["passed"] is False] == [check]
    faults = checks[check]["faults"]
    assert {(fault["file"], fault["row"]) for fault in faults} == {(str(file), row)}
    return faults[0]["said"]


def test_sound_records_pass_with_one_line_per_check_and_three_members_come_again(folder, capsys):
    assert run_command("validate", str(folder)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[: len(CHECKS)]] == [["ok", check] for check in CHECKS]
    assert lines[0].endswith("7 of 7 sealed files are whole (6 records, 1 plan)")
    assert "3 methods on 2 tasks at 1 budget with 2 seeds: 12 members of 6 cells" in lines[4]
    assert "3 members trained again (" in lines[7]
    assert lines[-1] == "8 of 8 checks passed, 0 not made"


def test_failed_and_skipped_cells_are_failures_that_are_there(folder):
    store = RecordStore(folder / "cells")
    small = [
        cell(method, task, 3) for task in TASKS for method in (MLPMethod(depth=1), KANMethod(1, basis=Taylor(degree=8)))
    ]
    for each in small:
        store.write(unfinished(each, "skipped", "a budget of 3 parameters is too small for it"))
    code, checks = validate(folder)
    assert (code, "8 skipped" in checks["coverage"]["said"]) == (0, True)


def test_a_flipped_digit_is_found_by_the_checksum(folder):
    path = path_of(folder)
    text = path.read_text()
    at = text.index('"test_rel_l2": 0.') + len('"test_rel_l2": 0.') + 3
    path.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])
    code, checks = validate(folder)
    assert code == 1
    (fault,) = checks["checksums"]["faults"]
    assert (fault["file"], "does not match its checksum" in fault["said"]) == (str(path), True)


@pytest.mark.parametrize("column", ["test_rel_l2", "val_rmse", "train_r2"])
def test_a_changed_metric_in_a_file_that_was_sealed_again_does_not_fit_the_others(column, folder):
    path = path_of(folder)
    change(path, 2, **{column: read_record(path).members[1][column] * 1.0001})
    assert "does not follow from" in the_fault(folder, "numbers", path, "2")


def test_errors_that_fit_each_other_and_no_training_are_found_by_training_again(folder):
    path = path_of(folder)
    for row, member in enumerate(read_record(path).members, start=1):
        error, rmse = member["test_rel_l2"] / 2, member["test_rmse"] / 2
        change(path, row, test_rel_l2=error, test_rmse=rmse, test_r2=1.0 - error**2)
    code, checks = validate(folder, "--again", "12")
    assert code == 1
    assert {fault["file"] for fault in checks["again"]["faults"]} == {str(path)}
    assert "test_rel_l2 is" in checks["again"]["faults"][0]["said"]
    assert checks["numbers"]["passed"]


def test_an_absent_seed_is_named(folder):
    path = path_of(folder)
    content = json.loads(SEAL.read(path))
    del content["members"][1]
    SEAL.write(path, json.dumps(content | {"curve": {}}).encode())
    code, checks = validate(folder)
    assert code == 1
    said = {fault["said"] for fault in checks["coverage"]["faults"] if fault["file"] == str(path)}
    assert "KAN Taylor degree=8 depth=1 on I.27.6 at 30: seed 1 is absent" in said


def test_an_absent_cell_is_named_by_its_method_task_and_budget(folder):
    path_of(folder).unlink()
    _, checks = validate(folder)
    said = [fault["said"] for fault in checks["coverage"]["faults"]]
    assert said[0].startswith("KAN Taylor degree=8 depth=1 on I.27.6 at 30 is absent")
    assert said[1] == "planned and absent: KAN Taylor degree=8 depth=1 on I.27.6 at 30"


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("params", "many", "params must be an integer from 0 on, got 'many'"),
        ("status", "fine", "status must be one of ok, diverged, failed, skipped, got 'fine'"),
        ("seconds", -1.0, "seconds must be a number from 0 on, got -1.0"),
        ("test_rmse", True, "test_rmse must be a number, got True"),
    ],
)
def test_a_wrong_type_is_named_with_its_row(column, value, sentence, folder):
    path = path_of(folder)
    change(path, 2, **{column: value})
    code, checks = validate(folder)
    assert code == 1
    assert {"file": str(path), "row": "2", "said": sentence} in checks["schema"]["faults"]


@pytest.mark.parametrize("column", ["suite", "method", "seed", "protocol", "settings", "cell", "budget", "missed"])
def test_a_value_that_no_table_could_hold_stops_no_check(column, folder):
    path = path_of(folder)
    change(path, 1, **{column: [1]})
    code, checks = validate(folder)
    assert code == 1
    assert any(fault["said"].startswith(f"{column} must be") for fault in checks["schema"]["faults"])


def test_a_missing_column_and_a_failure_without_a_reason_are_named(folder):
    path = path_of(folder)
    content = json.loads(SEAL.read(path))
    del content["members"][0]["commit"]
    content["members"][1] |= {"status": "diverged", "reason": ""}
    SEAL.write(path, json.dumps(content).encode())
    _, checks = validate(folder)
    said = [(fault["row"], fault["said"]) for fault in checks["schema"]["faults"]]
    assert said[:2] == [("1", "there is no commit"), ("2", "a member that has diverged must say its reason")]


def test_a_success_that_is_worse_than_a_constant_is_a_failure(folder):
    path = path_of(folder)
    change(path, 1, test_rel_l2=1.5, test_r2=1.0 - 1.5**2)
    _, checks = validate(folder)
    assert "status must be diverged where test_rel_l2 is above 1" in checks["schema"]["faults"][0]["said"]


def test_another_protocol_is_named_with_what_differs(folder):
    other = cell(MLPMethod(depth=1), TASKS[0], 30, precision=Precision.single)
    RecordStore(folder / "cells").write(run_cell(other))
    _, checks = validate(folder)
    (fault,) = checks["protocol"]["faults"]
    assert fault["file"] == str(path_of(folder, other))
    assert fault["said"] == "2 rows are of another protocol than most: precision single and not double"


def test_a_setting_that_is_not_that_of_its_protocol_is_named(folder):
    path = path_of(folder)
    change(path, 2, precision="single")
    _, checks = validate(folder)
    (fault,) = checks["protocol"]["faults"]
    assert (fault["file"], fault["row"]) == (str(path), "2")
    assert fault["said"] == "precision is single where other rows of its protocol have double"


def test_an_oversize_model_is_named(folder):
    path = path_of(folder, CELLS[0])
    change(path, 1, params=60)
    said = validate(folder)[1]["sizes"]["faults"]
    assert [(fault["row"], fault["said"]) for fault in said] == [
        ("1", "60 parameters at a budget of 30 are +100.0 %, and the row does not say so (missed)")
    ]


def test_an_oversize_model_that_is_marked_is_not_the_nearest_that_a_width_gives(folder):
    path = path_of(folder)
    change(path, 1, params=60, budget_miss=1.0, missed=True)
    said = validate(folder)[1]["keys"]["faults"]
    params = read_record(path).members[1]["params"]
    assert (said[0]["row"], said[0]["said"]) == ("1", f"params is 60, its description gives {params}")


def test_a_key_that_is_not_that_of_its_description_is_named(folder):
    path = path_of(folder)
    content = json.loads(SEAL.read(path))
    content["cell"]["optimizer"]["steps"] = 500
    SEAL.write(path, json.dumps(content).encode())
    faults = validate(folder)[1]["keys"]["faults"]
    assert {"file": str(path), "row": ""}.items() <= faults[0].items()
    assert faults[0]["said"].startswith(f"the description of the cell has the key {digest(content['cell'])}, the")


def test_a_method_under_another_name_is_named(folder):
    path = path_of(folder)
    change(path, 1, method="KAN Mine")
    assert "method is 'KAN Mine', its description gives 'KAN Taylor degree=8 depth=1'" in str(
        validate(folder)[1]["keys"]["faults"]
    )


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"steps": 10**6}, "steps is 1,000,000, and its optimizer makes "),
        ({"stopped": "bored"}, "stopped must be one of converged, cap, no step helps, outranked, or empty, got"),
    ],
)
def test_a_stop_that_its_optimizer_does_not_know_is_named(columns, sentence, folder):
    change(path_of(folder), 1, **columns)
    assert sentence in str(validate(folder)[1])


def test_a_member_that_converged_though_none_can_is_named(folder):
    path = path_of(folder)
    member = read_record(path).members[0]
    assert member["stopped"] in ("cap", "converged")
    assert list(
        _of_stop(member | {"stopped": "converged"}, replace(KAN_CELL, optimizer=LevenbergMarquardt(least_gain=0.0)))
    )[-1].startswith("stopped is converged, and with least_gain=0")


def test_a_table_is_checked_as_far_as_it_goes(folder, tmp_path, capsys):
    (tmp_path / "table").mkdir()
    frame = load_records(folder)
    write_csv(frame, tmp_path / "table" / "records.csv")
    assert run_command("validate", str(tmp_path / "table")) == 0
    assert "5 of 5 checks passed, 3 not made" in capsys.readouterr().out
    row = int(frame.index[frame.method == "KAN Taylor degree=8 depth=1"][0])
    frame.loc[row, "score"] *= 0.9
    write_csv(frame, tmp_path / "table" / "records.csv")
    said = the_fault(tmp_path / "table", "schema", tmp_path / "table" / "records.csv", str(row + 2))
    assert said.startswith("score must be")


def test_records_of_a_table_are_checked_but_for_what_needs_its_rows(tmp_path, capsys):
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (60, 2))
    task = table_task("mine", ["a", "b"], x, "y", np.sin(3.0 * x[:, 0]) * x[:, 1])
    store = RecordStore(tmp_path / "cells")
    store.prepare()
    for method in (MLPMethod(depth=1), KANMethod(1, basis=Taylor(degree=8))):
        store.write(run_cell(cell(method, task, 30, sizes=Shares())))
    assert run_command("validate", str(tmp_path)) == 0
    said = capsys.readouterr().out
    assert "2 keys compared with the descriptions of their cells, and the columns of 2 cells that were rebuilt" in said
    assert said.count("not checked: the rows of a table are not in its records (2 cells)") == 1
    assert "7 of 7 checks passed, 1 not made" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["FOLDER/nowhere"], "validate: FOLDER/nowhere: no records there, neither cells/*.json below it nor"),
        (["FOLDER", "--again", "-1"], "validate: argument --again: must be a whole number from 0 on, got '-1'"),
        (["FOLDER", "--tolerance", "much"], "validate: argument --tolerance: must be a number from 0 to 1, got 'much'"),
        (["FOLDER", "--target", "none.py:A"], "validate: target none.py:A: there is no file none.py"),
        (["FOLDER", "--json", "FOLDER/no/c.json"], "validate: --json: there is no folder FOLDER/no"),
        ([], "validate takes one folder or table of records"),
    ],
)
def test_one_sentence_for_each_mistake(words, sentence, folder, capsys):
    assert run_command("validate", *(word.replace("FOLDER", str(folder)) for word in words)) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith(f"kanbench: {sentence.replace('FOLDER', str(folder))}")
    assert error.count("\n") == 1


OWN = """
from torch import nn

class Mine(nn.Sequential):
    def __init__(self, widths):
        super().__init__(nn.Linear(widths[0], widths[1]), nn.Tanh(), nn.Linear(widths[1], widths[2]))
"""


def test_members_of_an_own_model_are_trained_again_with_their_code_only(folder, tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text(OWN)
    target = f"{tmp_path / 'mine.py'}:Mine"
    store = RecordStore(folder / "cells")
    for task in TASKS:
        store.write(run_cell(cell(OwnMethod(target=target), task, 30)))
    monkeypatch.setattr(user_code, "_loaded", {})  # as in a command of its own

    assert run_command("validate", str(folder)) == 0
    *_, keys, again, _, _ = capsys.readouterr().out.splitlines()
    label = OwnMethod(target=target).label
    monkeypatch.setattr(user_code, "_loaded", {})
    unchecked = f"; not checked: {label} needs its code, --target FILE.py:NAME with the hash of its record (2 cells)"
    assert keys.endswith(unchecked)
    assert again.endswith(unchecked)

    code, checks = validate(folder, "--target", target, "--again", "1")
    assert code == 0
    assert "not checked" not in checks["keys"]["said"] + checks["again"]["said"]
    (drawn,) = checks["again"]["members"]
    record = read_record(folder / "cells" / f"{drawn.partition(':')[0]}.json")
    assert record.members[0]["method"] == label

    (tmp_path / "mine.py").write_text(f"{OWN}# of another hash\n")
    monkeypatch.setattr(user_code, "_loaded", {})
    assert "needs its code" in validate(folder, "--target", target)[1]["again"]["said"]


X = np.random.default_rng(0).uniform(-1.0, 1.0, (80, 2))
PAIR = table_task("pair", ["a", "b"], X, ("u", "v"), np.stack([X.sum(axis=1), X.prod(axis=1)], axis=1))
CLASSES = table_task("classes", ["a", "b"], X, "k", (X.sum(axis=1) > 0.0).astype(float), ["n", "p"])


@pytest.fixture(scope="module")
def trained_on_tables():
    """Records of two methods on a table of two targets, and on a table of two classes."""
    methods = (MLPMethod(depth=1), KANMethod(1, basis=Taylor(degree=8)))
    of_pair = [cell(method, PAIR, 40, sizes=Shares()) for method in methods]
    of_classes = [cell(method, CLASSES, 40, sizes=Shares(), optimizer=LBFGS(steps=3)) for method in methods]
    return {"pair": [run_cell(each) for each in of_pair], "classes": [run_cell(each) for each in of_classes]}


@pytest.fixture
def tables(trained_on_tables, tmp_path):
    """Return a function from the name of the table to a folder of its records and the file of the KAN's."""

    def written(name: str) -> tuple[Path, Path]:
        store = RecordStore(tmp_path / "run" / "cells")
        store.prepare()
        for record in trained_on_tables[name]:
            store.write(record)
        return tmp_path / "run", store.path(trained_on_tables[name][1].key)

    return written


@pytest.mark.parametrize(
    ("table", "column", "factor", "sentence"),
    [
        ("pair", "test_rel_l2", 0.5, "is not the mean over outputs"),
        ("pair", "val_rmse", 0.5, "is not the mean over outputs"),
        ("pair", "test_r2", 1.1, "is not the mean over outputs"),
        ("classes", "test_rel_cross_entropy", 0.5, "their ratio is the cross-entropy of the class prior"),
        ("classes", "train_cross_entropy", 0.9, "their ratio is the cross-entropy of the class prior"),
        ("classes", "val_accuracy", 9.0, "it is a share"),
        ("classes", "test_accuracy", 0.0, "each wrong class costs log 2 or more"),
    ],
)
def test_a_changed_number_of_several_outputs_or_of_classes_does_not_fit_the_others(
    table, column, factor, sentence, tables
):
    folder, path = tables(table)
    change(path, 2, **{column: read_record(path).members[1][column] * factor})
    code, checks = validate(folder)
    assert code == 1
    assert any(fault["row"] == "2" and sentence in fault["said"] for fault in checks["numbers"]["faults"])


def test_rows_of_one_output_beside_rows_of_two_are_checked(folder, tables):
    run, _ = tables("pair")
    for path in (folder / "cells").glob("*.json"):
        (run / "cells" / path.name).write_bytes(path.read_bytes())
    path = run / "cells" / path_of(folder).name
    change(path, 2, test_rel_l2=read_record(path).members[1]["test_rel_l2"] * 0.9)
    assert str(path) in {fault["file"] for fault in validate(run)[1]["numbers"]["faults"]}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"test_rel_l2": 0.0, "test_r2": 1.0}, "test_rmse"),
        ({"test_rmse": None}, "test_rmse must not be missing beside test_rel_l2"),
        ({"train_r2": None}, "train_r2 must not be missing beside train_rel_l2"),
    ],
)
def test_an_error_of_zero_and_a_number_that_was_taken_out_do_not_fit_the_others(changes, sentence, folder):
    path = path_of(folder)
    change(path, 2, **changes)
    assert sentence in str(validate(folder)[1]["numbers"]["faults"])


def test_a_sound_member_that_is_called_a_failure_is_found(folder):
    path, members = path_of(folder), read_record(path_of(folder)).members
    number = next(row for row, member in enumerate(members, start=1) if member["status"] == "ok")
    change(path, number, status="diverged", reason="predictions are not finite")
    said = the_fault(folder, "schema", path, str(number))
    assert said.startswith("status must be ok where the errors are finite and test_rel_l2 is ")

    change(path, number, status="failed", reason="RuntimeError: out of memory")
    assert "must be missing for a member with status failed" in str(validate(folder)[1]["schema"]["faults"])

    errors = {name: None for name in members[0] if name.startswith(("train_", "val_", "test_")) and "size" not in name}
    change(path, number, **errors)
    assert validate(folder)[0] == 0
    code, checks = validate(folder, "--again", "12")
    assert code == 1
    assert "status is failed, trained again it is ok" in str(checks["again"]["faults"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"method": "MLP tanh"}, "method is 'MLP tanh', its description gives 'KAN Taylor degree=8 depth=1'"),
        ({"status": "skipped", "reason": "too small"}, "status is skipped, and a width of its budget exists"),
        ({"params": 40, "budget_miss": 0.0, "missed": False}, "params is 40, its description gives"),
        ({"metric": "rmse"}, "metric is 'rmse', its description gives 'rel_l2'"),
        ({"settings": "steps=900"}, "settings is 'steps=900', its description gives"),
    ],
)
def test_columns_of_the_records_of_a_table_are_compared_with_their_descriptions(changes, sentence, tables):
    folder, path = tables("pair")
    change(path, 1, **changes)
    assert sentence in str(validate(folder)[1]["keys"]["faults"])


@pytest.fixture
def table(tmp_path):
    """The folder of a table."""
    (tmp_path / "table").mkdir()
    return tmp_path / "table"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cell": "abc"}, "cell is"),
        ({"width": 99}, "width is"),
        ({"params": 30, "budget_miss": 0.0, "missed": False}, "params is"),
        ({"n_train": 999}, "n_train is 999.0 where other rows of its task have 30.0"),
        ({"data": "abc"}, "data is abc where other rows of its task have"),
        ({"metric": "rmse"}, "metric is rmse where other rows of its task have rel_l2"),
        ({"family": "MLP"}, "family is"),
        ({"optimizer": "Adam"}, "optimizer is Adam where other rows of its protocol have LevenbergMarquardt"),
    ],
)
def test_a_row_of_a_table_that_is_not_like_the_others_of_its_cell_or_task_is_named(changes, sentence, folder, table):
    frame = load_records(folder)
    row = int(frame.index[frame.method == "KAN Taylor degree=8 depth=1"][0])
    for name, value in changes.items():
        frame.loc[row, name] = value
    write_csv(frame, table / "records.csv")
    _, checks = validate(table)
    assert sentence in str(checks["protocol"]["faults"])


def test_one_member_of_a_cell_alone_cannot_be_skipped(folder, table):
    frame = load_records(folder)
    row = int(frame.index[frame.method == "KAN Taylor degree=8 depth=1"][0])
    errors = [name for name in frame if name.startswith(("train_", "val_", "test_")) and not name.endswith("_size")]
    frame.loc[row, ["status", "reason"]] = ["skipped", "too small"]
    frame.loc[row, [*errors, "score"]] = np.nan
    write_csv(frame, table / "records.csv")
    assert "skipped is" in str(validate(table)[1]["protocol"]["faults"])


def test_a_negative_error_is_named(folder):
    path = path_of(folder)
    change(path, 2, test_rel_l2=-read_record(path).members[1]["test_rel_l2"])
    assert "test_rmse" in the_fault(folder, "numbers", path, "2")


def test_a_table_without_rows_is_no_ground_for_a_check(folder, table, capsys):
    write_csv(load_records(folder).iloc[:0], table / "records.csv")
    assert run_command("validate", str(table)) == 2
    assert capsys.readouterr().err.endswith("records.csv: there are no rows below the header\n")


def test_a_published_study_without_references_or_deeper_mlps_has_a_finding(folder, capsys):
    (folder / "study.yaml").touch()
    assert run_command("validate", str(folder), "--again", "0") == 1
    said = capsys.readouterr().out
    lacking = "linear, cubic ridge, an MLP of depth 2, an MLP of depth 3"
    assert f"{folder}: a published table holds references and MLPs of depths 1 to 3; this one lacks {lacking}" in said
    assert "FAIL  baselines" in said
