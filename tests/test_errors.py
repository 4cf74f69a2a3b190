"""One of a thing is one, in every sentence that the program prints; tests/test_plan.py sees the one task of a run."""

import re

from kanbench.analysis.agreement import Agreement
from kanbench.cli.command import perform
from kanbench.cli.status import say, standing
from kanbench.errors import are, counted
from kanbench.store.plan import Plan


def test_counts_in_words():
    assert [counted(n, "task") for n in (0, 1, 2, 1080)] == ["0 tasks", "1 task", "2 tasks", "1,080 tasks"]
    assert (are(1), are(2)) == ("is", "are")


def test_one_of_a_thing_is_one(tmp_path):
    (line, *_) = list(say([standing(Plan("run", ["a"], [1.0], ["cell a"]), tmp_path)]))[2:]
    assert line.startswith("  0 of 1 cell done, 0 running")
    assert str(Agreement(1, 1, 1.0, 1.0)).startswith("1 member is in the published table")


def test_lists_are_counted(capsys):
    perform("list")
    listed = dict(re.findall(r"^(\w+) +(\d+ tasks?)  ", capsys.readouterr().out, flags=re.MULTILINE))
    assert listed["feynman"] == "27 tasks"
    assert all(text.endswith("task") == (text == "1 task") for text in listed.values())
