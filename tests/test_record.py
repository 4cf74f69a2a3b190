"""Records are written whole, read back exactly, and distrusted when damaged."""

import json
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanbench.record import CellRecord, RecordStore, read_record
from kanbench.sealed import Damaged

RECORD = CellRecord(
    key="abc",
    members=[{"seed": 0, "status": "ok", "test_rel_l2": 0.1 + 0.2, "lr": None}],
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


def test_a_failed_write_leaves_nothing(store):
    unwritable = CellRecord("nan", [{"x": float("nan"), "status": "ok"}], {}, {}, {})
    with pytest.raises(ValueError, match="JSON compliant"):
        store.write(unwritable)
    assert os.listdir(store.folder) == []


def test_a_writer_that_is_killed_leaves_whole_records_only(store):
    loop = f"""
from pathlib import Path
from kanbench.record import CellRecord, RecordStore
store = RecordStore(Path({str(store.folder)!r}))
print("ready", flush=True)
for i in range(10**9):
    store.write(CellRecord(f"k{{i % 50}}", [{{"status": "ok", "x": [i] * 2000}}], {{}}, {{}}, {{}}))
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
