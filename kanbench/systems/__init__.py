"""Published systems, each one command that checks what was published about it; `SYSTEMS` is the registry."""

from kanbench.files.registry import registered
from kanbench.systems.approximation_rate import ApproximationRate
from kanbench.systems.base import System
from kanbench.systems.findings import Check, Findings
from kanbench.systems.formulas import Formulas
from kanbench.systems.hand_derived import HandDerived
from kanbench.systems.hello_kan import HelloKAN
from kanbench.systems.scratch_spline import ScratchSpline
from kanbench.systems.taylor_paraboloid import TaylorParaboloid

SYSTEMS = registered("kanbench.systems", System)  # type: ignore[type-abstract]

__all__ = [
    "SYSTEMS",
    "ApproximationRate",
    "Check",
    "Findings",
    "Formulas",
    "HandDerived",
    "HelloKAN",
    "ScratchSpline",
    "System",
    "TaylorParaboloid",
]
