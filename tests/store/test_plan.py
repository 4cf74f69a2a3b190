"""The shards of a run are disjoint, complete and of equal cost; a plan tells how far a run is."""

import json
import os
from dataclasses import asdict, replace

import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given
from hypothesis import strategies as st

import kanbench.run.running
from kanbench.cli.command import perform
from kanbench.cli.status import say, standings
from kanbench.config.options import CONF
from kanbench.config.read import read_config
from kanbench.loggers.content import training
from kanbench.store.leases import Leases, Owner
from kanbench.store.plan import SEAL, Plan, Shard, read_plan
from kanbench.store.record import CellRecord, RecordStore, read_record

COSTS = st.lists(st.floats(1e-3, 1e6), max_size=60)


@given(costs=COSTS, count=st.integers(1, 12))
def test_every_cell_is_in_one_shard_in_the_order_of_the_run_and_loads_are_even(costs, count):
    cells = list(range(len(costs)))
    shards = [Shard(index, count).of(cells, costs) for index in range(1, count + 1)]
    assert sorted(cell for shard in shards for cell in shard) == cells
    assert all(shard == sorted(shard) for shard in shards)
    loads = [sum(costs[cell] for cell in shard) for shard in shards]
    assert max(loads) - min(loads) <= max(costs, default=0.0) * (1 + 1e-9)
    assert [Shard(index, count).of(cells, costs) for index in range(1, count + 1)] == shards


def test_shards_of_a_pencil_example():
    costs = [5.0, 1.0, 4.0, 3.0, 3.0]  # longest first: 5 | 4, 5 | 4 3, 5 3 | 4 3, then 1 to the lighter
    assert [Shard(i, 2).of("abcde", costs) for i in (1, 2)] == [list("ae"), list("bcd")]
    assert Shard().of("abcde", costs) == list("abcde")


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "1/0", "-1/4", "1/4/2", "", "1/10001", "1/" + "9" * 5000])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(ValueError, match=r"must be i/n with 1 <= i <= n <= 10,000"):
        Shard.parse(text)


def test_a_shard_is_written_as_it_is_read():
    assert str(Shard.parse("3/8")) == "3/8"


PLAN = Plan("python -m kanbench name=x", list("abcde"), [1.0, 2.0, 4.0, 8.0, 16.0], [f"cell {k}" for k in "abcde"])


def record(key, status, seconds=None):
    member = {"method": "KAN", "task": "t", "status": status, "seconds": seconds}
    members = [member | {"reason": "of nothing" * (status == "failed")}] * 2
    return CellRecord(key, members, {}, {}, {})


@pytest.fixture
def folder(tmp_path):
    """A run in the middle: two cells done, one failed, one at work, one missing."""
    store = RecordStore(tmp_path / "x" / "cells")
    store.prepare()
    PLAN.write(tmp_path / "x")
    PLAN.write(tmp_path / "x")
    store.write(record("a", "ok", 5.0))
    store.write(record("b", "diverged", 10.0))
    store.write(record("c", "failed"))
    return tmp_path


def test_a_plan_is_one_file_however_often_it_is_written(folder):
    (path,) = folder.rglob("plans/*.json")
    assert read_plan(path) == PLAN


def test_the_standing_of_a_run_in_the_middle(folder):
    with Leases(folder / "x" / "cells").hold("d", lambda: False):
        (found,) = standings(folder)
        lines = list(say([found]))
    assert (found.done, found.missing) == (["cell a", "cell b"], ["cell e"])
    assert found.failed == {"cell c": "of nothing"}
    assert list(found.running) == ["cell d"]
    assert found.seconds == pytest.approx(10.0 * (4 + 8 + 16))  # 2 members x 5 s for a cost of 1
    assert lines[:2] == [str(folder / "x"), f"  {PLAN.command}"]
    assert lines[2] == "  2 of 5 cells done, 1 running, 1 failed, 1 missing; about 5 min left with 1 at work"
    assert f"process {os.getpid()}" in lines[3]


