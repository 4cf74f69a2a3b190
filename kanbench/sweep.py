"""The last step of a multirun: one summary and one figure over all of its jobs."""

import json
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from rich.console import Console


class SweepSummary(Callback):
    """A Hydra callback; reads what the jobs of a sweep wrote, wherever they ran."""

    def on_multirun_end(self, config: Any, **_: Any) -> None:
        """Report over the cells of every job of the sweep."""
        from kanbench.report import MANIFEST, print_answer, print_summary, write_report

        manifests = [
            json.loads(path.read_text()) for path in sorted(Path(config.hydra.sweep.dir).glob(f"*/{MANIFEST}"))
        ]
        cells = list(dict.fromkeys(Path(cell) for manifest in manifests for cell in manifest["cells"]))
        cells = [cell for cell in cells if cell.exists()]
        if len(manifests) < 2 or not cells:
            return
        baseline, title = manifests[0]["baseline"], manifests[0]["title"]
        folder = Path(config.hydra.sweep.dir) / "report"
        console = Console(highlight=False, soft_wrap=True, markup=False)
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
