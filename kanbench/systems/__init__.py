"""The systems that started kanbench, each one command whose claims are checked; `SYSTEMS` is the registry."""

from kanbench.systems.base import System
from kanbench.systems.findings import Check, Findings

SYSTEMS: dict[str, type[System]] = {}

__all__ = ["SYSTEMS", "Check", "Findings", "System"]
