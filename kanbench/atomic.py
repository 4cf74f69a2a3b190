"""Files that appear whole or not at all: written beside their place, then renamed. Imports no torch.

A rename replaces a symbolic link that is in the way, and leaves what it points to alone.
"""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

os.umask(UMASK := os.umask(0))  # there is no way to read it but to set it


def write_whole(path: Path, content: bytes) -> None:
    """Write all of the file or none of it, whatever happens meanwhile; its folder must be there."""
    _check_place(path)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o666 & ~UMASK)  # mkstemp's files are for their owner alone
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A hidden folder whose files move to `folder` at the end of the block, all of them; none if the block raises.

    `folder` and its parents are made, and those that were made go again if the block raises.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".", suffix=".part") as name:
            yield Path(name)
            _move(Path(name), folder)
    except BaseException:
        for each in made:
            with suppress(OSError):  # others may have written there meanwhile
                each.rmdir()
        raise


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
        raise OSError(errno.EEXIST, "what is there is not a file", str(path))
