"""The report of a run: its tidy files and its figures. Imports no torch."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from kanbench.analysis import load_records
from kanbench.analysis.protocol import say_level
from kanbench.analysis.significance import Refusal
from kanbench.analysis.spreadsheet import write_csv
from kanbench.errors import counted
from kanbench.files.atomic import staged
from kanbench.report.figures.along import loss_along
from kanbench.report.figures.solutions import SOLUTION, Pictured, draw_solutions
from kanbench.report.figures.style import save
from kanbench.report.result import Result


@dataclass(frozen=True)
class Report:
    """The result that `write_report` found, and the figures that it drew."""

    result: Result
    figures: list[Path]  # PNG; an SVG of the same name lies beside each, but for solutions of equations

    @property
    def lines(self) -> list[str]:
        """Lines that say where the figures are: one for each, and one for all solutions of equations."""
        solved = [path for path in self.figures if path.name.startswith(SOLUTION)]
        lines = [f"figure    {path}" for path in self.figures if path not in solved]
        if solved:
            lines.append(f"figures   {solved[0].parent}/{SOLUTION}*.png ({counted(len(solved), 'equation')})")
        return lines


def write_report(
    cells: Iterable[Path],
    folder: Path,
    title: str,
    baseline: str | None,
    page_writer: Callable[[Path], object] | None = None,
    solution_finder: Callable[[Result], list[Pictured]] | None = None,
) -> Report:
    """Analyse record files: records.csv, summary.csv and figures (PNG and SVG) in `folder`.

    Where training rows, noise or extrapolation differ, the figures show the error along them instead. The page of the
    result is what `page_writer` writes. What networks found for equations is drawn as far as `solution_finder` has it.

    Each file appears whole, and all of them or none, so that the jobs of a run may report at the same time.
    """
    records = load_records(cells)
    result = Result(records, title=title, baseline=baseline, page_writer=page_writer, solution_finder=solution_finder)
    summary = result.summary  # raises before anything is written
    with staged(folder) as place:
        write_csv(result.records, place / "records.csv")
        write_csv(summary, place / "summary.csv")
        figures = [*_draw(result, place), *_draw_solutions(result, place)]
        report = Report(result, figures)
    return replace(report, figures=[folder / path.name for path in report.figures])


def _draw(result: Result, folder: Path) -> list[Path]:
    if len(result.levels) > 1:
        return _draw_along(result, folder)
    figures = []
    for name in ("loss_vs_parameters", "tasks"):
        with suppress(Refusal):
            figures.append(save(result.plot(name), folder / name))
    return figures


def _draw_solutions(result: Result, folder: Path) -> list[Path]:
    """One figure per equation, where solutions were kept."""
    return [
        save(draw_solutions(each, result.styles), folder / f"{SOLUTION}{each.task}", ["png"])
        for each in result.solutions
    ]


def _draw_along(result: Result, folder: Path) -> list[Path]:
    """One figure per axis and budget, the other axes held at their base; none where no task has every method."""
    figures = []
    for axis, (held, table) in result.along.items():
        for budget, part in table.groupby("budget"):
            at = ", ".join(filter(None, [f"{budget:,} parameters", say_level(held)]))
            figure = loss_along(part, result, axis, f"{result.title}\n{at}", result.baseline)
            figures.append(save(figure, folder / f"loss_vs_{axis}_{budget}"))
    return figures
