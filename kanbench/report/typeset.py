"""Tables for people: Markdown, and LaTeX with booktabs. Numbers become text once, the same in both."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

NOTHING = "-"
EMBOLDENED = "bold: the best mean rank, and those not found to differ from it (Friedman, Wilcoxon with Holm, 5 %)"
LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "_": r"\_",
    "#": r"\#",
    "$": r"\$",
    "^": r"\^{}",
    "~": r"\~{}",
    "{": r"\{",
    "}": r"\}",
    "<": "$<$",  # in the fonts of old, < and > are Spanish marks
    ">": "$>$",
    "|": r"\textbar{}",
    "[": "{[}",  # the end of a row would take it for an argument, and a star as well
    "*": "{*}",
}
Columns = dict[str, Callable[..., str]]  # see `tabulate`


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column is left-aligned, the others right. `bold` holds (row, column)."""

    caption: str
    headings: list[str]
    rows: list[list[str]]
    bold: frozenset[tuple[int, int]] = frozenset()

    def markdown(self) -> str:
        """A caption, and a table that GitHub renders."""
        lines = [[*map(_one_line, self.headings)], ["---", *["---:"] * (len(self.headings) - 1)]]
        lines += self._marked(lambda text: f"**{text}**", _one_line)
        return f"{' '.join(self.caption.split())}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)

    def latex(self) -> str:
        r"""A `table` environment for documents with \usepackage{booktabs}."""
        body = [" & ".join(line) + r" \\" for line in self._marked(lambda text: rf"\textbf{{{text}}}", _escape)]
        return "\n".join(
            [
                r"\begin{table}  % needs \usepackage{booktabs}",
                rf"\caption{{{_escape(self.caption)}}}",
                rf"\begin{{tabular}}{{l{'r' * (len(self.headings) - 1)}}}",
                r"\toprule",
                " & ".join(map(_escape, self.headings)) + r" \\",
                r"\midrule",
                *body,
                r"\bottomrule",
                r"\end{tabular}",
                r"\end{table}",
                "",
            ]
        )

    def _marked(self, embolden: Callable[[str], str], escape: Callable[[str], str]) -> list[list[str]]:
        return [
            [embolden(escape(text)) if (i, j) in self.bold else escape(text) for j, text in enumerate(row)]
            for i, row in enumerate(self.rows)
        ]


def _escape(text: str) -> str:
    """Text as LaTeX prints it, in one line: an empty one ends a paragraph, which a table may not hold."""
    return "".join(LATEX.get(character, character) for character in " ".join(text.split()))


def _one_line(text: str) -> str:
    """A cell of a Markdown table, which a line break or a bar would end."""
    return " ".join(text.split()).replace("\\", r"\\").replace("|", r"\|")


def error(value: float, digits: int = 3) -> str:
    """1.11e-3: digits that an error is worth, and no padding of the exponent."""
    if pd.isna(value):
        return NOTHING
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    return f"{mantissa}e{int(power)}" if int(power) else mantissa


def interval(value: float, low: float, high: float) -> str:
    """1.11e-3 (1.0e-3 .. 1.3e-3); without the brackets where there is no interval."""
    return error(value) if pd.isna(low) else f"{error(value)} ({error(low, 2)} .. {error(high, 2)})"


def win_tie_loss(win: float, tie: float, loss: float) -> str:
    """3 / 1 / 2; a dash where none are counted."""
    return NOTHING if pd.isna(win) else f"{win:.0f} / {tie:.0f} / {loss:.0f}"


def with_failures(text: str, members: float, failed: float) -> str:
    """1.11e-3, 2 of 50 failed; the text alone where none did. A median over seeds does not show them."""
    return f"{text}, {failed:.0f} of {members:.0f} failed" if failed > 0 else text


def with_cap(text: str, at_cap: float) -> str:
    """1.11e-3, 12 % at cap; the text alone where this is unknown or no member was."""
    return f"{text}, {percent(at_cap)} at cap" if at_cap > 0 else text


