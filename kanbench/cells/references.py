"""The work of cells that train nothing: references are fitted, and equations solved by classical solvers."""

import time
from typing import Any, cast

from kanbench.cells.cell import Cell
from kanbench.cells.grading import grade_members, outcome
from kanbench.cells.rows import environment, identity, size, storable, unfinished
from kanbench.data.equations.classical import solve
from kanbench.data.equations.collocation import NoSolver
from kanbench.methods import Reference, Solver
from kanbench.store.record import CellRecord
from kanbench.training.curve import Curve


def record_of_reference(cell: Cell) -> CellRecord:
    """Fit a reference, or solve an equation, and return its record: one member per seed.

    An equation that a solver does not take is skipped. Raises `TooManyTerms`, and `ValueError` for a task that cannot
    be sampled.
    """
    try:
        members = _solved(cell, cell.method) if isinstance(cell.method, Solver) else _fitted(cell)
    except NoSolver as reason:
        return unfinished(cell, "skipped", str(reason))
    shared = identity(cell) | size(cell) | {"accelerator": "cpu"}
    return CellRecord(
        key=cell.key,
        members=[
            shared | {"seed": seed, "lr": None, "stopped": ""} | each
            for seed, each in zip(cell.seeds, members, strict=True)
        ],
        curve=storable(Curve(loss=cell.loss.name)),
        cell=cell.describe(),
        environment=environment(cell),
    )


def _solved(cell: Cell, solver: Solver) -> list[dict[str, Any]]:
    """Solve the equation once, with the coefficients that it should have: rows and seeds make no difference."""
    task = cell.equation
    assert task is not None
    dataset = task.split(cell.seeds[0], cell.sizes, cell.conditions)
    box, known = task.equation.box, {each.name: float(each.exact) for each in task.coefficients}
    points = box.grid(int(cell.sizes.test))
    started = time.perf_counter()
    u, _ = solve(task.equation, solver.unknowns, points, known, solver.is_spectral)
    seconds = time.perf_counter() - started
    grades = task.grading.grade(dataset, u, dataset.test.y)
    found = {f"test_{name}": value for name, value in grades.items()}
    return [{"flops": 0, "seconds": seconds} | outcome(found, task.grading.score)] * len(cell.seeds)


def _fitted(cell: Cell) -> list[dict[str, Any]]:
    """Fit a reference to the data of each seed; a closed form evaluates no loss step by step."""
    reference = cast(Reference, cell.method)
    datasets, grading = list(cell.datasets().values()), cell.task.grading
    targets = grading.for_references
    started = time.perf_counter()
    fitted = [reference.fit(d.train.x, targets(d.train.y), d.validation.x, targets(d.validation.y)) for d in datasets]
    seconds = time.perf_counter() - started
    grades = grade_members(
        datasets, lambda x: [fit.predict(each) for fit, each in zip(fitted, x, strict=True)], grading
    )
    shared = {"flops": reference.flops(cell.task.n_inputs, cell.n_outputs), "seconds": seconds / len(fitted)}
    return [
        shared | {"ridge": fit.ridge} | outcome(metrics, grading.score)
        for fit, metrics in zip(fitted, grades, strict=True)
    ]
