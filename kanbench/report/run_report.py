"""The report of a run: its tidy files and its figures. Imports no torch."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from kanbench.analysis import Answer, answers, load_records, summarize
from kanbench.analysis.axes import along, along_axes
from kanbench.analysis.protocol import levels, say_level
from kanbench.analysis.spreadsheet import write_csv
from kanbench.files.atomic import staged
from kanbench.report.figures.along import loss_along
from kanbench.report.figures.curves import loss_vs_parameters, small_multiples
from kanbench.report.figures.style import ordered_methods, save


@dataclass(frozen=True)
class Report:
    """The results that `write_report` found, and the figures that it drew."""

    records: pd.DataFrame
    summary: pd.DataFrame
    answers: list[Answer]  # one per budget; none of a sweep over an axis, which has them level by level
    of_level: dict[str, list[Answer]]
    figures: list[Path]  # PNG; an SVG of the same name lies beside each


def write_report(cells: Iterable[Path], folder: Path, title: str, baseline: str | None) -> Report:
    """Analyse record files: records.csv, summary.csv and figures (PNG and SVG) in `folder`.

    Where training rows, noise or extrapolation differ, the figures show the error along them instead.

    Each file appears whole, and all of them or none, so that the jobs of a run may report at the same time.
    """
    records = load_records(cells)
    summary = summarize(records, baseline)
    with staged(folder) as place:
        report = _draw(records, summary, place, title, baseline)
    return replace(report, figures=[folder / path.name for path in report.figures])


def _draw(records: pd.DataFrame, summary: pd.DataFrame, folder: Path, title: str, baseline: str | None) -> Report:
    write_csv(records, folder / "records.csv")
    write_csv(summary, folder / "summary.csv")
    apart = {say_level(level): answers(part, baseline) for level, part in levels(records)}
    if "" not in apart:
        return Report(records, summary, [], apart, _draw_along(records, folder, title, baseline))
    figures = []
    if summary.params.notna().any():
        figures.append(save(loss_vs_parameters(summary, records, title), folder / "loss_vs_parameters"))
        figures.append(save(small_multiples(records, title, ordered_methods(summary)), folder / "tasks"))
    return Report(records, summary, apart[""], {}, figures)


def _draw_along(records: pd.DataFrame, folder: Path, title: str, baseline: str | None) -> list[Path]:
    """One figure per axis and budget, the other axes held at their base; none where no task has every method."""
    figures = []
    for axis, held, part in along_axes(records):
        for budget, table in along(part, axis).groupby("budget"):
            at = ", ".join(filter(None, [f"{budget:,} parameters", say_level(held)]))
            figure = loss_along(table, part, axis, f"{title}\n{at}", baseline)
            figures.append(save(figure, folder / f"loss_vs_{axis}_{budget}"))
    return figures
