"""The result of a comparison: one object that tables, figures, page, loggers and terminal take. Imports no torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kanbench.analysis.findings import Findings
from kanbench.analysis.kinds import MLP
from kanbench.analysis.scores import Compared, Primary, Records
from kanbench.analysis.shapes import choose_shapes
from kanbench.analysis.spreadsheet import write_csv
from kanbench.errors import UsageError
from kanbench.files.atomic import staged
from kanbench.report.figures.solutions import Pictured
from kanbench.report.figures.style import FORMATS, Styles, method_styles, ordered_methods

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Result(Findings):
    """Records with their title, baseline, scores, tests and answer, see `Findings`; and the figures and files of these.

    Args:
        frame: one row per member, as `load_records` returns it.
        title: what figures and pages are called; the names of the suites if empty.
        baseline: the label of the method that the others are compared with; without one the two best are compared.
        order: the methods in the order of legends and rows; empty for the order of their errors.
        chosen_from: the number of methods before some were chosen.
        costs: measured times of methods, as `read_costs` returns them.
        primary: the comparison that a study declared beforehand, which is answered and tested alone.
        page_writer: writes the interactive page to a path, where the record files of the frame are known.
        solution_finder: returns what networks of a result found for equations, where their files are known.

    Example:
        >>> from kanbench.analysis import load_records
        >>> result = Result.of(load_records("results/frontier"), baseline="MLP tanh")
        >>> few = result.choose(["MLP tanh", "KAN Taylor"], names={"KAN Taylor": "Taylor"})
        >>> few.methods
        ['MLP tanh', 'Taylor']
    """

    page_writer: Callable[[Path], object] | None = None
    solution_finder: Callable[["Result"], list[Pictured]] | None = None

    @classmethod
    def of(
        cls, records: Records, title: str = "", baseline: str | None = None, primary: Primary | None = None
    ) -> "Result":
        """Return the result of some records; a result comes back as it is, but for what is given of the rest.

        Raises:
            UsageError: if no record is of the baseline, or of a method of the primary comparison at its budget.
        """
        frame = records.frame if isinstance(records, Compared) else choose_shapes(records)
        if baseline is not None and baseline not in (known := set(frame.method)):
            raise UsageError(f"baseline: no method {baseline!r} (methods: {', '.join(sorted(known))})")
        if primary is not None and not primary.is_in(frame):
            raise UsageError(
                f"primary: {primary.method!r} and {primary.against!r} at {primary.budget:,} parameters "
                "are not both among the records"
            )
        if isinstance(records, Result):
            title, baseline = title or records.title, baseline or records.baseline
            primary = primary or records.primary
            is_same = (title, baseline, primary) == (records.title, records.baseline, records.primary)
            return records if is_same else replace(records, title=title, baseline=baseline, primary=primary)
        return cls(frame if isinstance(records, Compared) else records, title=title, baseline=baseline, primary=primary)

    @cached_property
    def styles(self) -> Styles:
        """The color, mark and dashes of each method."""
        return method_styles(self.frame)

    @property
    def best_kan(self) -> str | None:
        """The method of the primary comparison, or else the best that is neither `mark` nor an MLP."""
        if self.primary:
            return self.primary.method
        others = [m for m in ordered_methods(self.ranking) if m != self.mark and self.family[m] != MLP]
        trained = set(self.frame[self.frame.budget.notna()].method)
        return next((method for method in others if method in trained), None)

    @cached_property
    def solutions(self) -> list[Pictured]:
        """The solutions of equations that the best member of every method found, as far as a run kept them."""
        return self.solution_finder(self) if self.solution_finder else []

    def choose(self, methods: Sequence[str] = (), names: Mapping[str, str] | None = None) -> Self:
        """Return the result of some methods alone, in this order and under these names.

        Tests are then of these methods alone, so they are corrected for fewer pairs.

        Args:
            methods: labels; all if empty.
            names: other names for some of them, by label.

        Raises:
            UsageError: for a label that no record has, one that is there twice, and a name that two methods would have.
        """
        names = dict(names or {})
        wanted = list(methods) or self.methods
        known = set(self.frame.method)
        shown = _shown_names(wanted, names, known)
        frame = self.frame[self.frame.method.isin(wanted)]
        original = frame.label if "label" in frame else frame.method
        frame = frame.assign(label=original, method=frame.method.replace(names))
        baseline = names.get(self.baseline, self.baseline) if self.baseline in wanted else None
        order = tuple(shown) if methods else ()
        before = self.chosen_from or len(known)
        primary = self.primary.among(wanted, names) if self.primary else None
        changed = {"frame": frame, "baseline": baseline, "order": order, "chosen_from": before, "primary": primary}
        return replace(self, **changed, known_levels=(), page_writer=None, solution_finder=None)

    def plot(
        self, name: str, ax: "Axes | None" = None, width: float | None = None, height: float | None = None
    ) -> "Figure":
        """Draw a figure by its name, on given axes or as a figure of its own.

        Args:
            name: a name of `FIGURES`, such as "loss_vs_parameters".
            ax: where to draw; a figure with a panel per family or task refuses it.
            width, height: inches; a slide is 13.3 by 7.5.

        Raises:
            UsageError: for a name that no figure has.
            Refusal: for records of which this figure cannot be drawn; the message says why.
        """
        from kanbench.report.figures.gallery import draw  # here, because figures take a result

        return draw(self, name, ax, width, height)

    def latex(self, name: str) -> str:
        r"""Return a table by its name, such as "ratios" or "errors", as LaTeX for \usepackage{booktabs}.

        Raises:
            UnknownName: for a name that no table of these records has.
        """
        from kanbench.report.against import latex_of  # here, because tables take a result

        return latex_of(self, name)

    def tables(self, folder: str | Path, formats: Sequence[str] = ("png", "svg"), width: float | None = None) -> None:
        """Write every table (CSV, Markdown, LaTeX) and figure (png, svg, pdf; `width` in inches), all or none."""
        from kanbench.report.folder import Look
        from kanbench.report.tables import write_tables  # here, because tables take a result

        look = Look(tuple(formats), width)
        with staged(Path(folder)) as place:
            write_tables(self, place, look=look)

    def page(self, path: str | Path) -> None:
        """Write the interactive page, which shows all methods under their labels.

        Raises:
            UsageError: where the record files of the frame are not known, and after `choose`.
        """
        if self.chosen_from:
            raise UsageError("page: it shows all methods of a run; write it from the result that they were chosen from")
        if self.page_writer is None:
            raise UsageError("page: needs the files of the records; `kanbench report FOLDER` finds those of a run")
        self.page_writer(Path(path))

    def save(self, folder: str | Path) -> None:
        """Write records.csv, every table, every figure as PNG, SVG and PDF, and the page where it can be written."""
        with staged(Path(folder)) as place:
            write_csv(self.records, place / "records.csv")
            self.tables(place, formats=FORMATS)
            if self.page_writer is not None:
                self.page(place / "report.html")


def _shown_names(wanted: Sequence[str], names: Mapping[str, str], known: set[str]) -> list[str]:
    """Return the names of the wanted methods. Raises `UsageError` unless all are known and their names differ."""
    for label in [*wanted, *names]:
        if label not in known:
            raise UsageError(f"methods: no method {label!r} (methods: {', '.join(sorted(known))})")
    shown = [names.get(label, label) for label in wanted]
    for label in shown:
        if not label.strip() or shown.count(label) > 1:
            raise UsageError(f"methods: every method needs a name of its own, got {label!r} in {shown}")
    return shown
