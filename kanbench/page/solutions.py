"""Solutions of equations for the page, the figures of a report, and the command `solution`."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from kanbench.analysis.load import load_records
from kanbench.data import EquationTask
from kanbench.data.equations.conditions import INSIDE
from kanbench.data.formula import Array
from kanbench.files.atomic import staged
from kanbench.page.source import Source
from kanbench.report.figures.solutions import DRAWN, Found, Pictured, draw_solutions
from kanbench.report.figures.style import method_styles, save
from kanbench.report.result import Result
from kanbench.solutions import Solution
from kanbench.solutions.find import Place, best_places, kept_at, solution_at
from kanbench.solutions.kept import kept_beside

CELLS = 59**2  # of a picture, which then has 60 points along each of two axes
DIGITS = 4
GIVEN = re.compile(r"u-\((.*)\)")  # the residual of a condition that gives u

Plain = dict[str, Any]


def write_solutions(source: Source, folder: Path, task: str = "", budget: int = 0) -> list[Path]:
    """Draw what the best member of every method found for each equation, and write it as tables.

    Members of which the run kept no file are trained once more.

    Args:
        source: The records of a run.
        folder: Where `TASK.png`, `TASK.svg` and `TASK-METHOD.csv` go.
        task: The name of one task; all if it is empty.
        budget: The budget of the members; the largest of each method if it is 0.

    Returns:
        The pictures, and the tables of equations that no picture shows. A table has the variables, u and its
        derivatives in the equation, the reference and the error.

    Raises:
        UsageError: No member of this task and budget solved an equation.
    """
    records = load_records(source.cells)
    places, written = best_places(records, source.files, task, budget=budget), []
    with staged(folder) as place:
        for name, of_task in groupby(places, lambda each: each.task):
            found = [(each, solution_at(each)) for each in of_task]
            for each, solution in found:
                stem = f"{name}-{each.method}".replace(" ", "_").replace("/", "_")
                solution.table().to_csv(place / f"{stem}.csv", index=False)
                if len(solution.variables) > DRAWN:
                    written.append(folder / f"{stem}.csv")
            if len(solution.variables) <= DRAWN:
                figure = draw_solutions(pictured(found), method_styles(records))
                written.append(folder / save(figure, place / name).name)
    return written


def kept_solutions(files: Mapping[str, Path], result: Result) -> list[Pictured]:
    """Return what the best members of a result found, of those equations and methods that have files of it.

    Nothing is trained; equations in more than two variables, which no picture shows, are left out.
    """
    kept = {cell: path for cell, path in files.items() if kept_beside(path).exists()}
    if not set(kept) & set(result.frame.cell):
        return []
    places = best_places(result.frame, kept)
    by_task = groupby(places, lambda each: (each.suite, each.task))
    found = [[(each, kept_at(each)) for each in of_task] for _, of_task in by_task]
    known = [[(place, solution) for place, solution in each if solution is not None] for each in found]
    return [pictured(each) for each in known if each and len(each[0][1].variables) <= DRAWN]


def pictured(found: list[tuple[Place, Solution]]) -> Pictured:
    """Return what methods found for one equation, on a grid that a picture needs."""
    (place, first), task = found[0], found[0][1].task
    points = task.equation.box.grid(CELLS if task.n_inputs > 1 else 400)
    reference = task.solution(points)
    of_methods = tuple(sorted((_found(*each, points) for each in found), key=lambda each: each.error))
    return Pictured(place.suite, task.name, tuple(_said(task)), first.variables, points, reference, of_methods)


def _found(place: Place, solution: Solution, points: Array) -> Found:
    params, seed = (int(solution.about[name]) for name in ("params", "seed"))
    return Found(place.method, solution(points), place.error, params, seed, solution.coefficients)


def _said(task: EquationTask) -> Iterator[str]:
    """Yield the equation and its conditions, one to a line."""
    yield f"{task.residual} = 0"
    for each in task.conditions:
        given = GIVEN.fullmatch(each.residual)
        said = f"u = {given[1]}" if given else f"{each.residual} = 0"
        at = each.where if each.where == INSIDE else f"at {each.where}"
        yield f"{each.residual} periodic in {each.where}" if each.is_periodic else f"{said} {at}"


def plain_solutions(every: Iterable[Pictured]) -> list[Plain]:
    """Return solutions as plain data: the reference and the error of every method, whose sum is u.

    Each is whole numbers times a scale, four digits of the largest.
    """
    return [
        {
            "task": each.task,
            "said": list(each.said),
            "variables": list(each.variables),
            "axes": [[float(axis[0]), float(axis[-1]), len(axis)] for axis in each.axes],
            "reference": _scaled(each.reference),
            "found": [_plain(found, each.reference) for found in each.found],
        }
        for each in every
    ]


def _plain(found: Found, reference: Array) -> Plain:
    about = {"method": found.method, "said": found.said, "seed": found.seed, "error": float(f"{found.error:.3g}")}
    return about | {"off": _scaled(found.u - reference)}


def _scaled(values: Array) -> Plain:
    largest = float(np.abs(values).max()) or 1.0
    scale = float(f"{largest / 10**DIGITS:.6e}")
    return {"scale": scale, "values": np.rint(values / scale).astype(int).tolist()}
