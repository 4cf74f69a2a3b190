"""CSV files that a spreadsheet opens without running anything: names that it would take for formulas are marked."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

FORMULA = r"[=+\-@\t\n]"  # what a spreadsheet takes for the beginning of one
MARK = "'"  # before it, what follows is text


def write_csv(frame: pd.DataFrame, path: Path, **options: Any) -> None:
    """Write a table; text that begins like a formula is marked, and `unmarked` has it back as it was."""
    _of_text(frame, marked).rename(columns=marked).to_csv(path, index=False, **options)


def marked(text: Any) -> Any:
    """Text with a mark before what begins like a formula, or like a mark before one; numbers as they are.

    A carriage return, which ends a row even within a cell, becomes a line feed, which is quoted.
    """
    if not isinstance(text, str):
        return text
    lines = text.replace("\r", "\n")
    return MARK + lines if re.match(f"{MARK}*{FORMULA}", lines) else lines


def unmarked(text: Any) -> Any:
    """Return the text that `marked` was given."""
    return text[1:] if isinstance(text, str) and re.match(f"{MARK}+{FORMULA}", text) else text


def read_marked(frame: pd.DataFrame) -> pd.DataFrame:
    """The table that `write_csv` wrote, as it was."""
    return _of_text(frame, unmarked)


def _of_text(frame: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    text = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    changed = {}
    for name in text:
        odd = {value: new for value in frame[name].dropna().unique() if (new := change(value)) != value}
        if odd:
            changed[name] = frame[name].map(lambda value, odd=odd: odd.get(value, value))
    return frame.assign(**changed)
