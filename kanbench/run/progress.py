"""The progress of a run, and an estimate of the time that is left."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from kanbench.store.record import CellRecord


@dataclass
class Tally:
    """The numbers of cells trained and reused so far, and the records of those that failed."""

    trained: int = 0
    reused: int = 0
    failures: list[CellRecord] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.trained} trained, {self.reused} reused, {len(self.failures)} failed"


Step = Callable[[float, Tally], None]


def progress_of(console: Console, total: float) -> AbstractContextManager[Step]:
    """Return a bar on a terminal, lines elsewhere; entered, it gives a function that takes finished cost."""
    return Bar(console, total) if console.is_terminal else Lines(console, total)


class Bar:
    """A progress bar with an estimate of the time left."""

    def __init__(self, console: Console, total: float) -> None:
        self.progress = Progress(
            BarColumn(bar_width=24),
            "{task.percentage:>3.0f} %",
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            speed_estimate_period=120,
        )
        self.task = self.progress.add_task(str(Tally()), total=total)

    def __enter__(self) -> Step:
        self.progress.start()
        return lambda cost, tally: self.progress.update(self.task, advance=cost, description=str(tally))

    def __exit__(self, *_: object) -> None:
        self.progress.stop()


class Lines:
    """A line of text at every tenth of the work."""

    def __init__(self, console: Console, total: float) -> None:
        self.console, self.total, self.done, self.tenths = console, total, 0.0, 0

    def __enter__(self) -> Step:
        self.started = time.perf_counter()
        return self.step

    def step(self, cost: float, tally: Tally) -> None:
        """Add `cost` to the finished work."""
        self.done += cost
        tenths = int(10 * self.done / self.total + 1e-9)
        if tenths > self.tenths:
            self.tenths = tenths
            left = (time.perf_counter() - self.started) * (self.total / self.done - 1.0)
            self.console.print(f"{10 * tenths:3d} %  {tally}, about {left:.0f} s left")

    def __exit__(self, *_: object) -> None:
        pass
