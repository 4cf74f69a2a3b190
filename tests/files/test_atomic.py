"""What is written appears whole or not at all, and nothing is written through a link."""

import errno
import multiprocessing
import os
import signal
import stat
import time
from pathlib import Path

import pytest

from kanbench.files.atomic import UMASK, create_whole, remove_parts, staged, write_whole


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


def write_for_ever(folder):
    """Stops in the middle of two files and waits to be killed."""
    os.setpgid(0, 0)
    os.fsync = lambda descriptor: time.sleep(60)
    if os.fork():
        write_whole(folder / "a", b"half of it")
    with staged(folder) as place:
        (place / "b").write_text("half of it")
        time.sleep(60)


def parts_of(folder):
    return [path for path in folder.iterdir() if path.name.endswith("-part")]


def test_what_a_kill_leaves_is_removed_later_and_what_is_written_now_is_not(tmp_path):
    writer = multiprocessing.get_context("fork").Process(target=write_for_ever, args=(tmp_path,))
    writer.start()
    while len(parts_of(tmp_path)) < 2 or not list(tmp_path.glob("*/*/b")):
        time.sleep(0.01)
    remove_parts(tmp_path)
    assert len(parts_of(tmp_path)) == 2
    os.killpg(writer.pid, signal.SIGKILL)
    writer.join()
    (tmp_path / ".download.part").write_text("of another program")
    for _ in range(100):
        remove_parts(tmp_path)
        if not parts_of(tmp_path):
            break
        time.sleep(0.05)
    assert everything_in(tmp_path) == {".download.part"}


def test_an_error_of_the_file_system_names_the_file(tmp_path, monkeypatch):
    def broken(descriptor):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    for path in (tmp_path / "a", tmp_path / "nowhere/a"):
        with pytest.raises(OSError, match=r"error|No such") as error:
            write_whole(path, b"")
        assert error.value.filename == str(path)
    assert everything_in(tmp_path) == set()


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path):
    write_whole(tmp_path / ("a" * 255), b"")
    assert everything_in(tmp_path) == {"a" * 255}


def refuse(number):
    def link(*_):
        raise OSError(number, os.strerror(number))

    return link


@pytest.mark.parametrize("links", [None, errno.EPERM, errno.ENOTSUP])
def test_a_file_is_created_once_whole_and_with_the_rights_of_any_file(tmp_path, monkeypatch, links):
    if links:
        monkeypatch.setattr(os, "link", refuse(links))
    path = tmp_path / "a"
    assert create_whole(path, b"first")
    assert not create_whole(path, b"second")
    assert path.read_bytes() == b"first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~UMASK
    assert everything_in(tmp_path) == {"a"}


def test_a_disk_that_is_full_creates_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", refuse(errno.ENOSPC))
    with pytest.raises(OSError, match="No space"):
        create_whole(tmp_path / "a", b"a")
    assert everything_in(tmp_path) == set()


@pytest.mark.parametrize("write", [write_whole, create_whole])
def test_a_folder_that_is_gone_is_an_error_with_the_path_as_it_was_given(tmp_path, monkeypatch, write):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        write(Path("gone/cell.json"), b"content")
    assert caught.value.filename == "gone/cell.json"


def test_an_answer_that_the_network_lost_is_not_taken_for_another_owner(tmp_path, monkeypatch):
    link = os.link

    def lost(*places):
        link(*places)
        raise FileExistsError

    monkeypatch.setattr(os, "link", lost)
    assert create_whole(tmp_path / "a", b"a")
