"""A network as the solution of an equation: u and its derivatives at any points, in the units of the equation."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from kanbench import checkpoint
from kanbench.cells.cell import as_plain
from kanbench.cells.problems import problem_of
from kanbench.cells.restore import CannotRestore, restore_equation
from kanbench.data import EquationTask
from kanbench.data.equations.expression import UNKNOWN
from kanbench.data.formula import Array
from kanbench.errors import shown
from kanbench.files.sealed import Damaged
from kanbench.files.user_code import loaded_before
from kanbench.models.own import OwnNetwork
from kanbench.training.residual import Problem
from kanbench.training.residual_ensemble import ResidualEnsemble

AT_ONCE = 20_000  # points
NOTE = "solution"  # the name of what a checkpoint holds beside the network
Points = Any  # an array (n, variables), (n,) for one variable, or a data frame with a column for each


@dataclass(frozen=True)
class Asked:
    """The names of derivatives in the place of a residual: what an ensemble then has the jets for."""

    orders: tuple[str, ...]

    def __call__(self, x: Tensor, jet: dict[str, Tensor], coefficients: Tensor | None) -> Tensor:
        return x.new_zeros(x.shape[:-1])


@dataclass(frozen=True, eq=False)
class Solution:
    """The solution of an equation by a network, as a function of points.

    Args:
        network: Maps points of the cube [-1, 1]^D, (n, D), to (n, 1).
        task: The equation, with its domain, its conditions and its reference.
        coefficients: The numbers in the equation that were found together with u, by name.
        about: What the network is: the method, its parameters, seed and the like.

    Example:
        >>> import kanbench as kb
        >>> u = kb.load_solution("results/runs/pde", task="burgers", method="KAN Chebyshev")  # doctest: +SKIP
        >>> u([[0.5, 0.1]]), u([[0.5, 0.1]], "u_x"), u.coefficients  # doctest: +SKIP
    """

    network: nn.Module
    task: EquationTask
    coefficients: Mapping[str, float] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables, in the order of the columns of points."""
        return self.task.equation.box.names

    @property
    def orders(self) -> tuple[str, ...]:
        """u and those of its derivatives that occur in the equation and its conditions."""
        equation = self.task.equation
        every = (name for each in (equation.interior, *equation.of_conditions) for name in each.orders)
        return tuple(dict.fromkeys((UNKNOWN, *every)))

    def __call__(self, points: Points, of: str = UNKNOWN) -> Array:
        """Return u, or a derivative, at points of the domain: (n,).

        Args:
            points: An array (n, variables), (n,) for one variable, or a data frame with a column for each variable, in
                the units of the equation.
            of: "u", "u_x", "u_xx", "u_xt" and the like, up to the second order.

        Raises:
            ValueError: The points have other columns, or the network has no such derivative.
        """
        return self.values(points, (of,))[of]

    def values(self, points: Points, names: Sequence[str]) -> dict[str, Array]:
        """Return u and derivatives at points by their names, see `__call__`."""
        problem = problem_of(self.task)
        asked = Problem(problem.variables, problem.domain, Asked(tuple(names)), hard=problem.hard)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that derivatives of other layers are slow
            ensemble = ResidualEnsemble([self.network], asked)
        x = torch.from_numpy(self._array(points)).to(ensemble.start)
        jets = torch.cat([ensemble.jets(ensemble.start, part[None])[0] for part in x.split(AT_ONCE)], dim=-1).double()
        return {name: ensemble.along.read(name, jets).numpy() for name in names}

    def reference(self, points: Points) -> Array:
        """Return u as it should be at points: (n,)."""
        return self.task.solution(self._array(points))

    def grid(self, cells: int = 10_000) -> Array:
        """Return the points of a grid with at least so many cells, the last variable running fastest: (n, D)."""
        return self.task.equation.box.grid(cells)

    def relative_error(self, cells: int = 10_000) -> float:
        """Return the relative L2 error of u on a grid; that of the record is on one of `data.test` cells."""
        points = self.grid(cells)
        reference = self.reference(points)
        return float(np.linalg.norm(self(points) - reference) / np.linalg.norm(reference))

    def table(self, points: Points | None = None) -> pd.DataFrame:
        """Return variables, u and its derivatives in the equation, reference and error, on a grid if points is None."""
        x = self._array(self.grid() if points is None else points)
        reference, found = self.reference(x), self.values(x, self.orders)
        places = dict(zip(self.variables, x.T, strict=True))
        return pd.DataFrame(places | found | {"reference": reference, "error": found[UNKNOWN] - reference})

    def save(self, path: str | Path) -> None:
        """Write the network and the equation to a file, from which `load_solution` reads them.

        Raises:
            ValueError: The network has a layer or a basis that no file can hold.
            OSError: The file cannot be written.
        """
        own = self.network.plan if isinstance(self.network, OwnNetwork) else None
        note = {
            "task": as_plain(self.task),
            "coefficients": dict(self.coefficients),
            "about": dict(self.about),
            "code": [own.name, own.hash] if own else [],
        }
        names = checkpoint.Names(self.variables, (UNKNOWN,))
        checkpoint.save(self.network, path, names=names, notes={NOTE: note})

    def _array(self, points: Points) -> Array:
        """Return points as an array (n, D)."""
        names = self.variables
        if isinstance(points, pd.DataFrame):
            if absent := [name for name in names if name not in points]:
                raise ValueError(f"points must have a column for each variable, and {shown(absent)} is not there")
            points = points[list(names)]
        found = np.array(points, dtype=np.float64, order="C")  # a copy, as torch takes no others
        if found.ndim == 1 and len(names) == 1:
            found = found[:, None]
        if found.ndim != 2 or found.shape[1] != len(names):
            raise ValueError(f"points must be (n, {len(names)}), the columns {', '.join(names)}, got {found.shape}")
        return found


def read_solution(path: Path, target: str = "") -> Solution:
    """Read the file of a solution.

    Args:
        path: A file that `Solution.save` wrote.
        target: `file.py:Name`, which is run for an own model or basis, see `kanbench.checkpoint.load`. Code that this
            process has run before needs no target.

    Raises:
        Damaged: The file is cut short, of another kind, or holds a network that is no solution of an equation.
        TargetError: The code of an own model is not there.
        FileNotFoundError: There is no such file.
    """
    notes = checkpoint.load_notes(path)
    if NOTE not in notes:
        raise Damaged(f"{path}: holds a network that is no solution of an equation")
    try:
        note = notes[NOTE]
        task, code = restore_equation(note["task"]), note["code"]
        coefficients = {str(name): float(value) for name, value in note["coefficients"].items()}
        if not target and code and (loaded := loaded_before(code[0], code[1])):
            target = loaded.target
    except (CannotRestore, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Damaged(f"{path}: holds no equation that this version can build ({error})") from error
    return Solution(checkpoint.load(path, target=target), task, coefficients, note["about"])
