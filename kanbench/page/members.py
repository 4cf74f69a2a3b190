"""The network of a chosen member for the page: trained again, described, and shown with data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from kanbench.analysis.kinds import CLASSIFICATION, REGRESSION
from kanbench.cells import CannotRestore, Cell, restore_cell, retrain
from kanbench.data import Dataset, FormulaTask
from kanbench.methods import NetworkMethod
from kanbench.models.own import OwnNetwork
from kanbench.page.choose import Choice
from kanbench.page.networks import NoPicture, candidates, plain_network
from kanbench.page.results import plain
from kanbench.store.record import read_record

POINTS, SLICE = 400, 61  # test points on the page; points of a walk along one input
DIGITS = 17  # all digits of a float, because errors are compared with those of the records
ELSEWHERE = 0.5  # the other inputs during a walk, in [-1, 1]; in the middle, many formulas are constant

Plain = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """A member with its network, or with the reason for its absence, and its data."""

    network: Plain
    data_key: str
    data: Plain


def show(choice: Choice, files: dict[str, Path]) -> Shown:
    """Train the member of a choice again; `files` has the record of every cell."""
    torch.set_num_threads(1)
    record = read_record(files[choice.cell])
    (member,) = [m for m in record.members if m["seed"] == choice.seed and m["lr"] in (choice.rate, None)]
    about = {name: member[name] for name in ("suite", "task", "method", "budget", "params", "seed", "cell")}
    error = next((member[name] for name in scores(member) if name in member), None)
    about |= {"role": choice.role, "recorded": plain(error, DIGITS)}
    try:
        cell = restore_cell(record.cell, member["experiment"], member["suite"])
        task = _drawable(cell)
        _require_picture(cell)
        model = retrain(cell, choice.seed, choice.rate).double()
        dataset = cell.datasets()[choice.seed]
        x = torch.from_numpy(dataset.test.x)
        grading = cell.task.grading
        with torch.no_grad():
            predictions = grading.predictions(dataset, model(x).squeeze(1).numpy())
        reached = grading.grade(dataset, predictions, dataset.test.y)[grading.score.metric]
        about |= {
            "reached": plain(reached, DIGITS),
            "layers": plain_network(_drawn(model), x),
            "candidates": candidates(_drawn(model), x),
        }
    except (CannotRestore, NoPicture) as reason:
        return Shown(about | {"reason": str(reason)}, "", {})
    return Shown(about, f"{member['suite']}/{member['task']}/{choice.seed}", plain_data(task, dataset))


def _drawable(cell: Cell) -> FormulaTask:
    """Return the task of a cell. Raises `NoPicture` for a task that is no formula, before anything is trained."""
    if isinstance(cell.task, FormulaTask) and cell.task.grading.n_outputs == 1:
        return cell.task
    others = (
        "; of equations it draws u under Solutions, if the run or the command `solution` kept it"
        if cell.equation
        else ""
    )
    raise NoPicture(f"the page draws networks of one output, of tasks that are formulas{others}")


def _require_picture(cell: Cell) -> None:
    """Raise `NoPicture` for code from elsewhere that builds other layers than the page draws, before it is trained."""
    if cell.method.is_foreign and isinstance(cell.method, NetworkMethod):
        start, dtype = torch.Generator().manual_seed(0), torch.float64
        model = cell.method.build(cell.task.n_inputs, cell.sizing.nodes, start, dtype, cell.n_outputs)
        plain_network(_drawn(model), torch.zeros(2, cell.task.n_inputs, dtype=dtype))


def _drawn(model: nn.Module) -> nn.Module:
    """Return the sequence of layers of a network; an own one holds it."""
    return model.inner if isinstance(model, OwnNetwork) else model


def scores(member: dict[str, Any]) -> list[str]:
    """Return the columns that may hold the score of a member, the one that its record names first."""
    return [f"test_{metric}" for metric in (member.get("metric"), REGRESSION, CLASSIFICATION) if metric]


def plain_data(task: FormulaTask, dataset: Dataset) -> Plain:
    """Return some test points, and walks along each input; y in the units of the formula."""
    columns = [
        (f"{v.name}{k + 1}" if v.size > 1 else v.name, v.low, v.high) for v in task.variables for k in range(v.size)
    ]
    return {
        "formula": task.formula,
        "inputs": [{"name": name, "low": low, "high": high} for name, low, high in columns],
        "mean": dataset.y_mean,
        "scale": dataset.y_std,
        "x": [[float(f"{value:.9g}") for value in row] for row in dataset.test.x[:POINTS].tolist()],
        "y": dataset.test.y[:POINTS].tolist(),
        "elsewhere": ELSEWHERE,
        "walks": [[plain(value) for value in _walk(task, i)] for i in range(task.n_inputs)],
    }


def _walk(task: FormulaTask, i: int) -> np.ndarray:
    """Evaluate the target along input i."""
    points = np.full((SLICE, task.n_inputs), ELSEWHERE)
    points[:, i] = np.linspace(-1.0, 1.0, SLICE)
    with np.errstate(all="ignore"):
        return task.target(points)