def percent(value: float) -> str:
    """12 %; and < 1 % where some are."""
    return NOTHING if pd.isna(value) else "< 1 %" if 0 < value < 0.01 else f"{100 * value:.0f} %"


def ratio(value: float) -> str:
    """15.3."""
    return NOTHING if pd.isna(value) else f"{value:.3g}"


def plain_interval(value: float, low: float, high: float) -> str:
    """2.71 (1.89 .. 3.34)."""
    if pd.isna(value):
        return NOTHING
    return f"{value:.3g}" if pd.isna(low) else f"{value:.3g} ({low:.3g} .. {high:.3g})"


def p_value(value: float) -> str:
    """0.012, and < 0.001 where more digits would be a pretence."""
    if pd.isna(value):
        return NOTHING
    return "< 0.001" if value < 1e-3 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"


def count(value: float) -> str:
    """1,003."""
    return NOTHING if pd.isna(value) else f"{value:,.0f}"


def share(value: float, low: float, high: float) -> str:
    """1.5 % (0.4 .. 5.2)."""
    return NOTHING if pd.isna(value) else f"{100 * value:.1f} % ({100 * low:.1f} .. {100 * high:.1f})"


def error_table(
    ranked: pd.DataFrame, best: dict[int, set[str]], measure: str, caption: str, order: Sequence[str] = ()
) -> Table:
    """Methods x budgets, in the given order or the best at the largest budget first; `best` are emboldened, by budget.

    `measure` is a column of `ranking` that has an interval: `error` or `iqm`.
    """
    budgets = sorted(ranked.budget.unique())
    last = ranked.sort_values(["budget", measure], ascending=[False, True])
    methods = sorted(dict.fromkeys(last.method), key=lambda name: order.index(name) if name in order else len(order))
    held = {(row.budget, row.method): row._asdict() for row in ranked.itertuples()}
    rows, bold = [], set()
    for i, method in enumerate(methods):
        cells = [method]
        for j, budget in enumerate(budgets, start=1):
            row = held.get((budget, method))
            cells.append(_said(row, measure, interval) if row else NOTHING)
            if row and method in best.get(budget, set()):
                bold.add((i, j))
        rows.append(cells)
    return Table(caption, ["method", *[f"{budget:,}" for budget in budgets]], rows, frozenset(bold))


def axis_table(tidy: pd.DataFrame, axis: str, measure: str, caption: str) -> Table:
    """Methods x values of the axis, the lowest mean logarithm first. `measure`: `error`, `ratio`, `gap` of `along`."""
    write = interval if measure == "error" else plain_interval
    values = sorted(tidy[axis].unique())
    order = np.log(tidy.set_index("method")[measure]).groupby("method").mean().sort_values().index
    held = {(row["method"], row[axis]): row for row in tidy.to_dict("records")}
    rows = [
        [method, *[_said(held[method, v], measure, write) if (method, v) in held else NOTHING for v in values]]
        for method in order
    ]
    return Table(caption, ["method", *[f"{value:,g}" for value in values]], rows)


def _said(row: dict[Hashable, Any], measure: str, write: Callable[..., str]) -> str:
    text = write(*(row[measure + end] for end in ("", "_low", "_high")))
    return with_cap(with_failures(text, row["members"], row["failed"]), row.get("at_cap", np.nan))


def tabulate(frame: pd.DataFrame, columns: Columns, caption: str, bold: Sequence[bool] = ()) -> Table:
    """One row per row of the frame. A column is "heading: source[, source ...]", and a function of these to text.

    Rows that are marked in `bold` have their first column emboldened.
    """
    parsed = [(sources(heading), write) for heading, write in columns.items()]
    rows = [[write(*(row[source] for source in of)) for of, write in parsed] for row in frame.to_dict("records")]
    marked = frozenset((i, 0) for i, mark in enumerate(bold) if mark)
    return Table(caption, [heading.split(": ")[0] for heading in columns], rows, marked)


def sources(column: str) -> list[str]:
    """Return the columns of a frame that a column of a table comes from, see `tabulate`."""
    return column.split(": ")[1].split(", ")
