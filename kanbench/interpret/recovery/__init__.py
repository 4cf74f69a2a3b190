"""Recovery of a formula from rows by a KAN whose nodes multiply."""

from kanbench.interpret.recovery.ladder import Ladder, Recovered, recover

__all__ = ["Ladder", "Recovered", "recover"]
