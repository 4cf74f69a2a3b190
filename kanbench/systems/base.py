"""The interface of a system: a published experiment whose statements are checked by running it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from rich.console import Console

from kanbench.errors import require, require_finite
from kanbench.systems.findings import Findings


@dataclass(frozen=True)
class System(ABC):
    """A published experiment. Its fields are the settings in its YAML; `run` does everything in one process."""

    def __post_init__(self) -> None:
        """Check the settings. Raises `ValueError` with the field, the rule and the value."""
        require_finite(self)

    @abstractmethod
    def run(self, console: Console) -> Findings:
        """Train, and return the findings; messages during the run go to the console."""


LARGEST_SEED = 2**32 - 1


def require_at_most(system: System, **limits: int) -> None:
    """Raise `ValueError` for a setting, or an entry of one, above its limit: it would never end or fill the memory."""
    for name, limit in limits.items():
        value = getattr(system, name)
        largest = max(value, default=0) if isinstance(value, tuple) else value
        require(largest <= limit, name, f"must be at most {limit:,}", value)
        require(not isinstance(value, tuple) or len(value) <= 10, name, "must have at most 10 entries", value)
