"""Leases: files that say who trains which cell now, so that many machines may share one folder. Imports no torch.

A lease is a small file beside the record. It is created exclusively, touched every few seconds while its owner lives,
and removed at the end. A waiter takes over a lease if its owner is known to be dead, or if the file was unchanged over
`looks` polls. Only changes count, so the clocks of different machines need not agree, and a clock that jumps changes
nothing. In a window of microseconds two processes may take over the same lease. That costs time and no result, because
both write the same record.
"""

import errno
import json
import logging
import os
import secrets
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from pathlib import Path

from kanbench.files.atomic import create_whole

SUFFIX = ".claim"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Owner:
    """A process that holds a lease.

    place: the machine since its last boot, and the namespace in which `pid` counts.   born: when the process started,
    in the kernel's ticks.   job, life: the job of Slurm, and how often it was requeued; "" and 0 elsewhere.
    """

    place: str
    host: str
    pid: int
    born: str
    job: str
    life: int
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self) -> None:
        """Check the types. Raises `TypeError` for content that a file may hold but that no process has written."""
        for each in fields(self):
            if type(getattr(self, each.name)) is not each.type:
                raise TypeError(f"{each.name} must be of type {each.type}")

    @classmethod
    def this_process(cls) -> "Owner":
        """Return a new owner: this process, with a token for one lease."""
        array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
        job = f"{array}_{task}" if array else os.environ.get("SLURM_JOB_ID", "")
        life = int(os.environ.get("SLURM_RESTART_COUNT", 0))
        return cls(_place(), os.uname().nodename, os.getpid(), _born(os.getpid()), job, life)

    @property
    def is_gone(self) -> bool:
        """True if the owner is certainly dead; False if it lives, or if this cannot be known from here."""
        here = Owner.this_process()
        if self.place == here.place and _born(self.pid) != self.born:
            return True
        return bool(self.job) and self.job == here.job and self.life < here.life

    def __str__(self) -> str:
        return f"{self.host}, process {self.pid}" + (f", job {self.job}" if self.job else "")


@cache
def _place() -> str:
    """The machine since its boot and the process namespace, within which process ids can be compared."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return secrets.token_hex(8)  # other processes cannot be told from here


def _born(pid: int) -> str:
    """Return when a process started, or "" if it does not run any more."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else fields[18]


@dataclass(frozen=True)
class Sight:
    """The state of a lease at one moment; `owner` is None for a file that names none.

    Two sights differ if the file was touched in between.
    """

    owner: Owner | None
    touched: int
    inode: int


def look(path: Path) -> Sight | None:
    """Return the lease in a file, or None if there is none.

    The file is opened, so that a network file system asks its server. Anything but a regular file is not a lease, and
    is set aside.
    """
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise IsADirectoryError(errno.EISDIR, "not a file", str(path))
            content = file.read()
    except OSError as error:
        if path.is_symlink() or error.errno in (errno.EISDIR, errno.ENXIO):  # nobody could create a lease over it
            _set_aside(path)
        elif error.errno != errno.ENOENT:
            raise
        return None
    try:
        owner = Owner(**json.loads(content))
    except (ValueError, TypeError, RecursionError):
        owner = None
    return Sight(owner, facts.st_mtime_ns, facts.st_ino)


def _set_aside(path: Path) -> None:
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.damaged")
    with suppress(FileNotFoundError):
        os.rename(path, aside)
        log.warning("%s: not a file, and no lease; set aside as %s", path, aside.name)


@dataclass(frozen=True)
class Leases:
    """The leases in a folder, one per key: their owners touch them every `beat` seconds.

    Waiters look every `pause` seconds, and a lease ends when `looks` looks in a row see no change. The default is two
    minutes, because network file systems may show changes late.
    """

    folder: Path
    beat: float = 10.0
    pause: float = 1.0
    looks: int = 120

    def path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    def is_held(self, key: str) -> bool:
        """Return True if the lease has an owner who is not known to be dead."""
        sight = look(self.path(key))
        return sight is not None and not (sight.owner and sight.owner.is_gone)

    @contextmanager
    def hold(self, key: str, settled: Callable[[], bool]) -> Iterator[bool]:
        """Wait for the lease, hold it during the block and give True; give False without it once `settled()` is true.

        Raises `OSError` if the folder cannot be written to.
        """
        owner = self._wait(key, settled)
        if owner is None:
            yield False
            return
        stop = threading.Event()
        threading.Thread(target=self._touch, args=(key, owner, stop), daemon=True).start()
        try:
            yield True
        finally:
            stop.set()
            self._release(key, owner)

    def forget_dead(self, key: str) -> None:
        """Remove the lease of an owner who is known to be dead, so that nobody waits for it."""
        sight = look(self.path(key))
        if sight and sight.owner and sight.owner.is_gone:
            self._take_away(key, sight)

    def _wait(self, key: str, settled: Callable[[], bool]) -> Owner | None:
        seen, silent = None, 0
        while (owner := self._take(key)) is None:
            if settled():
                return None
            sight = look(self.path(key))
            silent = silent + 1 if sight == seen else 0
            seen = sight
            if sight and (silent >= self.looks or (sight.owner and sight.owner.is_gone)):
                self._take_away(key, sight)
            elif sight:
                time.sleep(self.pause)
        if settled():  # between the last look and the lease
            self._release(key, owner)
            return None
        return owner

    def _take(self, key: str) -> Owner | None:
        """Create the lease; return None if there is one already."""
        owner = Owner.this_process()
        return owner if create_whole(self.path(key), json.dumps(asdict(owner)).encode()) else None

    def _take_away(self, key: str, sight: Sight) -> None:
        """Remove a lease unless it has changed since; renaming is atomic, so only one of many processes succeeds."""
        aside = self.folder / f".{key}.{secrets.token_hex(4)}{SUFFIX}"
        try:
            os.rename(self.path(key), aside)
        except FileNotFoundError:
            return
        if look(aside) != sight:  # its new owner was quicker
            with suppress(OSError):
                os.link(aside, self.path(key))
        aside.unlink()

    def _touch(self, key: str, owner: Owner, stop: threading.Event) -> None:
        """Touch the lease to show that its owner lives; a lease of another owner is left alone."""
        while not stop.wait(self.beat):
            with suppress(OSError), open(self.path(key), "r+b") as file:
                if owner.token.encode() in file.read():
                    os.utime(file.fileno())

    def _release(self, key: str, owner: Owner) -> None:
        sight = look(self.path(key))
        if sight and sight.owner == owner:
            self.path(key).unlink(missing_ok=True)
