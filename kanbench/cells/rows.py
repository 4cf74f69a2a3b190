"""Rows of records: what a member was, of the cell that it belongs to."""

from dataclasses import fields
from typing import Any, cast

from kanbench.cells.cell import RESULTS_VERSION, Cell, as_plain, digest
from kanbench.files.json_data import finite
from kanbench.methods import NetworkMethod
from kanbench.store import provenance
from kanbench.store.record import CellRecord
from kanbench.training.curve import Curve

COLUMNS_OF_METHODS = {"basis": "", "aggregation": "", "activation": ""}  # that every record has, whatever its method


def unfinished(cell: Cell, status: str, reason: str, traceback: str = "") -> CellRecord:
    """The record of a cell that was not trained to the end: "skipped" for want of a width, or "failed"."""
    shared = identity(cell) | {"status": status, "reason": reason}
    if status == "failed":
        shared |= size(cell)
    return CellRecord(
        key=cell.key,
        members=[shared | {"seed": seed, "lr": rate, "stopped": ""} for seed, rate in cell.members],
        curve=storable(Curve(loss=cell.loss.name)),
        cell=cell.describe(),
        environment=environment(cell),
        traceback=traceback,
    )


def environment(cell: Cell) -> dict[str, str]:
    """Return what the numbers of a cell depend on beside its config: versions, machine, and the hash of the code."""
    return provenance.environment() | cell.method.versions | {"code": cell.code}


def identity(cell: Cell) -> dict[str, Any]:
    """The columns that say what a member is."""
    method = cell.method
    return {
        "experiment": cell.experiment,
        "suite": cell.suite,
        "task": cell.task.name,
        "same_as": cell.task.same_as,
        "n_inputs": cell.task.n_inputs,
        "smooth": {True: "yes", False: "no", None: ""}[cell.task.smooth],
        "heavy_tailed": cell.task.heavy_tailed,
        "method": method.label,
        "family": method.family,
        **COLUMNS_OF_METHODS,
        **method.columns(),
        **_curve(cell),
        "budget": cell.budget or None,
        "optimizer": type(cell.optimizer).__name__,
        "precision": cell.precision.value,
        **_place(cell),
        **_protocol(cell),
        "protocol": cell.protocol,
        "cell": cell.key,
        "commit": provenance.commit(),
    }


def _curve(cell: Cell) -> dict[str, Any]:
    """The column that names the curve of a fixed shape over its sizes; none for other methods."""
    method = cell.method
    return {"curve": method.curve} if isinstance(method, NetworkMethod) and method.hidden is not None else {}


def _place(cell: Cell) -> dict[str, Any]:
    """The columns that say what a cell is in its search of shapes; none outside one."""
    if (place := cell.search) is None:
        return {}
    method = cast(NetworkMethod, cell.method)
    return {
        "searched": place.searched,
        "trial": place.number,
        "trials": len(place.shapes),
        "searched_size": method.searched_size,
    }


def _protocol(cell: Cell) -> dict[str, Any]:
    """The columns that say what a comparison holds fixed; `data` is the hash of the task itself."""
    rows = cell.task.rows(cell.sizes)
    settings = {each.name: getattr(cell.optimizer, each.name) for each in fields(cell.optimizer)}
    return {
        "data": digest(cell.describe()["task"]),
        "metric": cell.task.grading.score.metric,
        "measure": cell.task.grading.score.name,
        "train_size": cell.sizes.train,
        "validation_size": cell.sizes.validation,
        "test_size": cell.sizes.test,
        "n_train": rows.train,
        "noise": cell.conditions.noise,
        "extrapolation": cell.conditions.extrapolation,
        "vary": cell.vary.value,
        "settings": "; ".join(f"{name}={as_plain(value)}" for name, value in settings.items()),
        "results_version": RESULTS_VERSION,
    }


def size(cell: Cell) -> dict[str, Any]:
    """The columns that say how large the models are, and how far that is from the budget."""
    sizing = cell.sizing
    shape = "-".join(map(str, sizing.shape))
    return {
        "shape": shape,
        "width": sizing.width,
        "params": sizing.params,
        "budget_miss": sizing.miss,
        "missed": sizing.is_marked,
    }


def storable(curve: Curve) -> dict[str, Any]:
    """A learning curve as JSON has it."""
    losses = finite(curve.validation)
    stored = {"steps": curve.steps, f"validation_{curve.loss}": losses, "evaluations": curve.evaluations}
    return stored | {"layers": finite(curve.layers)} if curve.layers else stored
