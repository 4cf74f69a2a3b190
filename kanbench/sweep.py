"""The last step of a multirun: one summary and one figure over all of its jobs, and what failed in any of them."""

import json
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from rich.console import Console

if TYPE_CHECKING:
    from kanbench.record import CellRecord


class SweepSummary(Callback):
    """A Hydra callback; reads what the jobs of a sweep wrote, wherever they ran. `failures`: cells, for the exit code
    of the process that waits for jobs elsewhere."""

    failures = 0

    def on_multirun_end(self, config: Any, **_: Any) -> None:
        """Report over the cells of every job of the sweep."""
        from kanbench.report import MANIFEST, print_failures

        folder = Path(config.hydra.sweep.dir)
        manifests = [json.loads(path.read_text()) for path in sorted(folder.glob(f"*/{MANIFEST}"))]
        cells = list(dict.fromkeys(Path(cell) for manifest in manifests for cell in manifest["cells"]))
        cells = [cell for cell in cells if cell.exists()]
        console = Console(highlight=False, soft_wrap=True, markup=False)
        if len(manifests) > 1 and cells:
            _report(console, cells, folder / "report", manifests[0]["title"], manifests[0]["baseline"])
        failures = list(_failed(cells))
        SweepSummary.failures = len(failures)
        print_failures(console, failures, shlex.join(["python", "-m", "kanbench", *sys.argv[1:]]))


def _report(console: Console, cells: list[Path], folder: Path, title: str, baseline: str | None) -> None:
    from kanbench.report import print_answer, print_summary, write_report

    try:
        report = write_report(cells, folder, title, baseline)
    except ValueError as error:  # jobs that no one table may hold; each has a report of its own
        console.print(f"no summary of the sweep: {error}")
        return
    console.rule("the whole sweep")
    print_answer(console, report)
    print_summary(console, report.summary, baseline)
    for path in report.figures:
        console.print(f"figure    {path}")


def _failed(cells: Iterable[Path]) -> Iterator["CellRecord"]:
    from kanbench.record import read_record
    from kanbench.sealed import Damaged

    for path in cells:
        with suppress(Damaged, FileNotFoundError):
            if (record := read_record(path)).failed:
                yield record
