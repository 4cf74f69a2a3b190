"""What is written appears whole or not at all, and nothing is written through a link."""

import os
import stat

import pytest

from kanbench.atomic import UMASK, staged, write_whole


def everything_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def write(folder, *names, error=None):
    with staged(folder) as place:
        for name in names:
            (place / name).write_text(name)
        if error:
            raise error


def test_what_was_there_survives_a_disk_that_is_full(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    write_whole(path, b"the page of yesterday")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"the page of today")
    assert path.read_bytes() == b"the page of yesterday"
    assert everything_in(tmp_path) == {"report.html"}


def test_a_file_has_the_permissions_that_any_new_file_has(tmp_path):
    write_whole(tmp_path / "a", b"")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~UMASK


def test_a_symbolic_link_is_replaced_and_not_written_through(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    for name in ("a", "b"):
        (out / name).symlink_to(precious)
    write_whole(out / "a", b"new")
    with staged(out) as place:
        (place / "b").write_text("new")
    assert precious.read_text() == "mine"
    assert [(out / name).read_text() for name in ("a", "b")] == ["new", "new"]
    assert not any(path.is_symlink() for path in out.iterdir())


def test_folders_and_devices_are_never_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "null").symlink_to(os.devnull)
    for name in ("folder", "null"):
        with pytest.raises(OSError, match="not a file"):
            write_whole(tmp_path / name, b"new")
    assert everything_in(tmp_path) == {"folder", "null"}


def test_all_files_of_a_block_appear_at_its_end(tmp_path):
    out = tmp_path / "new/out"
    with staged(out) as place:
        (place / "part").mkdir()
        (place / "part/a").write_text("a")
        (place / "b").write_text("b")
        assert not (out / "b").exists()
    assert everything_in(out) == {"part", "part/a", "b"}
    with staged(out) as place:
        (place / "b").write_text("newer")
    assert (out / "b").read_text() == "newer"


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()])
def test_a_block_that_raises_leaves_no_file_and_no_folder(tmp_path, error):
    with pytest.raises(type(error)):
        write(tmp_path / "new/out", "a", error=error)
    assert everything_in(tmp_path) == set()


def test_one_place_that_cannot_be_written_keeps_all_files_back(tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(OSError, match="not a file"):
        write(tmp_path, "a", "b")
    assert everything_in(tmp_path) == {"b"}
