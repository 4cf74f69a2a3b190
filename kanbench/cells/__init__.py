"""A cell's way from config to record."""

from kanbench.cells.cell import Cell, Precision, Trial, Vary
from kanbench.cells.execution import Execution
from kanbench.cells.restore import (
    CannotRestore,
    restore_cell,
    restore_without_rows,
    retrain,
    trained_again,
    with_fewest,
)
from kanbench.cells.resume import ResumeFile
from kanbench.cells.rows import unfinished
from kanbench.cells.search import Search, admissible
from kanbench.cells.searching import run_search
from kanbench.cells.train import run_cell

__all__ = [
    "CannotRestore",
    "Cell",
    "Execution",
    "Precision",
    "ResumeFile",
    "Search",
    "Trial",
    "Vary",
    "admissible",
    "restore_cell",
    "restore_without_rows",
    "retrain",
    "run_cell",
    "run_search",
    "trained_again",
    "unfinished",
    "with_fewest",
]
