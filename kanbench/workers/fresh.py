"""Worker processes that begin in a new interpreter, for programs whose threads or GPUs would not survive a fork.

The interpreter does not import the main module of the program, so a script needs no `if __name__ == "__main__"`.
Functions reach it by cloudpickle: those of the main module by value, those of other modules by name.
"""

import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from subprocess import Popen, TimeoutExpired
from typing import Any

import cloudpickle

BEGIN = """
import sys
from multiprocessing.connection import Connection
pipe = Connection(int(sys.argv[1]))
sys.path[:] = pipe.recv()
from kanbench.workers.fresh import serve
serve(pipe)
"""


class FreshProcess:
    """A new interpreter that serves a pool; it has the methods of a process that a pool calls.

    Args:
        ours: The end of the pipe that the pool holds.
        theirs: The end of the pipe that the new process reads.
    """

    def __init__(self, ours: Connection, theirs: Connection) -> None:
        self.ours = ours
        descriptor = theirs.fileno()
        # In a session of its own, it gets no Ctrl-C: the pool ends it.
        command = [sys.executable, "-c", BEGIN, str(descriptor)]
        self.process = Popen(command, pass_fds=[descriptor], start_new_session=True)

    def begin(self, function: Callable[[Any], Any], prepare: Callable[[], None]) -> None:
        """Send the work. Raises `ConnectionError` if the process has died."""
        self.ours.send(sys.path)
        self.ours.send_bytes(cloudpickle.dumps((function, os.getpid(), prepare)))

    def terminate(self) -> None:
        """Ask it to stop."""
        self.process.terminate()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, at most `timeout` seconds."""
        try:
            self.process.wait(timeout)
        except TimeoutExpired:
            return


def serve(pipe: Connection) -> None:
    """Receive the work and do it until the pool ends this process."""
    from kanbench.workers.pool import work

    function, parent, prepare = cloudpickle.loads(pipe.recv_bytes())
    work(function, pipe, parent, prepare)
