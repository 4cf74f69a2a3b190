"""The folder of a published study: its table of records, tables, figures and page."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from kanbench.files.atomic import staged

if TYPE_CHECKING:
    import pandas as pd

    from kanbench.cli.reproduce import Study
    from kanbench.report.result import Result

PHONE = 3.8  # inches: the width of a figure whose text can be read on a phone
log = logging.getLogger(__name__)


def publish(study: "Study", records: "pd.DataFrame", out: Path) -> None:
    """Write records.csv.gz, every table and figure of the records, and their page, to the folder `out`.

    Raises:
        UsageError: for a file of costs that cannot be read.
    """
    from kanbench.analysis.baselines import say_missing
    from kanbench.analysis.spreadsheet import write_csv
    from kanbench.cli.tables import measured
    from kanbench.report.result import Result
    from kanbench.report.tables import print_tables, write_tables

    result = Result.of(records, study.title, study.baseline, study.primary.of(records) if study.primary else None)
    if study.costs:
        result = measured(result, study.costs)
    with staged(out) as place:
        write_csv(records, place / "records.csv.gz", compression={"method": "gzip", "mtime": 0})
        said = write_tables(result, place)
        _write_narrow(result, place)
        _write_page(study, place)
    print_tables(said, out)
    if missing := say_missing(records):
        log.warning("%s", missing)


def _write_narrow(result: "Result", folder: Path) -> None:
    """Write the figure of ratios again for a phone, where the folder has it."""
    from kanbench.report.figures.style import save

    if (folder / "ratios.png").exists():
        save(result.plot("ratios", width=PHONE), folder / "ratios_narrow", ["png"])


def _write_page(study: "Study", folder: Path) -> None:
    """Write the page of the table in a folder; the log says why records of several protocols have none."""
    from kanbench.page.source import CannotReport, find_sources
    from kanbench.page.write import PageOptions, write_page

    try:
        source = study.page_source(find_sources([folder / "records.csv.gz"]))
        write_page(source, folder / "report.html", PageOptions(networks=0))
    except CannotReport as reason:
        log.warning("no page: %s", reason)
