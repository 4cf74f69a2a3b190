"""The systems that started kanbench, each one command whose claims are checked; `SYSTEMS` is the registry."""

from kanbench.systems.base import System
from kanbench.systems.findings import Check, Findings
from kanbench.systems.formulas import Formulas
from kanbench.systems.hello_kan import HelloKAN

SYSTEMS: dict[str, type[System]] = {
    "formulas": Formulas,
    "hello_kan": HelloKAN,
}

__all__ = ["SYSTEMS", "Check", "Findings", "Formulas", "HelloKAN", "System"]
