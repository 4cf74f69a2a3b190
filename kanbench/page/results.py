"""Records as plain data for the page. Imports no torch."""

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from kanbench.analysis.answer import leading
from kanbench.analysis.kinds import references_at
from kanbench.report.result import Result
from kanbench.store.record import CellRecord

Plain = dict[str, Any]  # JSON-compatible data
DIGITS = 6
IN_TABLES = ("_rmse", "_max_error", "_memory_bytes")  # ends of columns that the page of a table leaves to the table
COURSE = "val_at_"  # begins the columns of errors on the way, which the learning curves show
LEFT_OUT = ("experiment", "basis", "aggregation", "activation", "protocol", "optimizer", "precision", "same_as")


def plain_summary(result: Result) -> list[Plain]:
    """Return one row per budget and method, with medians over tasks of each quantity that can be an x-axis."""
    chosen, rows = result.chosen, []
    for (budget, method), row in result.summary.set_index(["budget", "method"]).iterrows():
        tasks = result.scores[budget].tasks if budget in result.scores else []
        at_budget = pd.concat([chosen[chosen.budget == budget], references_at(chosen, budget)])
        of_method = at_budget[at_budget.method == method]
        same = pd.MultiIndex.from_frame(of_method[["suite", "task"]]).isin(tasks)
        cells = of_method[same].groupby("cell")[["flops", "seconds"]].first()
        medians = {name: cells[name].median() for name in cells}
        rows.append({"budget": budget, "method": method, **row, **medians})
    return [{name: plain(value) for name, value in row.items()} for row in rows]


def note(result: Result) -> str:
    """Say which error the answer divides by which, and how many trainings of the two methods did not end.

    Empty where axes or protocols differ, so that there are several answers.
    """
    if len(result.parts) > 1 or set(result.sentences) != {""} or not result.answers:
        return ""
    answer = leading(result.answers)
    of_methods = result.summary[result.summary.budget == answer.budget].set_index("method")
    shares = of_methods.get("at_cap", {})  # older records do not say how trainings ended
    at_cap = [(name, shares[name]) for name in (answer.better, answer.other) if shares.get(name, math.nan) >= 0.0]
    said = f"The error ratio is the error of {answer.other} over that of {answer.better}."
    if at_cap:
        said += " Still improving when their steps were used up: "
        said += ", ".join(f"{share:.0%} of {name}".replace("%", " %") for name, share in at_cap) + "."
    return said


def plain_records(frame: pd.DataFrame, is_table: bool = False) -> Plain:
    """Return the records column by column; texts are numbered, because few differ. Those of a table are kept short."""
    names = [name for name in frame if name not in LEFT_OUT and not name.startswith(COURSE)]
    names = [name for name in names if not (is_table and name.endswith(IN_TABLES))]
    return plain_columns(frame[names].dropna(axis="columns", how="all"))


def plain_columns(frame: pd.DataFrame, digits: int = DIGITS) -> Plain:
    """Return the columns of a frame; numbers that are all the same are written once."""
    columns: Plain = {}
    for name, column in frame.items():
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            values = [plain(value, digits) for value in column]
            columns[str(name)] = {"all": values[0]} if len(set(values)) == 1 < len(values) else {"values": values}
        else:
            codes, texts = pd.factorize(column.astype(str).where(column.notna(), ""))
            columns[str(name)] = {"texts": list(texts), "codes": codes.tolist()}
    return columns


def plain_curves(records: Iterable[CellRecord]) -> Plain:
    """Return the learning curves by cell, with the seed and the learning rate of each member."""
    return {
        record.key: _rounded(record.curve, digits=4)
        | {"members": [[member["seed"], member["lr"]] for member in record.members]}
        for record in records
        if record.curve["steps"]
    }


def plain_origin(records: list[CellRecord], frame: pd.DataFrame) -> Plain:
    """Return the commits, versions and machines of the records, most frequent first, and their shared settings."""
    environments = pd.Series([_words(_machine(record)) for record in records])
    known = records[0].cell if records else {}  # a table has no descriptions of cells
    fixed = {name: known[name] for name in ("optimizer", "sizes", "seeds", "precision") if name in known}
    return {
        "commits": frame.commit.fillna("").value_counts().to_dict(),
        "environments": environments.value_counts().to_dict(),
        "protocol": {name: _words(value) if isinstance(value, dict) else str(value) for name, value in fixed.items()},
    }


def _machine(record: CellRecord) -> Plain:
    """Describe the machine without the hash of the code, which differs between methods."""
    return {name: value for name, value in record.environment.items() if name != "code"}


def _words(facts: dict[str, Any]) -> str:
    head = [str(facts["type"])] if "type" in facts else []
    return ", ".join(head + [f"{name} {value}" for name, value in facts.items() if name != "type"])


def plain(value: Any, digits: int = DIGITS) -> Any:
    """Convert a number for JSON: None if it is missing or not finite, otherwise rounded to `digits` digits."""
    if isinstance(value, str):
        return value
    if value is None or value is pd.NA:
        return None
    number = float(value)
    if not math.isfinite(number):
        return None
    rounded = float(f"{number:.{digits - 1}e}")
    return int(number) if number.is_integer() and abs(number) < 1e15 else rounded


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(each, digits) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each, digits) for each in value]
    return plain(value, digits)
