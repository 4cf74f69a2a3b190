"""The data sets that come with scikit-learn, as tasks; nothing is downloaded."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kanbench.data.formula_task import load_suite, read_suite, suite_names
from kanbench.data.table import TableTask, table_task
from kanbench.data.task import Suite, Task, TaskSettings
from kanbench.errors import UnknownName, installs
from kanbench.files.yaml_file import FileError

BUNDLED = "sklearn"
TITLE = "Tables that come with scikit-learn"
NAMES = ("diabetes", "breast_cancer", "digits", "wine", "iris", "linnerud")


class MissingPackage(ValueError):
    """A required package is not installed; the message says how to install it."""


@cache
def load_bundled() -> Suite[TableTask]:
    """Return the suite of all bundled tables; constant columns, such as some pixels of the digits, are left out.

    Raises `MissingPackage` without scikit-learn.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise MissingPackage(f"the suite sklearn needs scikit-learn: {installs('tables')}") from error
    loaders = {name: getattr(datasets, f"load_{name}") for name in NAMES}
    return Suite(BUNDLED, TITLE, tuple(_task(name, load()) for name, load in loaders.items()))


def find_suite(name: str) -> Suite:
    """Return a suite by its name, or by the path of its file where the name ends in .yaml.

    Raises `UnknownName` with the names of all suites, `FileError` for a file that is no suite, and `MissingPackage`.
    """
    if name.endswith((".yaml", ".yml")):
        return read_suite(Path(name).expanduser())
    if name == BUNDLED:
        return load_bundled()
    if name not in suite_names():
        raise UnknownName("suite", name, [*suite_names(), BUNDLED])
    return load_suite(name)


@dataclass(frozen=True)
class SuiteSettings(TaskSettings):
    """A suite by its name or its file, and the tasks of it whose names match any of the patterns."""

    word: ClassVar[str] = "suite"

    suite: str = ""
    tasks: tuple[str, ...] = ("*",)

    def read(self) -> Suite:
        try:
            return find_suite(self.suite)
        except (UnknownName, MissingPackage, FileError) as error:
            raise ValueError(f"suite: {error}") from error

    def choose(self, suite: Suite) -> tuple[Task, ...]:
        names = [task.name for task in suite.tasks]
        for pattern in self.tasks:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise ValueError(f"tasks: {UnknownName(f'task of suite {suite.name}', pattern, names)}")
        chosen = [task for task in suite.tasks if any(fnmatchcase(task.name, pattern) for pattern in self.tasks)]
        if not chosen:
            raise ValueError("tasks: must name at least one task; ['*'] takes all")
        return tuple(chosen)


def _task(name: str, bunch: Any) -> TableTask:
    x = np.asarray(bunch.data, dtype=np.float64)
    varies = np.ptp(x, axis=0) > 0
    names = [str(column).removesuffix(" (cm)").replace(" ", "_") for column in bunch.feature_names]
    targets = {"diabetes": "progression", "linnerud": ("weight", "waist", "pulse")}  # of the regressions
    return table_task(
        name,
        [column for column, kept in zip(names, varies, strict=True) if kept],
        x[:, varies],
        targets.get(name, "class"),
        np.asarray(bunch.target, dtype=np.float64),
        [str(label) for label in bunch.target_names] if name not in targets else (),
        source=f"scikit-learn, load_{name}",
        note=f"{(~varies).sum()} constant columns are left out" if not varies.all() else "",
    )
