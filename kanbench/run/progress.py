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
    """Return a bar in a notebook and on a terminal, lines elsewhere; entered, it gives a function that takes finished
    cost. A quiet console shows none of them.
    """
    if console.is_jupyter and not console.quiet:
        return NotebookBar(console, total)
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
            self.console.print(f"{10 * tenths:3d} %  {tally}, about {self.left:.0f} s left")

    @property
    def left(self) -> float:
        """The estimated seconds that are left."""
        return (time.perf_counter() - self.started) * (self.total / self.done - 1.0)

    def __exit__(self, *_: object) -> None:
        pass


class NotebookBar(Lines):
    """A bar of text in the output of a notebook cell, rewritten while the work goes on; it needs no widgets."""

    def __enter__(self) -> Step:
        from IPython.display import display

        self.handle = display(self._text(Tally()), raw=True, display_id=True)
        return super().__enter__()

    def step(self, cost: float, tally: Tally) -> None:
        self.done += cost
        self.handle.update(self._text(tally, f", about {self.left:.0f} s left"), raw=True)

    def _text(self, tally: Tally, left: str = "") -> dict[str, str]:
        share = self.done / self.total if self.total else 1.0
        bar = ("█" * round(24 * share)).ljust(24, "░")
        return {"text/plain": f"{bar} {share:4.0%}  {tally}{left}"}
