"""What a system is: a published experiment whose claims are checked by running it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from rich.console import Console

from kanbench.bases.base import require_finite
from kanbench.systems.findings import Findings


@dataclass(frozen=True)
class System(ABC):
    """Fields are settings, the schema of the system's YAML; `run` does it all in one process."""

    def __post_init__(self) -> None:
        """Raises `ValueError` that names the field, the rule and the value."""
        require_finite(self)

    @abstractmethod
    def run(self, console: Console) -> Findings:
        """Train, and look at what came out; the console is for what should be said meanwhile."""
