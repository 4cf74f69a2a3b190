"""Recovery of a formula from rows by a KAN whose nodes multiply."""

from kanbench.interpret.recovery.ladder import Recovered, recover
from kanbench.interpret.recovery.settings import Ladder

__all__ = ["Ladder", "Recovered", "recover"]
