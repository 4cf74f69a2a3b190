"""Standard output and error that may end before the program does: `| head -1` closes one, `> /dev/full` fills one.

Imports no torch.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


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
