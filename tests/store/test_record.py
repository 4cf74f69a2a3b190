"""Records are written whole, read back exactly, and distrusted when damaged."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanbench.files.sealed import Damaged
from kanbench.store.record import SEAL, CellRecord, RecordStore, read_record

MEMBER = {
    "method": "KAN RBF", "task": "I.6.2", "budget": 50, "seed": 0, "status": "ok", "reason": "",
    "test_rel_l2": 0.1 + 0.2, "lr": None,
}  # fmt: skip
RECORD = CellRecord(
    key="abc",
    members=[MEMBER],
    curve={"steps": [1], "validation_mse": [[0.5]]},
    cell={"task": {"name": "I.6.2"}},
    environment={"torch": "2"},
)


@pytest.fixture
def store(tmp_path):
    store = RecordStore(tmp_path / "cells")
    store.prepare()
    return store


def test_a_record_comes_back_as_it_was(store):
    assert store.find("abc") is None
    store.write(RECORD)
    assert store.find("abc") == RECORD
    assert os.listdir(store.folder) == ["abc.json"]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_damage_is_noticed(tmp_path_factory, data):
    store = RecordStore(tmp_path_factory.mktemp("cells"))
    store.write(RECORD)
    path = store.path("abc")
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans(), label="truncate"):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        at, bit = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 7))
        content[at] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(Damaged, match=path.name):
        read_record(path)


def test_a_damaged_record_is_set_aside_and_its_cell_is_missing_again(store, caplog):
    store.write(RECORD)
    store.path("abc").write_text('{"kanbench_record": 1, "sha256": "0"}\n{}')
    assert store.find("abc") is None
    assert "abc.damaged" in caplog.text
    assert sorted(os.listdir(store.folder)) == ["abc.damaged"]
    store.write(RECORD)
    assert store.find("abc") == RECORD


def test_a_record_of_another_format_is_not_read(store):
    store.write(RECORD)
    header, body = store.path("abc").read_bytes().split(b"\n")
    facts = json.loads(header) | {"kanbench_record": 99}
    store.path("abc").write_bytes(json.dumps(facts).encode() + b"\n" + body)
    with pytest.raises(Damaged, match="format 99"):
        read_record(store.path("abc"))


def test_a_record_that_was_copied_over_another_cell_s_is_not_believed(store, caplog):
    store.write(RECORD)
    shutil.copy(store.path("abc"), store.path("abd"))
    assert store.find("abd") is None
    assert "abd.json: holds the record of another cell, abc" in caplog.text
    assert store.find("abc") == RECORD
    assert sorted(os.listdir(store.folder)) == ["abc.json", "abd.damaged"]


def with_member(**changes):
    return asdict(RECORD) | {"members": [MEMBER | changes]}


def without(name):
    return {key: value for key, value in MEMBER.items() if key != name}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "not a record"),
        ([], "not a record"),
        ({"key": "abc"}, "missing 4 required positional arguments"),
        (asdict(RECORD) | {"owner": "me"}, "unexpected keyword argument 'owner'"),
        (asdict(RECORD) | {"members": []}, "members must not be empty"),
        (asdict(RECORD) | {"members": None}, "members must be a list"),
        (asdict(RECORD) | {"members": [None]}, "every member must be a dict"),
        (asdict(RECORD) | {"members": [without("status")]}, "a member has no status"),
        (asdict(RECORD) | {"members": [without("method")]}, "a member has no method"),
        (asdict(RECORD) | {"curve": []}, "curve must be a dict"),
        (asdict(RECORD) | {"curve": {"steps": 3}}, "steps of the curve must be integers"),
        (asdict(RECORD) | {"curve": {"steps": [1], "validation_mse": [[1.0, 2.0]]}}, "a row of numbers for every step"),
        (asdict(RECORD) | {"curve": {"steps": [1], "layers": {"std": [["x"]]}}}, "a row of numbers for every step"),
        (asdict(RECORD) | {"cell": "x"}, "cell must be a dict"),
        (asdict(RECORD) | {"environment": None}, "environment must be a dict"),
        (asdict(RECORD) | {"traceback": None}, "traceback must be a str"),
        (asdict(RECORD) | {"key": 3}, "key must be a str"),
        (with_member(status="fine"), "status must be one of ok, diverged, failed, skipped, got 'fine'"),
        (with_member(task=["I.6.2"]), "task must be a text"),
        (with_member(method=None), "method must be a text, got None"),
        (with_member(reason="\ud800"), "reason must be a text"),
        (with_member(budget=-50), "budget must be an integer from 0 on, got -50"),
        (with_member(budget="50"), "budget must be an integer from 0 on, got '50'"),
        (with_member(budget=10**400), "budget must be an integer from 0 on"),
        (with_member(seed=True), "seed must be an integer from 0 on"),
        (with_member(seconds=-1.0), "seconds must be a number from 0 on"),
        (with_member(test_rel_l2="0.1"), "test_rel_l2 must be a number, got '0.1'"),
        (with_member(new=[1]), "new must be a number or a text"),
    ],
)
def test_a_sealed_record_with_nonsense_inside_is_one_sentence(content, fault, store, caplog):
    SEAL.write(store.path("abc"), json.dumps(content).encode())
    with pytest.raises(Damaged, match=r"abc\.json: not a record ") as damaged:
        read_record(store.path("abc"))
    assert fault in str(damaged.value)
    assert store.find("abc") is None
    assert fault in caplog.text


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"key": NaN}', b"\xff", b"", b"1" * 10_000])
def test_a_sealed_record_that_is_no_json_is_one_sentence(body, store):
    SEAL.write(store.path("abc"), body)
    with pytest.raises(Damaged, match=r"abc\.json: not a record "):
        read_record(store.path("abc"))
    store.path("abc").write_bytes(body)
    with pytest.raises(Damaged, match=r"abc\.json: not a record of kanbench"):
        read_record(store.path("abc"))


def loop(path):
    path.symlink_to(path)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, loop, lambda path: path.symlink_to("/dev/zero")])
def test_a_record_that_is_no_file_is_set_aside_and_not_waited_for(make, store, caplog):
    make(store.path("abc"))
    assert store.find("abc") is None
    assert "abc.json: not a file" in caplog.text
    store.write(RECORD)
    assert store.find("abc") == RECORD


def test_a_record_that_is_damaged_twice_is_set_aside_twice(store):
    """Even if what was set aside first is a folder, which no file can replace."""
    for make in (os.mkdir, partial(SEAL.write, body=b"{}"), os.mkdir):
        make(store.path("abc"))
        assert store.find("abc") is None
        assert not store.path("abc").exists()


def test_a_record_that_failed_is_replaced_and_one_that_did_not_is_there_for_good(store):
    failed = replace(RECORD, members=[MEMBER | {"status": "failed", "reason": "of nothing"}])
    store.write(failed)
    store.write(RECORD)
    store.write(failed)
    assert store.find("abc") == RECORD


def test_a_failed_write_leaves_nothing(store):
    unwritable = CellRecord("nan", [MEMBER | {"x": float("nan")}], {}, {}, {})
    with pytest.raises(ValueError, match="JSON compliant"):
        store.write(unwritable)
    assert os.listdir(store.folder) == []


def test_a_writer_that_is_killed_leaves_whole_records_only(store):
    loop = f"""
from pathlib import Path
from kanbench.store.record import CellRecord, RecordStore
store = RecordStore(Path({str(store.folder)!r}))
print("ready", flush=True)
for i in range(10**9):
    store.write(CellRecord(f"k{{i % 50}}", [{MEMBER} | {{"x": str(i) * 2000}}], {{}}, {{}}, {{}}))
"""
    with subprocess.Popen([sys.executable, "-c", loop], stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        for _ in range(50_000):
            if len(list(store.folder.glob("k*.json"))) >= 20:
                break
        writer.send_signal(signal.SIGKILL)
    paths = list(store.folder.glob("*.json"))
    assert len(paths) >= 20
    for path in paths:
        assert read_record(path).members[0]["status"] == "ok"
