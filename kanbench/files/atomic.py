"""Files that appear whole or not at all: they are written beside their place, then renamed. Imports no torch.

A rename replaces a symbolic link that is in the way, and leaves the file it points to alone.
"""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PART = ".kanbench-part"
LOCK = ".lock"
LONGEST = 60  # characters that the name of a part takes over from its file
LINKLESS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)  # what file systems without links answer
os.umask(UMASK := os.umask(0))  # the umask can only be read by setting it


def write_whole(path: Path, content: bytes) -> None:
    """Write all of a file or none of it, even if the process is killed meanwhile.

    Args:
        path: the place of the file; its folder must exist.
        content: the bytes of the file.

    Raises:
        OSError: with the path of the file, if it cannot be written or if a folder or device is in its place.
    """
    _check_place(path)
    with _part_of(path, content) as (file, name):
        os.fsync(file.fileno())
        os.replace(name, path)


def create_whole(path: Path, content: bytes) -> bool:
    """Create a file with all of its content, unless its place is taken; return whether it was created.

    Of many processes on any machines one succeeds, and one that is killed meanwhile leaves the whole file or none.

    Raises:
        OSError: with the path of the file, if it cannot be written.
    """
    with _part_of(path, content) as (file, name):
        try:
            os.link(name, path)
        except FileExistsError:
            return os.fstat(file.fileno()).st_nlink == 2  # NFS may lose the answer, and ask again
        except OSError as error:
            if error.errno not in LINKLESS:
                raise
            return _create(path, content)
        return True


@contextmanager
def _part_of(path: Path, content: bytes) -> Iterator[tuple[BinaryIO, str]]:
    """Write content beside the place of a file; yield it open with its name, which is removed at the end.

    Errors of the file system name the file, and not the part that nobody asked for.
    """
    name = ""
    try:
        descriptor, name = _open_locked(path.parent, f".{path.stem[:LONGEST]}.")
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o666 & ~UMASK)  # mkstemp lets only the owner read its files
            file.write(content)
            file.flush()
            yield file, name
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with suppress(OSError):
            os.unlink(name)


def _create(path: Path, content: bytes) -> bool:
    """Create a file on a file system without links, where it is empty for a moment."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True


def remove_parts(folder: Path) -> None:
    """Remove unfinished files from a folder whose writers were killed; files of live writers are locked and stay."""
    for part in folder.glob(f".*{PART}"):
        lock = part / LOCK if part.is_dir() else part
        with suppress(OSError), lock.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if part.is_dir():
                shutil.rmtree(part)
            else:
                part.unlink()


def _open_locked(folder: Path, prefix: str) -> tuple[int, str]:
    """Open a new file that `remove_parts` leaves alone while it is open; return its descriptor and name."""
    while True:
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=PART)
        with suppress(OSError):  # a file system without locks; there nothing is removed either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, name
        os.close(descriptor)  # it was removed before it was locked


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder whose files all move to `folder` at the end of the block; none moves if the block raises.

    Missing parents of `folder` are made, and removed again if the block raises.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_parts(folder)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".", suffix=PART) as name, _locked(Path(name) / LOCK):
            place = Path(name) / "files"
            place.mkdir()
            yield place
            _move(place, folder)
    except BaseException:
        for each in made:
            with suppress(OSError):  # others may have written there meanwhile
                each.rmdir()
        raise


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Create a file that stays locked for the block."""
    with path.open("xb") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _move(source: Path, folder: Path) -> None:
    files = {path: folder / path.relative_to(source) for path in sorted(source.rglob("*")) if path.is_file()}
    for place in files.values():
        _check_place(place)
        place.parent.mkdir(parents=True, exist_ok=True)
    for path, place in files.items():
        os.replace(path, place)


def _check_place(path: Path) -> None:
    """Raise `OSError` for a folder or a device, which no file may replace."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EEXIST, "its place is taken by something that is not a file", str(path))
