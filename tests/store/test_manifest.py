"""What a job says of itself is believed only if it can be."""

import json
import os

import pytest

from kanbench.files.sealed import Damaged
from kanbench.page.source import CannotReport, find_source
from kanbench.store.manifest import NAME, Manifest, read_manifest

MANIFEST = Manifest(("x/cells/a.json",), "MLP tanh", "toy", "python -m kanbench name=x", "c")
GOOD = {"cells": ["x/cells/a.json"], "baseline": None, "title": "t", "command": "c"}


def test_a_manifest_comes_back_as_it_was(tmp_path):
    MANIFEST.write(tmp_path)
    assert read_manifest(tmp_path / NAME) == MANIFEST


@pytest.mark.parametrize(
    "content",
    [
        *(None, [], 3, "x", {}, [GOOD], GOOD | {"more": 1}),
        *(GOOD | {"cells": value} for value in (None, 3, "abc", [1], [None], {"a": 1})),
        *(GOOD | {name: value} for name in ("title", "command") for value in (None, 3, [], "\ud800")),
        *(GOOD | {"baseline": value} for value in (3, ["x"], {"x": 1})),
    ],
)
def test_wrong_types_are_one_sentence_with_the_file(tmp_path, content):
    path = tmp_path / NAME
    path.write_text(json.dumps(content))
    with pytest.raises(Damaged, match=r"cells\.json is damaged \(.*\); remove it, no record is lost with it"):
        read_manifest(path)
    with pytest.raises(CannotReport, match=r"report: .*cells\.json is damaged"):
        find_source(tmp_path)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: path.symlink_to(path), lambda path: path.touch()])
def test_what_is_no_file_or_an_empty_one_is_one_sentence(tmp_path, make):
    make(tmp_path / NAME)
    with pytest.raises(Damaged, match=r"cells\.json"):
        read_manifest(tmp_path / NAME)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"cells": 3}, "cells must be a list, got 3"),
        ({"cells": ["x/cells/a.json", None]}, "cells[1] must be a text, got None"),
        ({"title": []}, "title must be a text, got []"),
        ({"commit": None}, "commit must be a text, got None"),
        ({"baseline": 3}, "baseline must be a text, got 3"),
        ({"zzz": "t"}, "unknown key 'zzz'; known: cells, baseline, title, command, commit"),
        *(
            ({"cells": [path]}, f"cells[0] must be the path of a record, RUN/cells/KEY.json, got {path!r}")
            for path in ("a", "", "/etc/passwd", "x/cells/../../a.json", "../cells/a.json", "x/cells/.a.json")
        ),
        ({"cells": ["x/cells/a.json", "y/cells/a.json"]}, "cells must be records of one run"),
    ],
)
def test_a_wrong_value_is_said_with_its_place_and_not_with_pythons_reason(tmp_path, changes, fault):
    path = tmp_path / NAME
    path.write_text(json.dumps(GOOD | changes))
    with pytest.raises(Damaged) as error:
        read_manifest(path)
    assert str(error.value) == f"{path} is damaged ({fault}); remove it, no record is lost with it"


def test_a_missing_key_and_what_is_no_json_are_said(tmp_path):
    path = tmp_path / NAME
    path.write_text(json.dumps({"cells": [], "baseline": None, "title": "t"}))
    with pytest.raises(Damaged, match=r"\(it has no command\)"):
        read_manifest(path)
    path.write_bytes(b"\xff{")
    with pytest.raises(Damaged, match=r"\(it is not JSON\)"):
        read_manifest(path)


@pytest.mark.parametrize("path", ["x/cells/a.json", "/results/runs/x/cells/a.json", "../runs/x/cells/a.json"])
def test_records_of_a_run_may_lie_below_any_folder(tmp_path, path):
    (tmp_path / NAME).write_text(json.dumps(GOOD | {"cells": [path]}))
    assert read_manifest(tmp_path / NAME).cells == (path,)
