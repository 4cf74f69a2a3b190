"""The systems that started kanbench, each one command whose claims are checked; `SYSTEMS` is the registry."""

from kanbench.systems.base import System
from kanbench.systems.findings import Check, Findings
from kanbench.systems.hand_derived import HandDerived

SYSTEMS: dict[str, type[System]] = {
    "hand_derived": HandDerived,
}

__all__ = ["SYSTEMS", "Check", "Findings", "HandDerived", "System"]
