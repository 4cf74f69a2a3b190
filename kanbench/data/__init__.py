"""Tasks as data, their sampling and their metrics. Knows nothing of models, and imports no torch."""

from kanbench.data.metrics import grade
from kanbench.data.sampling import Dataset, Split, SplitSizes, sample, stream
from kanbench.data.task import Suite, Task, UnknownName, Variable, load_suite, suite_names

__all__ = [
    "Dataset",
    "Split",
    "SplitSizes",
    "Suite",
    "Task",
    "UnknownName",
    "Variable",
    "grade",
    "load_suite",
    "sample",
    "stream",
    "suite_names",
]
