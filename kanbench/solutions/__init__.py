"""Solutions of differential equations: u and its derivatives from networks, kept beside the records of a run."""

from kanbench.solutions.find import load_solution
from kanbench.solutions.solution import Solution

__all__ = ["Solution", "load_solution"]
