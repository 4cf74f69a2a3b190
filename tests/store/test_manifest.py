"""What a job says of itself is believed only if it can be."""

import json
import os

import pytest

from kanbench.files.sealed import Damaged
from kanbench.page.source import CannotReport, find_source
from kanbench.store.manifest import NAME, Manifest, read_manifest

MANIFEST = Manifest(("x/cells/a.json",), "MLP tanh", "toy", "python -m kanbench name=x", "c")
GOOD = {"cells": ["a"], "baseline": None, "title": "t", "command": "c"}


def test_a_manifest_comes_back_as_it_was(tmp_path):
    MANIFEST.write(tmp_path)
    assert read_manifest(tmp_path / NAME) == MANIFEST


@pytest.mark.parametrize(
    "content",
    [
        *(None, [], 3, "x", {}, [GOOD]),
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
