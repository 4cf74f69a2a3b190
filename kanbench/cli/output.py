"""Standard output and error that may end before the program does: `| head -1` closes one, `> /dev/full` fills one.

Imports no torch.
"""

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from yaml import MarkedYAMLError

from kanbench.config.options import home_of
from kanbench.errors import UsageError


class Lasting(io.FileIO):
    """A file descriptor that everything can be written to: after its first error it leads nowhere.

    lost: the first error of any.   consequence: what the user hears about it, "" where nothing has to be said.
    """

    lost: OSError | None = None
    consequence = ""

    def write(self, data: Any, /) -> int:
        """The number of bytes that were taken, which are all of them once an error has come."""
        try:
            return super().write(data)
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            Lasting.lost = Lasting.lost or error
            if self.consequence:
                print(f"kanbench: standard output: {error.strerror}; {self.consequence}", file=sys.stderr)
            return memoryview(data).nbytes


@contextmanager
def lasting() -> Iterator[None]:
    """A block that outlives its standard output and error, unless somebody has put others in their place."""
    if sys.stdout is not sys.__stdout__ or sys.stderr is not sys.__stderr__:
        yield
        return
    plain = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_lasting, plain)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = plain


def _lasting(stream: TextIO | None) -> TextIO:
    if stream is None:  # closed before the program began
        return open(os.devnull, "w")
    stream.flush()
    raw = Lasting(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=getattr(stream, "line_buffering", True)
    )


def complain(error: Exception) -> int:
    """One sentence on stderr; the exit code."""
    if isinstance(error, OSError) and error.errno is not None:  # Hydra's for a missing config has none
        error = UsageError(f"results: cannot write {error.filename or ''} ({error.strerror})")
    if isinstance(error, MarkedYAMLError) and (mark := error.problem_mark):  # of a file that Hydra reads
        error = UsageError(f"{mark.name}: is not YAML ({error.problem} in line {mark.line + 1})")
    print(f"kanbench: {sentence(str(error))}", file=sys.stderr)
    return 2


def sentence(message: str) -> str:
    """A message on one line; Hydra's without their addresses and ours in place of those that mislead."""
    message = re.sub(r"See https://hydra\.cc\S* for details|Config search path:.*", "", message, flags=re.DOTALL)
    message = re.sub(r"^\s*(full_key|object_type)[:=] ?\S*$", "", message, flags=re.MULTILINE)
    said = re.sub(r"(\w+)@baseline\.\1\b", r"baseline.\1", " ".join(message.split()))
    if refused := re.match(r"Could not override '(\w+)\.(\w+)'", said):  # for a key that is not there
        return home_of(*refused.groups()) or said
    if part := re.match(r"Could not override '(\w+)\.(basis|aggregation)\.(\w+)'", said):
        place, group, key = part.groups()
        has = home_of(group, key) or f"no {group} has the key {key}"
        return f"{place}.{group}.{key}: {place}.{group}=NAME must choose a {group} that has the key; {has}"
    if swept := re.match(r"Ambiguous value for argument '(.*?)' 1\.", said):
        return f"{swept[1]}: several values are a sweep: add --multirun; or quote a value that holds a comma"
    return said
