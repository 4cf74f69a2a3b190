"""The harness from Python."""

from kanbench.comparing.comparison import compare

__all__ = ["compare"]