def test_references_do_not_set_the_pace(folder):
    store = RecordStore(folder / "x" / "cells")
    (store.folder / "b.json").unlink()
    reference = {"method": "constant", "task": "t", "status": "ok", "reason": "", "budget": None, "seconds": 1e-6}
    for key in "bde":
        store.write(replace(record(key, "ok"), members=[reference]))
    (found,) = standings(folder)
    assert found.seconds == pytest.approx(10.0 * 4)


def test_a_cell_of_a_dead_process_is_missing_and_the_command_is_said(folder):
    dead = replace(Owner.this_process(), born="1")
    Leases(folder / "x" / "cells").path("d").write_text(json.dumps(asdict(dead)))
    (found,) = standings(folder)
    assert (found.running, found.missing) == ({}, ["cell d", "cell e"])
    assert "The command above goes on" in list(say([found]))[-1]


def test_a_lease_that_is_silent_is_said(folder):
    path = Leases(folder / "x" / "cells").path("d")
    path.write_text(json.dumps(asdict(replace(Owner.this_process(), place="elsewhere", host="node7", job="12_3"))))
    os.utime(path, (0, 0))
    (found,) = standings(folder)
    assert "node7, process" in found.running["cell d"]
    assert "job 12_3; no sign of life for" in found.running["cell d"]


def test_a_damaged_record_is_not_believed(folder):
    (folder / "x" / "cells" / "a.json").write_text("{}")
    (found,) = standings(folder)
    assert found.done == ["cell b"]


def sealed(path, content):
    SEAL.write(path, json.dumps(content).encode())


GOOD = asdict(PLAN)


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-3]), "does not match its checksum"),
        (lambda path: path.write_text('{"comm'), "not a plan of kanbench"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "not a plan of kanbench"),
        (lambda path: path.write_text("[1]"), "not a plan of kanbench"),
        (lambda path: sealed(path, [1]), "not a plan"),
        (lambda path: sealed(path, GOOD | {"owner": "me"}), "unexpected keyword argument 'owner'"),
        (lambda path: sealed(path, GOOD | {"cells": 5}), "cells, costs and labels must be lists"),
        (lambda path: sealed(path, GOOD | {"labels": [None] * 5}), "command, cells and labels must be texts"),
        (lambda path: sealed(path, GOOD | {"command": None}), "command, cells and labels must be texts"),
        (lambda path: sealed(path, GOOD | {"costs": ["1"] * 5}), "costs must be positive numbers"),
        (lambda path: sealed(path, GOOD | {"costs": [0] * 5}), "costs must be positive numbers"),
        (lambda path: sealed(path, GOOD | {"costs": [1.0]}), "every cell must have a cost and a label"),
    ],
)
def test_a_damaged_plan_is_named_and_left_out_and_its_run_mends_it(damage, fault, folder, caplog, capsys):
    (path,) = folder.rglob("plans/*.json")
    replace(PLAN, command="another").write(folder / "x")
    damage(path)
    assert perform("status", str(folder)) == 0
    assert capsys.readouterr().out.startswith(f"{folder / 'x'}\n  another\n  2 of 5 cells done")
    (line,) = caplog.messages
    assert f"{path}: " in line
    assert fault in line
    PLAN.write(folder / "x")
    assert [found.command for found in standings(folder)] == ["another", PLAN.command]


def test_references_are_named_without_a_budget(tmp_path, capsys):
    words = [
        *("name=x", f"results={tmp_path}", "references=true", "data.tasks=[I.27.6]", "budget.targets=[50]", "seeds=1"),
        *("optimizer.steps=1", "trainer.workers=1", "trainer.accelerator=cpu"),
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = read_config(compose("config", words))
    assert kanbench.run.running.run(config, ["python", "-m", "kanbench"], tmp_path / "job") == 0
    (plan,) = (read_plan(path) for path in tmp_path.rglob("plans/*.json"))
    references = {f"{name} on I.27.6" for name in ("constant", "linear", "cubic ridge")}
    assert set(plan.labels) == {"KAN BSpline on I.27.6 at 50", "MLP tanh on I.27.6 at 50"} | references
    records = [read_record(path) for path in (tmp_path / "x/cells").iterdir()]
    assert {each.label for each in records} == {training(each, "x", "p").name for each in records} == set(plan.labels)
    said = capsys.readouterr().out
    assert "None" not in said
    assert "geometric mean over 1 task of the median over seeds" in said
