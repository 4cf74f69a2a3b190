"""Tasks as Python programs give them: by name, as objects, as arrays or as data frames."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from kanbench.data.bundled import BUNDLED, find_suite
from kanbench.data.columns import LEAVE_OUT, Column, ColumnReader, NoNumbers, TableError, number_in
from kanbench.data.formula_task import suite_names
from kanbench.data.labels import LabelColumn, classes_of
from kanbench.data.table import TableTask, table_task
from kanbench.data.task import Suite, Task
from kanbench.errors import UnknownName, counted, require_name, shown

ALLOWED = (
    "must be the name of a suite, names of tasks, Task objects, (X, y), a data frame, or a dict of names to these two"
)
FIRST = "feynman"  # where names of tasks are looked up first
OTHER_TARGET = "predict another column"  # in place of the advice for inputs


def tasks_of(given: Any, target: str | Sequence[str] | None = None) -> tuple[Suite, tuple[Task, ...]]:
    """Return the suite that a program means, and the tasks of it that are trained.

    Args:
        given: One of:

            - the name of a suite, or `suite/pattern` for some of its tasks;
            - a list of names or patterns of tasks, all of one suite: of feynman if it has them;
            - a `Task`, a list of them, or a `Suite`;
            - a pair (X, y) of arrays, (n, n_inputs) and (n,), or (n, n_targets) for several targets;
            - a data frame, of which `target` names the column to predict, or several;
            - a dict from the names of tasks to pairs or frames.
        target: The target column of data frames, or the list of several.

    Raises:
        TypeError: It is none of these.
        ValueError: There is no such suite, task or column, or an array holds something else than finite numbers.
    """
    if isinstance(given, Suite):
        return given, given.tasks
    if isinstance(given, str):
        return _named(given)
    if isinstance(given, Task):
        given = [given]
    if _is_frame(given) or _is_pair(given):
        given = {"table": given}
    if isinstance(given, Mapping):
        return _tables(given, target)
    if not isinstance(given, list | tuple):
        raise TypeError(f"tasks {ALLOWED}, got {type(given).__name__}")
    if not given:
        raise ValueError("tasks must hold at least one task, got none")
    if all(isinstance(each, str) for each in given):
        return _among_suites(list(given))
    if all(isinstance(each, Task) for each in given):
        suite = Suite("own", counted(len(given), "task"), tuple(given))
        return suite, suite.tasks
    kinds = ", ".join(dict.fromkeys(type(each).__name__ for each in given))
    raise TypeError(f"tasks {ALLOWED}, got a {type(given).__name__} of {kinds}")


def _named(name: str) -> tuple[Suite, tuple[Task, ...]]:
    """Return a whole suite, or the tasks of `suite/pattern`."""
    head, slash, pattern = name.rpartition("/")
    if slash and head in (*suite_names(), BUNDLED):
        suite = find_suite(head)
        return suite, _chosen(suite, [pattern])
    suite = find_suite(name)
    return suite, suite.tasks


def _among_suites(names: list[str]) -> tuple[Suite, tuple[Task, ...]]:
    """Return the tasks of these names or patterns, from the first suite that has them all."""
    if any("/" in name for name in names):
        head = names[0].partition("/")[0]
        if any(name.partition("/")[0] != head for name in names):
            raise ValueError(f"tasks must be of one suite, got {shown(names)}")
        suite = find_suite(head)
        return suite, _chosen(suite, [name.partition("/")[2] for name in names])
    known: dict[str, Suite] = {}
    for each in (FIRST, *(name for name in suite_names() if name != FIRST)):
        suite = find_suite(each)
        known |= {task.name: suite for task in suite.tasks if task.name not in known}
        if all(any(fnmatchcase(task.name, name) for task in suite.tasks) for name in names):
            return suite, _chosen(suite, names)
    for name in names:
        if not any(fnmatchcase(task, name) for task in known):
            raise UnknownName("task", name, known)
    raise ValueError(f"tasks must be of one suite, and no suite has all of {', '.join(names)}")


def _chosen(suite: Suite, patterns: list[str]) -> tuple[Task, ...]:
    names = [task.name for task in suite.tasks]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise UnknownName(f"task of suite {suite.name}", pattern, names)
    return tuple(task for task in suite.tasks if any(fnmatchcase(task.name, pattern) for pattern in patterns))


def _tables(given: Mapping[str, Any], target: str | Sequence[str] | None) -> tuple[Suite, tuple[Task, ...]]:
    tasks = []
    for name, table in given.items():
        require_name("the name of a task", name)
        if _is_frame(table):
            tasks.append(frame_task(name, table, target))
        elif _is_pair(table):
            tasks.append(array_task(name, *table))
        else:
            raise TypeError(f"task {name} must be (X, y) or a data frame, got {type(table).__name__}")
    if not tasks:
        raise ValueError("tasks must hold at least one task, got none")
    title = f"{_title(tasks[0].target)} of {tasks[0].name}" if len(tasks) == 1 else counted(len(tasks), "table")
    suite = Suite("table", title, tuple(tasks))
    return suite, suite.tasks


def array_task(name: str, x: Any, y: Any) -> TableTask:
    """Return the prediction of y from x (n, n_inputs); a data frame as x names the inputs, else they are x1, x2, ..

    y is (n,), or (n, n_targets) for a model with several outputs. Text, true and false are classes.

    Raises:
        ValueError: The shapes do not belong together, or the arrays hold something else than finite numbers that vary.
    """
    inputs, targets = _unmasked(x), _unmasked(y)
    if inputs.ndim == 1:
        inputs = inputs[:, None]
    if (
        inputs.ndim != 2
        or targets.ndim not in (1, 2)
        or len(inputs) != len(targets)
        or not (inputs.size and targets.size)
    ):
        raise ValueError(
            f"task {name}: X must be rows times inputs and y one number a row, got shapes {inputs.shape} "
            f"and {targets.shape}"
        )
    names = [str(column) for column in getattr(x, "columns", range(1, inputs.shape[1] + 1))]
    names = names if hasattr(x, "columns") else [f"x{number}" for number in names]
    if targets.ndim == 1:
        named, targets = [str(getattr(y, "name", None) or "y")], targets[:, None]
    else:
        columns = getattr(y, "columns", range(1, targets.shape[1] + 1))
        named = [str(column) if hasattr(y, "columns") else f"y{column}" for column in columns]
    for given in (names, named):
        if twice := {shown(each) for each in given if given.count(each) > 1}:
            raise ValueError(f"task {name}: each column must have a name of its own, and {min(twice)} stands twice")
    return _table(name, dict(zip(names, inputs.T, strict=True)), dict(zip(named, targets.T, strict=True)))


def _unmasked(values: Any) -> np.ndarray:
    """Return values as an array, with None for those that a mask hides."""
    if np.ma.is_masked(values):
        cells = np.ma.getdata(values).astype(object)
        cells[np.ma.getmaskarray(values)] = None
        return cells
    return np.asarray(values)


def frame_task(name: str, frame: Any, target: str | Sequence[str] | None) -> TableTask:
    """Return the prediction of the column `target` of a data frame, or of several, from all its other columns.

    Text, true and false as a single target are classes.

    Raises:
        ValueError: There is no such column, or a column holds something else than finite numbers that vary.
    """
    columns = [str(column) for column in frame.columns]
    if not target:
        raise ValueError(f"target must name the column of {name} to predict: {', '.join(columns)}")
    targets = [target] if isinstance(target, str) else list(map(str, target))
    for each in targets:
        if each not in columns:
            raise UnknownName(f"column of {name}", each, columns)
    if len(columns) <= len(set(targets)) or len(set(columns)) < len(columns) or len(set(targets)) < len(targets):
        raise ValueError(f"task {name}: its columns must be a target and at least one input, each with its own name")
    cells = {column: frame.iloc[:, place].to_numpy() for place, column in enumerate(columns)}
    return _table(name, {each: cells[each] for each in columns if each not in targets}, {t: cells[t] for t in targets})


def _table(name: str, inputs: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray]) -> TableTask:
    """Return the task of columns by name; a single target of text, or of true and false, is a class."""
    x = np.stack([_numbers(name, column, cells) for column, cells in inputs.items()], axis=1)
    ((first, cells), *others) = targets.items()
    if not others and cells.dtype.kind in "bUSO" and not any(number_in(cell) is not None for cell in cells.tolist()):
        column = LabelColumn(Path(name), first)
        column.add(cells.tolist())
        codes, classes = classes_of(_content(column, OTHER_TARGET))
        return table_task(name, list(inputs), x, first, codes, classes)
    numbers = [_numbers(name, column, cells, OTHER_TARGET) for column, cells in targets.items()]
    if not others and cells.dtype.kind != "f" and np.isin(numbers[0], (0.0, 1.0)).all():
        raise ValueError(
            f"task {name}: {shown(first)} holds only 0 and 1; make them bool if they are two classes, or float if they "
            "are numbers"
        )
    if not others:
        return table_task(name, list(inputs), x, first, numbers[0])
    return table_task(name, list(inputs), x, list(targets), np.stack(numbers, axis=1))


def _title(target: str | tuple[str, ...]) -> str:
    return target if isinstance(target, str) else ", ".join(target)


def _numbers(table: str, name: str, cells: np.ndarray, advice: str = "leave it out") -> np.ndarray:
    """Return a column as numbers; raises `TableError`, a ValueError, as for a column of a file, with an advice."""
    column = Column(Path(table), name)
    if cells.dtype.kind in "mM":  # NumPy makes integers of times in nanoseconds
        raise TableError(f"{column.where} holds times ({cells.dtype}); {advice}, or make numbers of it")
    column.add(cells.tolist())
    return _content(column, advice)


def _content(column: ColumnReader, advice: str) -> Any:
    try:
        return column.content()
    except NoNumbers as error:
        raise TableError(f"{error.fault}; {advice}, or make numbers of it") from error
    except TableError as error:
        raise TableError(str(error).replace(LEAVE_OUT, advice)) from error


def _is_frame(value: Any) -> bool:
    return hasattr(value, "columns") and hasattr(value, "iloc")


def _is_pair(value: Any) -> bool:
    """Return True for a tuple of two arrays."""
    if not isinstance(value, tuple) or len(value) != 2 or any(isinstance(each, str | Task) for each in value):
        return False
    return all(hasattr(each, "__array__") or isinstance(each, list) for each in value)
