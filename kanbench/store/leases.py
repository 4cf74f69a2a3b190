"""Claims: who trains a cell now, so that processes on many machines may share one folder of records. Imports no torch.

A claim is a small file beside the record, created exclusively, touched every few seconds while its owner lives, and
removed at the end. Whoever waits for it takes it over when its owner is known to be dead, or when it was looked at
often enough, a pause apart, and was not touched in between: clocks of different machines are never compared, and one
that jumps changes nothing. In a window of microseconds two processes may take over the same claim. That costs time and
no result: both would write the same record.
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

SUFFIX = ".claim"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Owner:
    """A process that holds a claim.

    place: the machine since its last boot, and the namespace in which `pid` counts.   born: when the process started,
    in the kernel's ticks.   job, life: of Slurm, and how often that job was requeued; "" and 0 elsewhere.
    """

    place: str
    host: str
    pid: int
    born: str
    job: str
    life: int
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self) -> None:
        """Raises `TypeError` for what a file may hold and no process has written."""
        for each in fields(self):
            if type(getattr(self, each.name)) is not each.type:
                raise TypeError(f"{each.name} must be of type {each.type}")

    @classmethod
    def this_process(cls) -> "Owner":
        """A new owner, of one claim."""
        array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
        job = f"{array}_{task}" if array else os.environ.get("SLURM_JOB_ID", "")
        life = int(os.environ.get("SLURM_RESTART_COUNT", 0))
        return cls(_place(), os.uname().nodename, os.getpid(), _born(os.getpid()), job, life)

    @property
    def is_gone(self) -> bool:
        """Whether the owner is certainly dead; False when that cannot be known from here."""
        here = Owner.this_process()
        if self.place == here.place and _born(self.pid) != self.born:
            return True
        return bool(self.job) and self.job == here.job and self.life < here.life

    def __str__(self) -> str:
        return f"{self.host}, process {self.pid}" + (f", job {self.job}" if self.job else "")


@cache
def _place() -> str:
    """Process ids of another boot or another container say nothing here."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return secrets.token_hex(8)  # nothing is known of other processes


def _born(pid: int) -> str:
    """When a process started; "" if it runs no more."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else fields[18]


@dataclass(frozen=True)
class Sight:
    """A claim at a moment; `owner` is None while the file is being written. Two sights differ if it was touched."""

    owner: Owner | None
    touched: int
    inode: int


def look(path: Path) -> Sight | None:
    """The claim in a file, None if there is none. The file is opened, so that a network file system asks its server.

    What is no file, and so no claim, is set aside.
    """
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise IsADirectoryError(errno.EISDIR, "not a file", str(path))
            content = file.read()
    except OSError as error:
        if path.is_symlink() or error.errno in (errno.EISDIR, errno.ENXIO):  # nobody could claim over it
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
        log.warning("%s: not a file, and no claim; set aside as %s", path, aside.name)


@dataclass(frozen=True)
class Claims:
    """The claims in a folder, one per key: touched every `beat` seconds, looked at every `pause` by those who wait.

    `looks` in a row that see no change end a claim: two minutes by default, network file systems being slow to tell.
    """

    folder: Path
    beat: float = 10.0
    pause: float = 1.0
    looks: int = 120

    def path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    def is_held(self, key: str) -> bool:
        """Whether somebody has the claim who is not known to be dead."""
        sight = look(self.path(key))
        return sight is not None and not (sight.owner and sight.owner.is_gone)

    @contextmanager
    def hold(self, key: str, settled: Callable[[], bool]) -> Iterator[bool]:
        """Wait for the claim and hold it for the block: True. False, and no claim, once `settled` says so.

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
        """Remove the claim of an owner who is known to be dead, so that nobody waits for it."""
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
        if settled():  # between the last look and the claim
            self._release(key, owner)
            return None
        return owner

    def _take(self, key: str) -> Owner | None:
        """Create the claim; None if there is one."""
        owner = Owner.this_process()
        try:
            descriptor = os.open(self.path(key), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return None
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(json.dumps(asdict(owner)))
        except OSError:
            self.path(key).unlink()
            raise
        return owner

    def _take_away(self, key: str, sight: Sight) -> None:
        """Remove a claim unless it has changed since; renaming is atomic, so that one of many succeeds."""
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
        """Show that the owner lives; another's claim is left alone."""
        while not stop.wait(self.beat):
            with suppress(OSError), open(self.path(key), "r+b") as file:
                if owner.token.encode() in file.read():
                    os.utime(file.fileno())

    def _release(self, key: str, owner: Owner) -> None:
        sight = look(self.path(key))
        if sight and sight.owner == owner:
            self.path(key).unlink(missing_ok=True)
