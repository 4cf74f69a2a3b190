"""Tasks, their sampling and their metrics. This room knows no models, and imports no torch."""

from kanbench.data.bundled import BUNDLED, MissingPackage, SuiteSettings, find_suite, load_bundled
from kanbench.data.columns import TableError
from kanbench.data.equations.task import EquationTask
from kanbench.data.formula_task import FormulaTask, Variable, load_suite, suite_names
from kanbench.data.grading import Classification, Grading, Regression, Score, SeveralOutputs
from kanbench.data.labels import Encoding
from kanbench.data.metrics import class_prior, grade, grade_classes
from kanbench.data.own_table import Kind, read_table
from kanbench.data.randomness import stream
from kanbench.data.sampling import sample
from kanbench.data.splits import CLEAN, Conditions, Dataset, Shares, Split, SplitSizes
from kanbench.data.table import TableTask, table_task
from kanbench.data.task import Suite, Task, TaskSettings
from kanbench.files.registry import registered

TASKS = registered("kanbench.data", TaskSettings)  # type: ignore[type-abstract]

__all__ = [
    "BUNDLED",
    "CLEAN",
    "TASKS",
    "Classification",
    "Conditions",
    "Dataset",
    "Encoding",
    "EquationTask",
    "FormulaTask",
    "Grading",
    "Kind",
    "MissingPackage",
    "Regression",
    "Score",
    "SeveralOutputs",
    "Shares",
    "Split",
    "SplitSizes",
    "Suite",
    "SuiteSettings",
    "TableError",
    "TableTask",
    "Task",
    "TaskSettings",
    "Variable",
    "class_prior",
    "find_suite",
    "grade",
    "grade_classes",
    "load_bundled",
    "load_suite",
    "read_table",
    "sample",
    "stream",
    "suite_names",
    "table_task",
]
