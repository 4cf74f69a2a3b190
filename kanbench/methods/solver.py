"""Classical solvers of differential equations, the references of such tasks."""

from dataclasses import dataclass
from typing import Any, ClassVar

from kanbench.errors import require
from kanbench.methods.base import Method
from kanbench.methods.budget import Sizing


@dataclass(frozen=True)
class Solver(Method):
    """A classical solver with as many unknowns as a network has parameters.

    Finite differences are of the second order. The spectral one takes Chebyshev points, or Fourier modes along a
    variable in which u is periodic. `kanbench.data.equations.classical` says how equations are solved. What is reached
    at equal seconds is chosen among solves of several sizes by who reads them, so that no error depends on a machine.
    """

    is_trained: ClassVar[bool] = False

    unknowns: int
    is_spectral: bool

    def __post_init__(self) -> None:
        require(self.unknowns >= 1, "unknowns", "must be at least 1", self.unknowns)

    @property
    def label(self) -> str:  # type: ignore[override]  # a reference has a field
        return "spectral collocation" if self.is_spectral else "finite differences"

    @property
    def family(self) -> str:
        return "reference"

    def columns(self) -> dict[str, Any]:
        return {"depth": 0, "unknowns": self.unknowns}

    def size(self, n_in: int, budget: int = 0, n_out: int = 1) -> Sizing:
        return Sizing(0, (), self.unknowns, 0.0)
