"""The data sets that come with scikit-learn, as tasks; nothing is downloaded."""

from functools import cache
from typing import Any

import numpy as np

from kanbench.data.formula_task import load_suite, suite_names
from kanbench.data.table import TableTask, table_task
from kanbench.data.task import Suite
from kanbench.errors import UnknownName

BUNDLED = "sklearn"
TITLE = "Tables that come with scikit-learn"
NAMES = ("diabetes", "breast_cancer", "digits", "wine")


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
        raise MissingPackage("the suite sklearn needs scikit-learn: pip install -e '.[tables]'") from error
    loaders = {name: getattr(datasets, f"load_{name}") for name in NAMES}
    return Suite(BUNDLED, TITLE, tuple(_task(name, load()) for name, load in loaders.items()))


def find_suite(name: str) -> Suite:
    """Return a suite by name. Raises `UnknownName` with the names of all suites, and `MissingPackage`."""
    if name == BUNDLED:
        return load_bundled()
    if name not in suite_names():
        raise UnknownName("suite", name, [*suite_names(), BUNDLED])
    return load_suite(name)


def _task(name: str, bunch: Any) -> TableTask:
    x = np.asarray(bunch.data, dtype=np.float64)
    varies = np.ptp(x, axis=0) > 0
    return table_task(
        name,
        [str(column).replace(" ", "_") for column, kept in zip(bunch.feature_names, varies, strict=True) if kept],
        x[:, varies],
        "progression" if name == "diabetes" else "class",
        np.asarray(bunch.target, dtype=np.float64),
        [str(label) for label in getattr(bunch, "target_names", ())],
        source=f"scikit-learn, load_{name}",
        note=f"{(~varies).sum()} constant columns are left out" if not varies.all() else "",
    )
